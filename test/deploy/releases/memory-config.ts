/** A source of configuration in memory, with the run-time layer only and references to secrets. For tests of releases. */
import type { ConfigLayerValues, ConfigSourceService } from '@sluice/sdk';

type Values = Readonly<Record<string, unknown>>;

/** Keeps run-time values; `failing` makes the next writes fail, as a full disk does. */
export class MemoryConfig implements ConfigSourceService {
  readonly stored = new Map<string, Record<string, unknown>>();
  readonly actors: string[] = [];
  failing = false;
  readonly #watchers = new Set<(bundle: string) => void>();

  async layers(bundle: string): Promise<readonly ConfigLayerValues[]> {
    const stored = this.stored.get(bundle) ?? {};
    return [{ layer: 'runtime', values: await this.resolve(bundle, stored), stored }];
  }

  watch(changed: (bundle: string) => void): () => void {
    this.#watchers.add(changed);
    return () => void this.#watchers.delete(changed);
  }

  async set(bundle: string, values: Values, actor: string): Promise<void> {
    if (this.failing) throw new Error('no space left');
    const next: Record<string, unknown> = { ...this.stored.get(bundle) };
    for (const [key, value] of Object.entries(values)) {
      if (value === undefined || value === null) delete next[key];
      else next[key] = value;
    }
    this.stored.set(bundle, next);
    this.actors.push(actor);
    for (const watcher of this.#watchers) watcher(bundle);
  }

  history(): Promise<readonly never[]> {
    return Promise.resolve([]);
  }

  resolve(_bundle: string, values: Values): Promise<Values> {
    const resolved = Object.entries(values).map(([key, value]) => [key, (value as { $env?: string }).$env ?? value]);
    return Promise.resolve(Object.fromEntries(resolved) as Values);
  }
}
