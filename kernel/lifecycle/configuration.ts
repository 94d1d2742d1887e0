/**
 * Configuration of bundles: merges shipped defaults with the layers of the best `ConfigSource`, checks the result against the
 * manifest's schema and hands it out frozen. Leaves where values are kept to the source, and how schemas are checked to a port.
 */
import { isDeepStrictEqual } from 'node:util';
import { SluiceError, type ConfigLayer, type ConfigLayerValues, type ConfigSourceService } from '@sluice/sdk';
import type { ConfigurationChange, Manifest } from '../model/index.js';
import type { ConfigValue } from './runtime.js';

/** Checks values against a JSON Schema; returns all mistakes. */
export type SchemaCheck = (
  schema: Readonly<Record<string, unknown>>,
  values: Readonly<Record<string, unknown>>,
) => readonly { path: string; message: string }[];

/** A merged configuration with the origin of each key. */
export interface MergedConfiguration {
  readonly values: Readonly<Record<string, unknown>>;
  readonly origins: ReadonlyMap<string, 'default' | ConfigLayer>;
}

type Layer = { readonly layer: ConfigLayer; readonly values: Readonly<Record<string, unknown>> };

/** Merges by key: a later layer replaces the whole value of an earlier one. */
export function mergeLayers(manifest: Manifest, layers: readonly Layer[]): MergedConfiguration {
  const values: Record<string, unknown> = {};
  const origins = new Map<string, 'default' | ConfigLayer>();
  const properties = propertiesOf(manifest);
  for (const [key, property] of Object.entries(properties)) {
    const fallback = (property as { default?: unknown }).default;
    if (fallback !== undefined) {
      values[key] = fallback;
      origins.set(key, 'default');
    }
  }
  for (const [key, value] of Object.entries(manifest.config?.defaults ?? {})) {
    values[key] = value;
    origins.set(key, 'shipped');
  }
  for (const { layer, values: more } of layers) {
    for (const [key, value] of Object.entries(more)) {
      values[key] = value;
      origins.set(key, layer);
    }
  }
  return { values, origins };
}

/** Names of the keys whose values must never be shown. */
export function secretKeys(manifest: Manifest): ReadonlySet<string> {
  const keys = Object.entries(propertiesOf(manifest)).filter(([, property]) => (property as Record<string, unknown>)['x-secret'] === true);
  return new Set(keys.map(([key]) => key));
}

function propertiesOf(manifest: Manifest): Record<string, unknown> {
  return (manifest.config?.schema as { properties?: Record<string, unknown> } | undefined)?.properties ?? {};
}

/** The layers as they are once the pending changes are written. */
async function withPending(
  manifest: Manifest,
  layers: readonly ConfigLayerValues[],
  source: ConfigSourceService | undefined,
  pending: readonly ConfigurationChange[],
): Promise<readonly Layer[]> {
  const runtime = layers.find(({ layer }) => layer === 'runtime');
  const changes = outstanding(pending, runtime?.stored ?? runtime?.values ?? {});
  const set = Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined));
  const resolved = (await source?.resolve?.(manifest.symbolicName, set)) ?? set;
  const values: Record<string, unknown> = { ...runtime?.values };
  for (const key of Object.keys(changes)) {
    if (Object.hasOwn(resolved, key)) values[key] = resolved[key];
    else delete values[key];
  }
  return [...layers.filter(({ layer }) => layer !== 'runtime'), { layer: 'runtime', values }];
}

/**
 * What is left of changes of one bundle, given the run-time values as they are kept: key to value, undefined where one is taken away. A
 * key that is no longer what the change found was set by somebody since, and stays.
 */
export function outstanding(
  changes: readonly ConfigurationChange[],
  stored: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const now: Record<string, unknown> = { ...stored };
  const left: Record<string, unknown> = {};
  for (const { key, from, to } of changes) {
    if (!isDeepStrictEqual(now[key], from) || isDeepStrictEqual(from, to)) continue;
    now[key] = to;
    left[key] = to;
  }
  return left;
}

/** Reads, checks and shows configuration for the kernel. */
export class Configurations {
  readonly #check: SchemaCheck;

  constructor(check: SchemaCheck) {
    this.#check = check;
  }

  /**
   * Merges and checks the configuration of a bundle.
   * @param pending run-time values that count already, or will, and that the source does not hold yet.
   * @throws SluiceError `CONFIG_INVALID` with every mistake.
   */
  async load(
    manifest: Manifest,
    source: ConfigSourceService | undefined,
    pending: readonly ConfigurationChange[] = [],
  ): Promise<Readonly<Record<string, unknown>>> {
    if (manifest.config === null) return Object.freeze({});
    const layers = source === undefined ? [] : await source.layers(manifest.symbolicName);
    const { values } = mergeLayers(manifest, pending.length === 0 ? layers : await withPending(manifest, layers, source, pending));
    this.assertValid(manifest, values);
    return Object.freeze(values);
  }

  /** @throws SluiceError `CONFIG_INVALID` with every mistake. */
  assertValid(manifest: Manifest, values: Readonly<Record<string, unknown>>): void {
    const schema = manifest.config?.schema as Readonly<Record<string, unknown>> | undefined;
    const mistakes =
      schema === undefined
        ? Object.keys(values).map((key) => ({ path: `/${key}`, message: 'is not a configuration key of this bundle' }))
        : this.#check(schema, values);
    if (mistakes.length === 0) return;
    const text = mistakes.map((mistake) => `${mistake.path} ${mistake.message}`).join('; ');
    throw new SluiceError('CONFIG_INVALID', `The configuration of '${manifest.symbolicName}' is not valid: ${text}`, {
      details: { bundle: manifest.symbolicName, mistakes },
      remedy: `Correct the values with 'sluice config set ${manifest.symbolicName} key=value' or in the operator's file.`,
      httpStatus: 422,
    });
  }

  /** All values with their origin; secrets masked. */
  async show(manifest: Manifest, source: ConfigSourceService | undefined): Promise<readonly ConfigValue[]> {
    const layers = source === undefined ? [] : await source.layers(manifest.symbolicName);
    // Where a value is kept elsewhere, what is shown is where, not what.
    const { values, origins } = mergeLayers(
      manifest,
      layers.map(({ layer, values, stored }) => ({ layer, values: stored ?? values })),
    );
    const secrets = secretKeys(manifest);
    return Object.keys(values)
      .sort()
      .map((key) => ({
        key,
        value: secrets.has(key) ? '***' : values[key],
        layer: origins.get(key) ?? 'default',
        secret: secrets.has(key),
      }));
  }

  /** The configuration as it would be after run-time values were set; undefined removes one. */
  async preview(manifest: Manifest, source: ConfigSourceService, changes: Readonly<Record<string, unknown>>): Promise<void> {
    const layers = await source.layers(manifest.symbolicName);
    const runtime: Record<string, unknown> = {};
    for (const layer of layers) if (layer.layer === 'runtime') Object.assign(runtime, layer.values);
    const resolved = (await source.resolve?.(manifest.symbolicName, changes)) ?? changes;
    for (const [key, value] of Object.entries(resolved)) {
      if (value === undefined || value === null) delete runtime[key];
      else runtime[key] = value;
    }
    const others = layers.filter((layer) => layer.layer !== 'runtime');
    this.assertValid(manifest, mergeLayers(manifest, [...others, { layer: 'runtime', values: runtime }]).values);
  }
}
