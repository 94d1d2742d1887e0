/**
 * What a configuration can hold, as data for forms, tables and checks (OSGi Compendium 8, chapter 105: Metatype), read from the JSON
 * Schema that a manifest carries anyway. Pure. A schema says more than an object class can; what has no place in one is left out.
 */
import { localContract } from './contract.js';

type Schema = Readonly<Record<string, unknown>>;

/** Type of a value. `password`: a text that is never shown. `object`: has attributes of its own. */
export type AttributeType = 'string' | 'integer' | 'number' | 'boolean' | 'password' | 'object' | 'any';

/** One value of a configuration. */
export interface AttributeDefinition {
  readonly id: string;
  /** Title for people; the id where the schema has none. */
  readonly name: string;
  readonly description?: string;
  readonly type: AttributeType;
  /** 0 for one value; else the largest number of values, {@link CARDINALITY_UNLIMITED} when there is no limit. */
  readonly cardinality: number;
  /** True when the configuration is not valid without it and nothing stands in for it. */
  readonly required: boolean;
  /** What counts when nobody sets it. Never that of a password. */
  readonly default?: unknown;
  /** The only values allowed, with their labels. */
  readonly options?: readonly { readonly label: string; readonly value: unknown }[];
  /** Smallest and largest number, or fewest and most characters of a text. */
  readonly min?: number;
  readonly max?: number;
  /** Regular expression for texts. */
  readonly pattern?: string;
  /** Of an object. */
  readonly attributes?: readonly AttributeDefinition[];
}

/** The values a configuration can hold. */
export interface ObjectClassDefinition {
  /** Symbolic name of the bundle, or key of a factory in its configuration. */
  readonly id: string;
  readonly name: string;
  readonly description?: string;
  readonly attributes: readonly AttributeDefinition[];
  /** Kinds of configuration of which there can be several, each under a key `<id>~<name>`. */
  readonly factories: readonly ObjectClassDefinition[];
}

/** Cardinality of a list without a limit, as OSGi writes it. */
export const CARDINALITY_UNLIMITED = 2_147_483_647;

/** Separates the key of a factory from the name of one of its configurations. */
const FACTORY_MARK = '~';

/** The object class of a configuration, from the `config` part of a manifest. */
export function objectClassOf(id: string, config: { readonly schema: Schema; readonly defaults?: Schema }): ObjectClassDefinition {
  return classOf(id, config.schema, config.defaults ?? {});
}

/** The schema of one key in the schema of a bundle's configuration; undefined when the key is not described. */
export function schemaOfKey(schema: Schema | undefined, key: string): Schema | undefined {
  const properties = asSchema(schema?.['properties']);
  if (properties !== undefined && Object.hasOwn(properties, key)) return asSchema(properties[key]);
  const factory = factoryOfKey(schema, key);
  return factory === undefined ? asSchema(schema?.['additionalProperties']) : asSchema(properties?.[factory]);
}

/** The key of the factory to which a key `<factory>~<name>` belongs; undefined for any other key. */
export function factoryOfKey(schema: Schema | undefined, key: string): string | undefined {
  const at = key.indexOf(FACTORY_MARK);
  if (at <= 0 || at === key.length - 1) return undefined;
  const factory = key.slice(0, at);
  const properties = asSchema(schema?.['properties']);
  const described = properties !== undefined && Object.hasOwn(properties, factory) ? asSchema(properties[factory]) : undefined;
  return described?.['x-factory'] === true ? factory : undefined;
}

/** Describes configurations of installed bundles. */
export interface MetatypeService {
  /** Symbolic names of the installed bundles that have a configuration, sorted. */
  bundles(): readonly string[];
  /** Undefined for a bundle that is not installed or has no configuration. */
  describe(bundle: string): ObjectClassDefinition | undefined;
}

/** Contract of the service that describes configurations. */
export const Metatype = localContract<MetatypeService>('sluice.config.Metatype', '1.0.0', ['bundles', 'describe']);

