/** Changes of configurations on their way from the files to the bundles (OSGi Compendium 8, 104.9: configuration plugins). */
import { localContract } from './contract.js';

/**
 * Whiteboard service: lays values over those of the files, such as secrets from a vault or what depends on the machine. Plugins run by
 * ascending property `config.ranking` (an integer, default 0), so that the highest has the last word; a property `config.target`, a
 * symbolic name or a list of them, names the bundles it is for, default all. What a plugin gives is checked like any other value, and
 * is never written down. One that fails is reported and passed over.
 */
export interface ConfigPluginService {
  /** Shown as the origin of its values. */
  readonly name: string;
  /**
   * The values to lay over, by key.
   * @param values what the files and the plugins before this one say; secrets are resolved.
   */
  modify(
    bundle: string,
    values: Readonly<Record<string, unknown>>,
  ): Readonly<Record<string, unknown>> | Promise<Readonly<Record<string, unknown>>>;
  /** Calls back when it would give other values for a bundle. Returns the undo. */
  watch?(changed: (bundle: string) => void): () => void;
}

/** Whiteboard contract of configuration plugins. */
export const ConfigPlugin = localContract<ConfigPluginService>('sluice.config.Plugin', '1.0.0', []);
