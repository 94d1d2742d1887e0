/** A bundle with a configuration, and settings under which the configuration bundle looks often. */
import { defineBundle } from '@sluice/sdk';
import type { TestBundle } from '@sluice/kernel/testing';

export type Values = Readonly<Record<string, unknown>>;

/** Settings of `system.config` that find a change soon. */
export const quick = { scanPeriodMs: 100, settleMs: 10, watch: false };

/** A bundle that tells which configuration it got. */
export function configured(): { bundle: TestBundle; seen: Values[]; next: () => Promise<Values> } {
  const seen: Values[] = [];
  let told: (config: Values) => void = () => undefined;
  const definition = defineBundle({
    activate(context) {
      seen.push(context.config);
      context.onConfigChange((config) => {
        seen.push(config);
        told(config);
      });
    },
  });
  const schema = {
    type: 'object',
    additionalProperties: false,
    properties: { limit: { type: 'integer', default: 1 }, password: { type: 'string', 'x-secret': true } },
  };
  const bundle: TestBundle = { symbolicName: 'core.ledger', definition, manifest: { config: { schema, defaults: { limit: 2 } } } };
  return { bundle, seen, next: () => new Promise((resolve) => (told = resolve)) };
}