function classOf(id: string, schema: Schema, defaults: Schema): ObjectClassDefinition {
  const properties = Object.entries(asSchema(schema['properties']) ?? {}).map(([key, part]) => [key, asSchema(part) ?? {}] as const);
  const isFactory = (part: Schema): boolean => part['x-factory'] === true;
  return {
    id,
    ...titled(id, schema),
    attributes: properties.filter(([, part]) => !isFactory(part)).map(([key, part]) => attributeOf(key, part, schema, defaults)),
    factories: properties.filter(([, part]) => isFactory(part)).map(([key, part]) => classOf(key, part, {})),
  };
}

function attributeOf(id: string, schema: Schema, parent: Schema, defaults: Schema): AttributeDefinition {
  const isList = typesOf(schema).includes('array');
  const element = isList ? (asSchema(schema['items']) ?? {}) : schema;
  const isSecret = schema['x-secret'] === true || element['x-secret'] === true;
  const type = isSecret ? 'password' : typeOf(element);
  const standsIn = Object.hasOwn(defaults, id) ? defaults[id] : schema['default'];
  const options = optionsOf(element);
  const required = Array.isArray(parent['required']) && parent['required'].includes(id);
  return {
    id,
    ...titled(id, schema),
    type,
    cardinality: isList ? (numberOf(schema['maxItems']) ?? CARDINALITY_UNLIMITED) : 0,
    required: required && standsIn === undefined,
    ...(standsIn === undefined || isSecret ? {} : { default: standsIn }),
    ...(options === undefined ? {} : { options }),
    ...defined('min', numberOf(element['minimum']) ?? numberOf(element['minLength'])),
    ...defined('max', numberOf(element['maximum']) ?? numberOf(element['maxLength'])),
    ...(typeof element['pattern'] === 'string' ? { pattern: element['pattern'] } : {}),
    ...(type === 'object' ? { attributes: classOf(id, element, asSchema(standsIn) ?? {}).attributes } : {}),
  };
}

function titled(id: string, { title, description }: Schema): { readonly name: string; readonly description?: string } {
  return { name: typeof title === 'string' ? title : id, ...(typeof description === 'string' ? { description } : {}) };
}

const PLAIN_TYPES: readonly string[] = ['string', 'integer', 'number', 'boolean', 'object'] satisfies AttributeType[];

function typeOf(schema: Schema): AttributeType {
  // A value that may be null is a value that may be left out.
  const types = typesOf(schema).filter((type) => type !== 'null');
  return types.length === 1 && PLAIN_TYPES.includes(String(types[0])) ? (types[0] as AttributeType) : 'any';
}

function typesOf(schema: Schema): readonly unknown[] {
  const { type } = schema;
  if (type !== undefined) return Array.isArray(type) ? type : [type];
  const values = optionsOf(schema)?.map(({ value }) => (Number.isInteger(value) ? 'integer' : typeof value));
  return [...new Set(values)];
}

/** `enum`, or `const` in `anyOf` and `oneOf`, where each can have a title. */
function optionsOf(schema: Schema): AttributeDefinition['options'] {
  if (Array.isArray(schema['enum'])) return schema['enum'].map((value: unknown) => ({ label: String(value), value }));
  const parts = [schema['anyOf'], schema['oneOf']].find(Array.isArray)?.map(asSchema);
  if (parts === undefined || parts.length === 0 || parts.some((part) => part?.['const'] === undefined)) return undefined;
  return parts.map((part) => ({
    label: typeof part?.['title'] === 'string' ? part['title'] : String(part?.['const']),
    value: part?.['const'],
  }));
}

function defined<K extends string>(key: K, value: number | undefined): { readonly [key in K]?: number } {
  return value === undefined ? {} : ({ [key]: value } as { readonly [key in K]: number });
}

function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined;
}

function asSchema(value: unknown): Schema | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Schema) : undefined;
}
