/**
 * Configuration of bundles: merges shipped defaults with the layers of the best `ConfigSource`, checks the result against the
 * manifest's schema and hands it out frozen. Leaves where values are kept to the source, and how schemas are checked to a port.
 */
import { isDeepStrictEqual } from 'node:util';
import { factoryOfKey, schemaOfKey, SluiceError, type ConfigLayer, type ConfigLayerValues, type ConfigSourceService } from '@sluice/sdk';
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
      values[key] = withDefaults(manifest.config?.schema, key, value);
      origins.set(key, layer);
    }
  }
  return { values, origins };
}

/** The keys whose values hold a secret at any depth, configurations of factories among them. */
export function secretKeys(manifest: Manifest): Pick<ReadonlySet<string>, 'has'> {
  const schema = manifest.config?.schema;
  return { has: (key) => marksSecret(schemaOfKey(schema, key)) };
}

function marksSecret(schema: unknown): boolean {
  if (typeof schema !== 'object' || schema === null) return false;
  return (schema as Record<string, unknown>)['x-secret'] === true || Object.values(schema).some(marksSecret);
}

/** A copy of a value that may be shown: what its schema marks as a secret, at any depth, is `***`. */
function withoutSecrets(value: unknown, schema: Readonly<Record<string, unknown>> | undefined): unknown {
  if (schema?.['x-secret'] === true) return '***';
  if (typeof value !== 'object' || value === null || schema === undefined) return value;
  if (Array.isArray(value)) return value.map((element) => withoutSecrets(element, schema['items'] as typeof schema | undefined));
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, withoutSecrets(part, schemaOfKey(schema, key))]));
}

/** The value of one key, with the defaults of a factory filled in. */
function withDefaults(schema: Readonly<Record<string, unknown>> | undefined, key: string, value: unknown): unknown {
  if (factoryOfKey(schema, key) === undefined || typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const properties = Object.entries((schemaOfKey(schema, key)?.['properties'] ?? {}) as Record<string, { readonly default?: unknown }>);
  const defaults = properties.filter(([, { default: fallback }]) => fallback !== undefined).map(([name, part]) => [name, part.default]);
  return { ...Object.fromEntries(defaults), ...value };
}

function propertiesOf(manifest: Manifest): Record<string, unknown> {
  return (manifest.config?.schema as { properties?: Record<string, unknown> } | undefined)?.properties ?? {};
}

/** The layers with other run-time values. What plugins lay over stays on top. */
function withRuntime(layers: readonly Layer[], values: Readonly<Record<string, unknown>>): readonly Layer[] {
  const isPlugin = ({ layer }: Layer): boolean => layer === 'plugin';
  const below = layers.filter((one) => !isPlugin(one) && one.layer !== 'runtime');
  return [...below, { layer: 'runtime', values }, ...layers.filter(isPlugin)];
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
  return withRuntime(layers, values);
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
    const layers = source === undefined ? [] : await source.layers(manifest.symbolicName, manifest.versionText);
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
        : this.#mistakesIn(schema, values);
    if (mistakes.length === 0) return;
    const text = mistakes.map((mistake) => `${mistake.path} ${mistake.message}`).join('; ');
    throw new SluiceError('CONFIG_INVALID', `The configuration of '${manifest.symbolicName}' is not valid: ${text}`, {
      details: { bundle: manifest.symbolicName, mistakes },
      remedy: `Correct the values with 'sluice config set ${manifest.symbolicName} key=value' or in the operator's file.`,
      httpStatus: 422,
    });
  }

  /** A factory is described once and has any number of configurations, so these are checked one by one. */
  #mistakesIn(schema: Readonly<Record<string, unknown>>, values: Readonly<Record<string, unknown>>): ReturnType<SchemaCheck> {
    const ofFactories = Object.entries(values).filter(([key]) => factoryOfKey(schema, key) !== undefined);
    if (ofFactories.length === 0) return this.#check(schema, values);
    const names = new Set(ofFactories.map(([key]) => key));
    const others = Object.fromEntries(Object.entries(values).filter(([key]) => !names.has(key)));
    const mistakes = ofFactories.flatMap(([key, value]) =>
      this.#check(schemaOfKey(schema, key) ?? {}, value as Readonly<Record<string, unknown>>).map(({ path, message }) => ({
        path: `/${key}${path === '/' ? '' : path}`,
        message,
      })),
    );
    return [...this.#check(schema, others), ...mistakes];
  }

  /** All values with their origin; secrets masked. */
  async show(manifest: Manifest, source: ConfigSourceService | undefined): Promise<readonly ConfigValue[]> {
    const layers = source === undefined ? [] : await source.layers(manifest.symbolicName, manifest.versionText);
    // Where a value is kept elsewhere, what is shown is where, not what.
    const { values, origins } = mergeLayers(
      manifest,
      layers.map(({ layer, values, stored }) => ({ layer, values: stored ?? values })),
    );
    const { schema } = manifest.config ?? {};
    return Object.keys(values)
      .sort()
      .map((key) => {
        const described = schemaOfKey(schema, key);
        const secret = described?.['x-secret'] === true;
        return { key, value: withoutSecrets(values[key], described), layer: origins.get(key) ?? 'default', secret };
      });
  }

  /** The configuration as it would be after run-time values were set; undefined removes one. */
  async preview(manifest: Manifest, source: ConfigSourceService, changes: Readonly<Record<string, unknown>>): Promise<void> {
    const layers = await source.layers(manifest.symbolicName, manifest.versionText);
    const runtime: Record<string, unknown> = {};
    for (const layer of layers) if (layer.layer === 'runtime') Object.assign(runtime, layer.values);
    const resolved = (await source.resolve?.(manifest.symbolicName, changes)) ?? changes;
    for (const [key, value] of Object.entries(resolved)) {
      if (value === undefined || value === null) delete runtime[key];
      else runtime[key] = value;
    }
    this.assertValid(manifest, mergeLayers(manifest, withRuntime(layers, runtime)).values);
  }
}
