/**
 * Sets of versions in npm and OSGi notation.
 *
 * Owned here: what a range text means. A range is a list of alternatives, each one interval.
 * npm: `1.2.3`, `^1.2`, `~1.2.3`, `1.x`, `>=1.2 <2`, `1.2 - 1.9`, `^1 || ^2`. OSGi: `[1.2,2)`, and a bare version means "at least".
 * A bare text of up to three numbers is valid in both notations with different meanings; unless a notation is asked for it is read as
 * npm, because manifests live in package.json. A bare text with a qualifier (`1.2.3.q`) exists in OSGi only and is read so.
 * In both notations a pre-release is included only when a bound names a pre-release of the same major.minor.patch: nobody gets one unasked.
 * Unlike npm, empty texts and ranges that hold no version are refused: both are always mistakes in a manifest.
 */
import { SluiceError } from '@sluice/sdk';
import { readNpmAlternative } from './range-npm.js';
import { Version } from './version.js';

/** Longest range text that is read. */
export const RANGE_LENGTH_MAX = 256;

/** An immutable set of versions. */
export interface VersionRange {
  includes(version: Version): boolean;
  /** The range as written, without outer white space. */
  toString(): string;
}

/** One comparison, such as `>=1.2.0`. */
export interface Comparator {
  readonly operator: '>' | '>=' | '<' | '<=' | '=';
  readonly version: Version;
}

/**
 * Reads a range.
 * @param notation `npm` or `osgi` decides what a bare version means; without it see the head of this file.
 * @throws SluiceError `RANGE_INVALID`
 */
export function parseRange(text: string, notation?: 'npm' | 'osgi'): VersionRange {
  const key = notation === undefined ? text : `${notation} ${text}`;
  let range = recent.get(key);
  if (range === undefined) {
    range = readRange(text, notation);
    if (recent.size >= RECENT_MAX) recent.clear();
    recent.set(key, range);
  }
  return range;
}

// A thousand manifests hold a few dozen different ranges; reading each once saves a fifth of reading the manifests.
const recent = new Map<string, VersionRange>();
const RECENT_MAX = 500;

function readRange(text: string, notation: 'npm' | 'osgi' | undefined): VersionRange {
  const trimmed = typeof text === 'string' ? text.trim() : '';
  if (trimmed === '') throw invalid(String(text), 'it is empty');
  if (trimmed.length > RANGE_LENGTH_MAX) throw invalid(trimmed, `it is longer than ${RANGE_LENGTH_MAX} characters`);
  const alternatives = readOsgi(trimmed, notation) ?? readNpm(trimmed);
  if (alternatives.every(isEmpty)) throw invalid(trimmed, 'no version can be in it');
  return new Range(trimmed, alternatives);
}

class Range implements VersionRange {
  constructor(
    private readonly text: string,
    private readonly alternatives: readonly (readonly Comparator[])[],
  ) {}

  includes(version: Version): boolean {
    for (const comparators of this.alternatives) {
      if (within(comparators, version)) return true;
    }
    return false;
  }

  toString(): string {
    return this.text;
  }

  toJSON(): string {
    return this.text;
  }
}

function within(comparators: readonly Comparator[], version: Version): boolean {
  let prereleaseNamed = version.prerelease.length === 0;
  for (const { operator, version: bound } of comparators) {
    if (!holds(operator, version.compare(bound))) return false;
    prereleaseNamed ||= bound.prerelease.length > 0 && sameNumbers(bound, version);
  }
  return prereleaseNamed;
}

function holds(operator: Comparator['operator'], order: number): boolean {
  switch (operator) {
    case '>':
      return order > 0;
    case '>=':
      return order >= 0;
    case '<':
      return order < 0;
    case '<=':
      return order <= 0;
    case '=':
      return order === 0;
  }
}

function sameNumbers(a: Version, b: Version): boolean {
  return a.major === b.major && a.minor === b.minor && a.patch === b.patch;
}

const LOWEST: Comparator = { operator: '>=', version: Version.of(0, 0, 0, [0]) };

/** True when two bounds contradict each other. `>1.2.3 <1.2.4` is not empty: OSGi qualifiers of 1.2.3 lie between. */
function isEmpty(comparators: readonly Comparator[]): boolean {
  let low = LOWEST;
  for (const comparator of comparators) if (!comparator.operator.startsWith('<') && isHigher(comparator, low)) low = comparator;
  for (const high of comparators) {
    if (high.operator.startsWith('>')) continue;
    const order = low.version.compare(high.version);
    if (order > 0 || (order === 0 && (low.operator === '>' || high.operator === '<'))) return true;
  }
  return false;
}
/** True when a lower bound lets less through than another. */
function isHigher(bound: Comparator, other: Comparator): boolean {
  const order = bound.version.compare(other.version);
  return order > 0 || (order === 0 && bound.operator === '>');
}

const OSGI_INTERVAL = /^([[(])\s*([^\s,[\]()]+)\s*,\s*([^\s,[\]()]+)\s*([\])])$/;
const OSGI_QUALIFIED = /^\d+\.\d+\.\d+\.[\w-]+$/;

function readOsgi(text: string, notation: 'npm' | 'osgi' | undefined): readonly (readonly Comparator[])[] | undefined {
  if (notation === 'npm') return undefined;
  if (text.startsWith('[') || text.startsWith('(')) {
    const interval = OSGI_INTERVAL.exec(text);
    const low = interval === null ? undefined : Version.tryParse(interval[2] as string);
    const high = interval === null ? undefined : Version.tryParse(interval[3] as string);
    if (low === undefined || high === undefined) throw invalid(text, 'an OSGi range is written [1.2,2), with two versions');
    return [
      [
        { operator: interval?.[1] === '[' ? '>=' : '>', version: low },
        { operator: interval?.[4] === ']' ? '<=' : '<', version: high },
      ],
    ];
  }
  if (notation === undefined && !OSGI_QUALIFIED.test(text)) return undefined;
  const version = Version.tryParse(text);
  if (version === undefined) throw invalid(text, 'it is neither an OSGi version nor an OSGi range');
  return [[{ operator: '>=', version }]];
}

function readNpm(text: string): readonly (readonly Comparator[])[] {
  return text.split('||').map((part) => {
    const alternative = readNpmAlternative(part.trim());
    if (typeof alternative === 'string') throw invalid(text, alternative);
    return alternative;
  });
}

function invalid(text: string, reason: string): SluiceError {
  const found = text.slice(0, RANGE_LENGTH_MAX);
  const remedy = 'Write an npm range such as ^1.2.0 or an OSGi range such as [1.2,2).';
  return new SluiceError('RANGE_INVALID', `Cannot read the version range '${found}': ${reason}. ${remedy}`, {
    details: { found, reason },
    remedy,
  });
}
