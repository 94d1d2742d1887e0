/**
 * Which instances of a component the configuration of its bundle asks for (OSGi Compendium 8, 112.7): one for the whole configuration,
 * one for a key of it, or, where the key is a factory, one for each `key~name`. Pure.
 */
import type { ComponentMetadata } from '@sluice/sdk';

type Values = Readonly<Record<string, unknown>>;

/** Separates a factory from the name of one of its configurations, as in OSGi. */
const FACTORY_MARK = '~';

/** One instance that shall be. */
export interface WantedInstance {
  /** Key of the configuration it has; undefined when it has that of the bundle, or none. */
  readonly key: string | undefined;
  readonly config: Values;
}

/** The instances of a component, in order of their keys. Empty when its configuration is required and missing. */
export function wantedInstances({ configuration }: ComponentMetadata, config: Values): readonly WantedInstance[] {
  const { key, policy } = configuration;
  if (key === undefined) return [{ key, config }];
  const ofFactory = Object.keys(config).filter((one) => one.startsWith(`${key}${FACTORY_MARK}`));
  if (ofFactory.length > 0) return ofFactory.sort().map((one) => ({ key: one, config: valuesOf(config[one]) }));
  if (config[key] !== undefined) return [{ key, config: valuesOf(config[key]) }];
  return policy === 'require' ? [] : [{ key: undefined, config: NOTHING }];
}

/** What a configuration adds to the properties of the services: its identity, and what the component chose to show of it. */
export function serviceProperties({ configuration }: ComponentMetadata, { key, config }: WantedInstance): Values {
  const shown = configuration.properties.filter((name) => config[name] !== undefined).map((name) => [name, config[name]] as const);
  const identity =
    key === undefined ? {} : { 'service.pid': key, ...(key === configuration.key ? {} : { 'service.factoryPid': configuration.key }) };
  return { ...Object.fromEntries(shown), ...identity };
}

/** True when two configurations say the same. */
export function isSameConfig(a: Values, b: Values): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

const NOTHING: Values = Object.freeze({});

function valuesOf(value: unknown): Values {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Values) : NOTHING;
}
