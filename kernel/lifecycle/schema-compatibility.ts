/**
 * Whether one JSON Schema accepts everything that another one allows. Pure. Errs on the safe side: what cannot be compared counts as not
 * accepted. Compares what contracts are written with (TypeBox); annotations such as `description` change nothing.
 */
type Schema = Readonly<Record<string, unknown>>;

/** A place where what is offered goes beyond what is accepted, e.g. `/account` and `is required and may be missing`. */
export interface SchemaGap {
  /** JSON pointer into the value; empty for the value itself. */
  readonly at: string;
  readonly why: string;
}

const ANNOTATIONS: ReadonlySet<string> = new Set([
  'title',
  'description',
  'default',
  'examples',
  '$id',
  '$comment',
  'deprecated',
  'readOnly',
]);
const COMPARED: ReadonlySet<string> = new Set([
  ...['type', 'const', 'enum', 'anyOf', 'oneOf', 'allOf', 'pattern', 'format', 'minLength', 'maxLength'],
  ...['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf', 'items', 'additionalItems', 'minItems', 'maxItems'],
  ...['uniqueItems', 'properties', 'required', 'additionalProperties', 'patternProperties'],
]);
/** Keywords where a larger number allows less, and where it allows more. */
const LOWER_BOUNDS = ['minLength', 'minimum', 'exclusiveMinimum', 'minItems'] as const;
const UPPER_BOUNDS = ['maxLength', 'maximum', 'exclusiveMaximum', 'maxItems'] as const;
/** Keywords that are kept, left out, or cannot be compared. */
const EQUAL_OR_ABSENT = ['pattern', 'format', 'multipleOf', 'uniqueItems'] as const;
const DEPTH_MAX = 32;

/** The first place where `accepting` does not accept what `offered` allows; null when it accepts all of it. */
export function schemaGap(accepting: unknown, offered: unknown, at = '', depth = 0): SchemaGap | null {
  const wide = bare(accepting);
  const narrow = bare(offered);
  if (Object.keys(wide).length === 0 || sameJson(wide, narrow)) return null;
  if (depth > DEPTH_MAX) return { at, why: 'is nested too deeply to be compared' };
  const alternatives = alternativesOf(narrow);
  if (alternatives !== null) return firstOf(alternatives, (one) => schemaGap(wide, one, at, depth + 1));
  const accepted = alternativesOf(wide);
  if (accepted !== null) return alternativeGap(accepted, narrow, at, depth);
  const unknown = [...Object.keys(wide), ...Object.keys(narrow)].find((key) => !COMPARED.has(key));
  if (unknown !== undefined) return { at, why: `uses '${unknown}', which cannot be compared` };
  if (Array.isArray(wide['allOf'])) return firstOf(wide['allOf'] as unknown[], (one) => schemaGap(one, narrow, at, depth + 1));
  if (Array.isArray(narrow['allOf'])) {
    const parts = (narrow['allOf'] as unknown[]).map((one) => schemaGap(wide, one, at, depth + 1));
    return parts.includes(null) ? null : (parts[0] ?? null);
  }
  if ('const' in wide) return { at, why: `may be something else than ${text(wide['const'])}` };
  return (
    typeGap(wide, narrow, at) ?? scalarGap(wide, narrow, at) ?? arrayGap(wide, narrow, at, depth) ?? objectGap(wide, narrow, at, depth)
  );
}

/** A schema without its annotations. */
function bare(schema: unknown): Schema {
  if (typeof schema !== 'object' || schema === null) return {};
  return Object.fromEntries(Object.entries(schema).filter(([key]) => !ANNOTATIONS.has(key) && !key.startsWith('x-')));
}

function alternativesOf(schema: Schema): readonly unknown[] | null {
  if (Array.isArray(schema['anyOf'])) return schema['anyOf'] as unknown[];
  if (Array.isArray(schema['oneOf'])) return schema['oneOf'] as unknown[];
  if (Array.isArray(schema['enum'])) return (schema['enum'] as unknown[]).map((value) => ({ const: value }));
  if (Array.isArray(schema['type'])) return (schema['type'] as unknown[]).map((type) => ({ ...schema, type }));
  return null;
}

function alternativeGap(accepted: readonly unknown[], narrow: Schema, at: string, depth: number): SchemaGap | null {
  const gaps = accepted.map((one) => schemaGap(one, narrow, at, depth + 1));
  if (gaps.includes(null)) return null;
  return { at, why: 'const' in narrow ? `may be ${text(narrow['const'])}, which is not taken` : 'fits none of the alternatives' };
}

