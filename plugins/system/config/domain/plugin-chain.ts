/**
 * The configuration plugins: who they are, whom they are for, in which order they run, and what they lay over the values of the files.
 * Always holds: a plugin that fails or takes too long is reported and passed over; what a plugin gave is shown by its name, never by value.
 */
import { messageOf, type ConfigLayerValues, type ConfigPluginService, type Logger, type ServiceView } from '@sluice/sdk';
import type { Values } from './value-file.js';

/** Property of a plugin's service: plugins run in ascending order. */
export const PLUGIN_RANKING = 'config.ranking';
/** Property of a plugin's service: symbolic names of the bundles it is for. */
export const PLUGIN_TARGET = 'config.target';

/** What the chain needs from its surroundings. */
export interface ChainSurroundings {
  readonly log: Pick<Logger, 'warn'>;
  /** Rejects when the work takes longer than plugins may. */
  limit<T>(what: string, work: () => Promise<T>): Promise<T>;
}

interface Link {
  readonly plugin: ConfigPluginService;
  readonly view: ServiceView;
  readonly unwatch: () => void;
}

/** Knows the plugins. */
export class PluginChain {
  readonly #around: ChainSurroundings;
  readonly #links = new Map<number, Link>();

  constructor(around: ChainSurroundings) {
    this.#around = around;
  }

  /** A plugin appeared. `changed` is told when it would give a bundle other values. */
  add(plugin: ConfigPluginService, view: ServiceView, changed: (bundle: string) => void): void {
    this.#links.set(view.id, { plugin, view, unwatch: plugin.watch?.(changed) ?? (() => undefined) });
  }

  /** A plugin has other properties. */
  modify(view: ServiceView): void {
    const link = this.#links.get(view.id);
    if (link !== undefined) this.#links.set(view.id, { ...link, view });
  }

  remove(view: ServiceView): void {
    this.#links.get(view.id)?.unwatch();
    this.#links.delete(view.id);
  }

  /** What the plugins for a bundle lay over its values; undefined when none of them does. */
  async layer(bundle: string, values: Values): Promise<ConfigLayerValues | undefined> {
    const given: Record<string, unknown> = {};
    const origins: Record<string, unknown> = {};
    for (const { plugin, view } of this.#inOrder(bundle)) {
      try {
        const what = `configuration plugin '${plugin.name}' of '${view.bundle}'`;
        const changes = await this.#around.limit(what, async () => plugin.modify(bundle, { ...values, ...given }));
        for (const [key, value] of Object.entries(changes)) {
          given[key] = value;
          origins[key] = { $plugin: plugin.name };
        }
      } catch (error) {
        this.#around.log.warn(
          `Configuration plugin '${plugin.name}' of '${view.bundle}' failed for '${bundle}' and was passed over: ${messageOf(error)}`,
          { code: 'CONFIG_PLUGIN_FAILED', plugin: plugin.name, bundle, error },
        );
      }
    }
    return Object.keys(given).length === 0 ? undefined : { layer: 'plugin', values: given, stored: origins };
  }

  #inOrder(bundle: string): readonly Link[] {
    return [...this.#links.values()]
      .filter(({ view }) => isFor(view.properties[PLUGIN_TARGET], bundle))
      .sort((a, b) => rankingOf(a.view) - rankingOf(b.view) || a.view.id - b.view.id);
  }
}

function isFor(target: unknown, bundle: string): boolean {
  if (target === undefined) return true;
  return Array.isArray(target) ? target.includes(bundle) : target === bundle;
}

/** As for services, what is no integer counts as 0. */
function rankingOf({ properties }: ServiceView): number {
  const ranking = properties[PLUGIN_RANKING];
  return Number.isInteger(ranking) ? (ranking as number) : 0;
}
