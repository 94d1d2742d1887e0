/**
 * Properties in the form filters are compiled for: lower-case keys in a plain bag without prototype.
 * The registry normalises once per registration, so that a scan does no text work per service.
 */
import { SluiceError } from '@sluice/sdk';
import { operandOf } from './filter-match.js';
import { Version } from './version.js';

/** Properties with keys in lower case, made by {@link normaliseProperties}. */
export interface NormalisedProperties {
  readonly [key: string]: unknown;
}

// `Object.create(null)` would make a slow dictionary; instances of a constructor with a bare prototype stay fast and inherit nothing.
const Bag = function () {} as unknown as new () => Record<string, unknown>;
Bag.prototype = Object.freeze(Object.create(null));

/**
 * Lower-cases the keys. Values are taken as they are.
 * @throws SluiceError `SERVICE_PROPERTIES_INVALID` when two keys differ only in case.
 */
export function normaliseProperties(properties: Readonly<Record<string, unknown>>): NormalisedProperties {
  const bag = new Bag();
  for (const key of Object.keys(properties)) {
    const lower = key.toLowerCase();
    if (lower in bag) {
      const remedy = 'Keep one of them: keys of properties are compared without regard to case.';
      throw new SluiceError(
        'SERVICE_PROPERTIES_INVALID',
        `Cannot use these properties: '${key}' is there twice, in different case. ${remedy}`,
        {
          details: { key },
          remedy,
        },
      );
    }
    bag[lower] = properties[key];
  }
  return bag;
}

/**
 * Keys under which an index files a property value: one per element of a multi-valued property. Together with
 * `FilterEquality.indexKeys` it promises: when a value matches an equality, the two lists share a key. The reverse does not hold, so
 * the filter must still be asked.
 */
export function indexKeysOf(value: unknown): readonly string[] {
  if (Array.isArray(value) || value instanceof Set) {
    const keys = new Set<string>();
    for (const element of value) {
      const key = indexKey(element);
      if (key !== undefined) keys.add(key);
    }
    return [...keys];
  }
  const key = indexKey(value);
  return key === undefined ? [] : [key];
}

function indexKey(value: unknown): string | undefined {
  switch (typeof value) {
    case 'string':
      return value;
    case 'number':
    case 'bigint':
    case 'boolean':
      return String(value);
    default:
      return value instanceof Version ? value.toCanonical() : undefined;
  }
}

/** Every index key that a value equal to a filter value can have. */
export function indexKeysOfOperand(text: string): readonly string[] {
  const { number, integer, boolean, version } = operandOf(text);
  const keys = new Set([text]);
  if (number !== undefined) keys.add(String(number));
  if (typeof integer === 'bigint') keys.add(String(integer));
  // A bigint can equal a number written as 1e21.
  else if (integer !== undefined && Number.isInteger(integer)) keys.add(String(BigInt(integer)));
  if (boolean !== undefined) keys.add(String(boolean));
  if (version !== undefined) keys.add(version.toCanonical());
  return [...keys];
}
