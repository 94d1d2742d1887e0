/**
 * The text of a configuration file and the values in it. Pure.
 * A file is one JSON object: configuration keys, and `$locked`, a list of keys that run time may not override.
 */

/** Values of one layer of one bundle. */
export type Values = Readonly<Record<string, unknown>>;

/** A file that could be read. */
export interface ValueFile {
  readonly values: Values;
  readonly locked: readonly string[];
}

/** What is wrong with a file: what was found, and what was expected. */
export interface FileMistake {
  readonly found: string;
  readonly expected: string;
}

/** The empty file, also used when there is none. */
export const EMPTY_FILE: ValueFile = Object.freeze({ values: Object.freeze({}), locked: Object.freeze([]) });

const LOCKED = '$locked';
const SHAPE = 'one JSON object of configuration keys';

/** Reads the text of a file. */
export function parseValueFile(text: string): ValueFile | FileMistake {
  if (text.trim() === '') return { found: 'an empty file', expected: SHAPE };
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (error) {
    return { found: `no valid JSON (${(error as Error).message.slice(0, 200)})`, expected: SHAPE };
  }
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    return { found: Array.isArray(content) ? 'a list' : JSON.stringify(content).slice(0, 100), expected: SHAPE };
  }
  return valuesOf(content as Record<string, unknown>);
}

/** True when a file could not be read. */
export function isMistake(read: ValueFile | FileMistake): read is FileMistake {
  return 'found' in read && 'expected' in read;
}

/** The text of a file, keys in order so that two equal sets of values give equal files. */
export function formatValueFile(file: ValueFile): string {
  const sorted = Object.fromEntries(Object.entries(file.values).sort(([a], [b]) => (a < b ? -1 : 1)));
  return `${JSON.stringify(file.locked.length === 0 ? sorted : { [LOCKED]: file.locked, ...sorted }, null, 2)}\n`;
}

/** Why a key cannot be a configuration key, or undefined. */
export function keyMistake(key: string): string | undefined {
  if (key === '__proto__' || key === 'constructor' || key === 'prototype') return `key '${key}', which JavaScript reserves`;
  if (key === '' || key.startsWith('$')) return `key '${key}', which is not a configuration key`;
  return undefined;
}

function valuesOf(content: Record<string, unknown>): ValueFile | FileMistake {
  const { [LOCKED]: locked = [], ...values } = content;
  if (!Array.isArray(locked) || locked.some((key) => typeof key !== 'string')) {
    return { found: `'${LOCKED}' that is no list of keys`, expected: `"${LOCKED}": ["key", ...]` };
  }
  for (const key of Object.keys(values)) {
    const mistake = keyMistake(key);
    if (mistake !== undefined) return { found: mistake, expected: SHAPE };
  }
  return { values, locked: locked as string[] };
}
