/**
 * Checks a value against the JSON Schema of the manifest and lists every mistake.
 *
 * Why not ajv: loading it costs about 40 ms of process start, more than reading a thousand manifests, and its messages would have to be
 * rewritten anyway. Only the keywords that sdk/manifest.ts uses are understood; a test refuses any other, and a property test holds
 * this walker against ajv.
 */
import { nearestNames } from './nearest.js';
import { shown, type MistakeList } from './mistake.js';

/** The part of JSON Schema that the manifest uses. */
export interface SchemaNode {
  readonly type?: string;
  readonly const?: unknown;
  readonly anyOf?: readonly SchemaNode[];
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean;
  /** Only in the form that TypeBox gives a record: one pattern for all keys. */
  readonly patternProperties?: Readonly<Record<string, SchemaNode>>;
  readonly items?: SchemaNode;
  readonly maxItems?: number;
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly description?: string;
}

/** Checks a value. `path` is used as a stack and comes back as it was. */
export function checkSchema(schema: SchemaNode, value: unknown, path: (string | number)[], mistakes: MistakeList): void {
  if (schema.anyOf !== undefined) return checkAnyOf(schema.anyOf, value, path, mistakes);
  if (!hasType(schema, value)) {
    mistakes.add('MANIFEST_TYPE', path, shown(value), expectation(schema));
    return;
  }
  switch (schema.type) {
    case 'object':
      return checkObject(schema, value as Record<string, unknown>, path, mistakes);
    case 'array':
      return checkArray(schema, value as unknown[], path, mistakes);
    default:
      if (!isScalarValid(schema, value)) mistakes.add('MANIFEST_VALUE', path, shown(value), expectation(schema));
  }
}

function checkArray(schema: SchemaNode, value: readonly unknown[], path: (string | number)[], mistakes: MistakeList): void {
  if (value.length > (schema.maxItems ?? Infinity)) {
    mistakes.add('MANIFEST_VALUE', path, `${value.length} entries`, `at most ${schema.maxItems}`);
    return;
  }
  const items = schema.items ?? {};
  for (let index = 0; index < value.length; index++) {
    path.push(index);
    checkSchema(items, value[index], path, mistakes);
    path.pop();
  }
}

function checkObject(schema: SchemaNode, value: Record<string, unknown>, path: (string | number)[], mistakes: MistakeList): void {
  const record = schema.patternProperties === undefined ? undefined : Object.values(schema.patternProperties)[0];
  for (const key of Object.keys(value)) {
    const known = schema.properties !== undefined && Object.hasOwn(schema.properties, key) ? schema.properties[key] : record;
    path.push(key);
    if (known !== undefined) checkSchema(known, value[key], path, mistakes);
    else if (schema.additionalProperties === false) addUnknownKey(schema, key, path, mistakes);
    path.pop();
  }
  for (const key of schema.required ?? []) {
    if (Object.hasOwn(value, key)) continue;
    path.push(key);
    mistakes.add('MANIFEST_KEY_MISSING', path, 'nothing', expectation(schema.properties?.[key] ?? {}));
    path.pop();
  }
}

function addUnknownKey(schema: SchemaNode, key: string, path: (string | number)[], mistakes: MistakeList): void {
  // Reported already, by manifest-safety.ts.
  if (key === '__proto__' || key === 'constructor' || key === 'prototype') return;
  const known = Object.keys(schema.properties ?? {});
  const nearest = nearestNames(key, known, 1)[0];
  const expected = nearest === undefined ? `one of the keys ${known.join(', ')}` : 'a known key';
  mistakes.add('MANIFEST_KEY_UNKNOWN', path, `the unknown key ${shown(key)}`, expected, nearest);
}

function checkAnyOf(branches: readonly SchemaNode[], value: unknown, path: (string | number)[], mistakes: MistakeList): void {
  if (branches.some((branch) => branch.const !== undefined && branch.const === value)) return;
  const fitting = branches.filter((branch) => hasType(branch, value));
  // One branch of the right type: its own mistakes say more than the list of branches.
  const [only] = fitting;
  if (fitting.length === 1 && only !== undefined && only.const === undefined) return checkSchema(only, value, path, mistakes);
  if (fitting.some((branch) => isScalarValid(branch, value))) return;
  const literals = branches.map((branch) => branch.const).filter((literal): literal is string => typeof literal === 'string');
  const nearest = typeof value === 'string' ? nearestNames(value, literals, 1)[0] : undefined;
  const code = fitting.length === 0 ? 'MANIFEST_TYPE' : 'MANIFEST_VALUE';
  mistakes.add(code, path, shown(value), branches.map(expectation).join(' or '), nearest);
}

function hasType(schema: SchemaNode, value: unknown): boolean {
  switch (schema.type) {
    case undefined:
      return true;
    case 'object':
      return typeof value === 'object' && value !== null && !Array.isArray(value);
    case 'array':
      return Array.isArray(value);
    case 'integer':
      return Number.isInteger(value);
    case 'number':
      return Number.isFinite(value);
    default:
      return typeof value === schema.type;
  }
}

/** Value keywords of a schema without members. The type is known to be right. */
function isScalarValid(schema: SchemaNode, value: unknown): boolean {
  if (schema.const !== undefined && value !== schema.const) return false;
  if (typeof value === 'number') return value >= (schema.minimum ?? -Infinity) && value <= (schema.maximum ?? Infinity);
  if (typeof value !== 'string') return true;
  // The length first: it bounds what the pattern has to look at.
  if (value.length < (schema.minLength ?? 0) || value.length > (schema.maxLength ?? Infinity)) return false;
  return schema.pattern === undefined || patternOf(schema.pattern).test(value);
}

const patterns = new Map<string, RegExp>();

/** Compiled patterns; there are as many as the schema has. */
function patternOf(source: string): RegExp {
  let pattern = patterns.get(source);
  if (pattern === undefined) patterns.set(source, (pattern = new RegExp(source, 'u')));
  return pattern;
}

/** What a schema asks for, in words. */
function expectation(schema: SchemaNode): string {
  if (schema.const !== undefined) return shown(schema.const);
  if (schema.anyOf !== undefined) return schema.anyOf.map(expectation).join(' or ');
  const limits: string[] = [];
  if (schema.minimum !== undefined && schema.maximum !== undefined) limits.push(`from ${schema.minimum} to ${schema.maximum}`);
  else if (schema.minimum !== undefined) limits.push(`of at least ${schema.minimum}`);
  if (schema.minLength !== undefined || schema.maxLength !== undefined) {
    limits.push(`of ${schema.minLength ?? 0} to ${schema.maxLength ?? 'any number of'} characters`);
  }
  if (schema.pattern !== undefined) limits.push(`matching ${schema.pattern}`);
  const article = /^[aio]/.test(schema.type ?? '') ? 'an' : 'a';
  const noun = schema.type === undefined ? 'any value' : `${article} ${schema.type}`;
  return `${[noun, ...limits].join(' ')}${schema.description === undefined ? '' : ` (${schema.description})`}`;
}
