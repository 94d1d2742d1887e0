/** The history of configuration: what changed between two states of a layer, as records without secrets, and their text. Pure. */
import { schemaOfKey, type ConfigChange, type ConfigLayer } from '@sluice/sdk';
import { maskSecrets } from './masking.js';
import type { Values } from './value-file.js';

/** Circumstances of a change. */
export interface ChangeOrigin {
  readonly at: number;
  readonly actor: string;
  readonly layer: ConfigLayer;
  /** Schema of the bundle's configuration, which marks the secrets. */
  readonly schema: Readonly<Record<string, unknown>> | undefined;
}

/** One record for each key whose value differs, in order of the keys. */
export function changesBetween(before: Values, after: Values, origin: ChangeOrigin): readonly ConfigChange[] {
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return keys
    .filter((key) => canonical(before[key]) !== canonical(after[key]))
    .map((key) => {
      const schema = schemaOfKey(origin.schema, key);
      return {
        at: origin.at,
        actor: origin.actor,
        key,
        layer: origin.layer,
        before: maskSecrets(before[key], schema),
        after: maskSecrets(after[key], schema),
      };
    });
}

/** One line per record. */
export function formatHistory(changes: readonly ConfigChange[]): string {
  return changes.map((change) => `${JSON.stringify(change)}\n`).join('');
}

/** The newest records of a history, oldest first. A line cut off by a crash is passed over. */
export function parseHistory(text: string, recordsMax: number): readonly ConfigChange[] {
  const changes: ConfigChange[] = [];
  for (const line of text.split('\n').slice(-recordsMax - 1)) {
    if (line === '') continue;
    try {
      const { at, actor, key, layer, before, after } = JSON.parse(line) as ConfigChange;
      changes.push({ at, actor, key, layer, before, after });
    } catch {
      // Only the last line of an append that the process did not survive can be incomplete; the change itself is in the file.
    }
  }
  return changes.slice(-recordsMax);
}

/** A text that is equal for equal JSON values, whatever the order of their keys. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}
