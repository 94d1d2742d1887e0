/** Stands in for `system.config` without files: the run-time layer in memory. */
import { ConfigSource, defineBundle, type ConfigChange, type ConfigSourceService } from '@sluice/sdk';
import type { TestBundle } from '../test-bundle.js';

/** The stand-in. */
export interface FakeConfig {
  readonly bundle: TestBundle;
}

/** Makes one. @param operator values of the operator's layer, by bundle. */
export function fakeConfig(operator: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {}): FakeConfig {
  const runtime = new Map<string, Record<string, unknown>>();
  const changes = new Map<string, ConfigChange[]>();
  const watchers = new Set<(bundle: string) => void>();
  const definition = defineBundle({
    provides: [ConfigSource],
    activate(context) {
      const source: ConfigSourceService = {
        layers: async (bundle) => [
          { layer: 'operator', values: operator[bundle] ?? {} },
          { layer: 'runtime', values: { ...runtime.get(bundle) } },
        ],
        watch(changed) {
          watchers.add(changed);
          return () => void watchers.delete(changed);
        },
        async set(bundle, values, actor) {
          const current = { ...runtime.get(bundle) };
          const list = changes.get(bundle) ?? [];
          for (const [key, after] of Object.entries(values)) {
            list.push({ at: context.clock.now(), actor, key, layer: 'runtime', before: current[key], after });
            if (after === undefined) delete current[key];
            else current[key] = after;
          }
          runtime.set(bundle, current);
          changes.set(bundle, list);
          for (const changed of watchers) changed(bundle);
        },
        resolve: async (_bundle, values) => values,
        history: async (bundle) => changes.get(bundle) ?? [],
      };
      context.register(ConfigSource, source);
    },
  });
  return { bundle: { symbolicName: 'system.config', definition } };
}