function typeGap(wide: Schema, narrow: Schema, at: string): SchemaGap | null {
  const expected = wide['type'];
  if (expected === undefined) return null;
  const found = 'const' in narrow ? typeOf(narrow['const'], expected) : narrow['type'];
  if (found === expected || (expected === 'number' && found === 'integer')) return null;
  return { at, why: `may be of type ${found === undefined ? 'any' : String(found)} where ${String(expected)} is taken` };
}

function typeOf(value: unknown, expected: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (Number.isInteger(value)) return expected === 'number' ? 'number' : 'integer';
  return typeof value;
}

function scalarGap(wide: Schema, narrow: Schema, at: string): SchemaGap | null {
  if ('const' in narrow) return constantGap(wide, narrow['const'], at);
  for (const key of LOWER_BOUNDS) {
    if (typeof wide[key] === 'number' && !(typeof narrow[key] === 'number' && narrow[key] >= wide[key])) return boundGap(wide, key, at);
  }
  for (const key of UPPER_BOUNDS) {
    if (typeof wide[key] === 'number' && !(typeof narrow[key] === 'number' && narrow[key] <= wide[key])) return boundGap(wide, key, at);
  }
  for (const key of EQUAL_OR_ABSENT) {
    if (wide[key] !== undefined && wide[key] !== false && wide[key] !== narrow[key]) return boundGap(wide, key, at);
  }
  return null;
}

function boundGap(wide: Schema, key: string, at: string): SchemaGap {
  return { at, why: `is not held to ${key} ${text(wide[key])}` };
}

function constantGap(wide: Schema, value: unknown, at: string): SchemaGap | null {
  const { minimum, maximum, minLength, maxLength, pattern } = wide as Record<string, number | undefined> & { pattern?: string };
  const size = typeof value === 'string' ? value.length : NaN;
  const refused =
    (typeof value === 'number' && (value < (minimum ?? value) || value > (maximum ?? value))) ||
    (typeof value === 'string' && (size < (minLength ?? 0) || size > (maxLength ?? size))) ||
    (typeof value === 'string' && typeof pattern === 'string' && !new RegExp(pattern, 'u').test(value));
  return refused ? { at, why: `may be ${text(value)}, which is not taken` } : null;
}

function arrayGap(wide: Schema, narrow: Schema, at: string, depth: number): SchemaGap | null {
  if (wide['type'] !== 'array' || wide['items'] === undefined) return null;
  if (Array.isArray(wide['items']) || Array.isArray(narrow['items'])) return tupleGap(wide['items'], narrow['items'], at, depth);
  return schemaGap(wide['items'], narrow['items'] ?? {}, `${at}/*`, depth + 1);
}

function tupleGap(wide: unknown, narrow: unknown, at: string, depth: number): SchemaGap | null {
  if (!Array.isArray(wide) || !Array.isArray(narrow) || wide.length !== narrow.length) return { at, why: 'has another number of items' };
  for (const [index, item] of wide.entries()) {
    const gap = schemaGap(item, narrow[index], `${at}/${index}`, depth + 1);
    if (gap !== null) return gap;
  }
  return null;
}

function objectGap(wide: Schema, narrow: Schema, at: string, depth: number): SchemaGap | null {
  if (wide['type'] !== 'object') return null;
  const needed = listOf(wide['required']);
  const given = listOf(narrow['required']);
  const missing = needed.find((key) => !given.includes(key));
  const expected = membersOf(wide['properties']);
  const offered = membersOf(narrow['properties']);
  if (missing !== undefined) return { at: `${at}/${missing}`, why: 'is required and may be missing' };
  for (const [key, schema] of Object.entries(offered)) {
    const other = Object.hasOwn(expected, key) ? expected[key] : otherKeys(wide);
    const gap =
      other === false ? { at: `${at}/${key}`, why: 'may be given and is not known' } : schemaGap(other, schema, `${at}/${key}`, depth + 1);
    if (gap !== null) return gap;
  }
  const others = otherKeys(narrow);
  if (others === false) return null;
  const wideOthers = otherKeys(wide);
  if (wideOthers === false) return { at, why: 'may hold other keys, which are not taken' };
  return schemaGap(wideOthers, others, `${at}/*`, depth + 1);
}

/** Schema of the keys that are not listed; false when there may be none. A record of TypeBox has one pattern for all keys. */
function otherKeys(schema: Schema): unknown {
  const [pattern] = Object.values(membersOf(schema['patternProperties']));
  return pattern ?? schema['additionalProperties'] ?? {};
}

function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function listOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? (value as string[]) : [];
}

function firstOf<T>(items: readonly T[], check: (item: T) => SchemaGap | null): SchemaGap | null {
  for (const item of items) {
    const gap = check(item);
    if (gap !== null) return gap;
  }
  return null;
}

function sameJson(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

function text(value: unknown): string {
  return typeof value === 'string' ? `'${value}'` : (JSON.stringify(value) ?? 'nothing');
}
