/**
 * What is refused in any package.json before its meaning is looked at: keys that reach into prototypes, nesting and size that could
 * exhaust whoever walks the document later. Iterative, so that a hostile document cannot exhaust this walk either.
 */
import { shown, type MistakeList } from './mistake.js';

/** Deepest nesting of a package.json. */
export const MANIFEST_DEPTH_MAX = 64;
/** Most values (objects, arrays, scalars) in a package.json. */
export const MANIFEST_VALUES_MAX = 100_000;

const TOO_DEEP = `at most ${MANIFEST_DEPTH_MAX} levels of nesting`;
const NO_KEYS: readonly string[] = ['__proto__'];
const NO_KEYS_OF_OURS: readonly string[] = ['__proto__', 'constructor', 'prototype'];

interface Place {
  readonly value: Readonly<Record<string, unknown>> | readonly unknown[];
  readonly key: string | number;
  readonly parent: Place | null;
  readonly depth: number;
  /** The top level and the `sluice` section, whose keys become keys of our own objects. */
  readonly ours: boolean;
}

/** Walks the document. Returns false when it is so large or deep that nothing more should be done with it. */
export function checkSafety(document: Readonly<Record<string, unknown>>, mistakes: MistakeList): boolean {
  const open: Place[] = [{ value: document, key: '', parent: null, depth: 0, ours: true }];
  let count = 0;
  for (let place = open.pop(); place !== undefined; place = open.pop()) {
    if (place.depth > MANIFEST_DEPTH_MAX) {
      mistakes.add('MANIFEST_LIMIT', pathOf(place).slice(0, 4), 'deeper nesting', TOO_DEEP);
      return false;
    }
    count += Array.isArray(place.value) ? openElements(place, place.value, open) : openMembers(place, open, mistakes);
    if (count > MANIFEST_VALUES_MAX) {
      mistakes.add('MANIFEST_LIMIT', [], 'more values', `at most ${MANIFEST_VALUES_MAX} values`);
      return false;
    }
  }
  return true;
}

function openElements(place: Place, elements: readonly unknown[], open: Place[]): number {
  for (let index = 0; index < elements.length; index++) {
    const value = elements[index];
    if (isContainer(value)) open.push({ value, key: index, parent: place, depth: place.depth + 1, ours: place.ours });
  }
  return elements.length;
}

function openMembers(place: Place, open: Place[], mistakes: MistakeList): number {
  const members = place.value as Readonly<Record<string, unknown>>;
  for (const key of place.ours ? NO_KEYS_OF_OURS : NO_KEYS) {
    if (!Object.hasOwn(members, key)) continue;
    mistakes.add('MANIFEST_KEY_FORBIDDEN', [...pathOf(place), key], `the key ${shown(key)}`, 'a key that cannot reach a prototype');
  }
  const keys = Object.keys(members);
  for (const key of keys) {
    const value = members[key];
    if (!isContainer(value)) continue;
    open.push({ value, key, parent: place, depth: place.depth + 1, ours: place.parent === null ? key === 'sluice' : place.ours });
  }
  return keys.length;
}

function isContainer(value: unknown): value is Place['value'] {
  return typeof value === 'object' && value !== null;
}

function pathOf(place: Place): (string | number)[] {
  const path: (string | number)[] = [];
  for (let at: Place | null = place; at !== null && at.parent !== null; at = at.parent) path.push(at.key);
  return path.reverse();
}
