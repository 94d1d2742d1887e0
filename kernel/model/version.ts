/**
 * Versions in npm and OSGi notation, as one ordered set.
 *
 * Owned here: the two notations, their order, and the mapping between them. Ranges are in range.ts.
 * The mapping, in one line: for one major.minor.patch, npm pre-releases sort before the plain version and OSGi qualifiers after it:
 *
 *     1.2.3-alpha < 1.2.3-rc.1 < 1.2.3 < 1.2.3.20261101 < 1.2.3.hotfix < 1.2.4-alpha
 *
 * What follows a `-` is a pre-release (compared as semver.org says), what follows a third `.` is a qualifier (compared as text).
 * One version never has both. Build metadata (`+...`) is kept for display and takes no part in the order. Missing OSGi parts are 0.
 */
import { SluiceError } from '@sluice/sdk';

/** Longest version text that is read. */
export const VERSION_LENGTH_MAX = 128;

const NUMBER = '(0|[1-9]\\d*)';
const IDENTIFIER = '(?:0|[1-9]\\d*|\\d*[a-zA-Z-][0-9a-zA-Z-]*)';
const NPM = new RegExp(
  `^${NUMBER}\\.${NUMBER}\\.${NUMBER}(?:-(${IDENTIFIER}(?:\\.${IDENTIFIER})*))?(?:\\+([0-9A-Za-z-]+(?:\\.[0-9A-Za-z-]+)*))?$`,
);
const OSGI = new RegExp(`^${NUMBER}(?:\\.${NUMBER}(?:\\.${NUMBER}(?:\\.([\\w-]+))?)?)?$`);

const NONE: readonly (string | number)[] = Object.freeze([]);

/** An immutable version. Compare with {@link Version.compare}, never by text. */
export class Version {
  private constructor(
    readonly major: number,
    readonly minor: number,
    readonly patch: number,
    /** Pre-release identifiers after `-`, numeric ones as numbers; empty for most versions. */
    readonly prerelease: readonly (string | number)[],
    /** OSGi qualifier after the third `.`; empty for most versions. */
    readonly qualifier: string,
    /** Build metadata after `+`; not compared. */
    readonly build: string,
  ) {}

  /** A version of three numbers, optionally a pre-release. */
  static of(major: number, minor: number, patch: number, prerelease: readonly (string | number)[] = NONE): Version {
    return new Version(major, minor, patch, prerelease, '', '');
  }

  /**
   * Reads npm notation (`1.2.3`, `1.2.3-rc.1+build`) or OSGi notation (`1`, `1.2`, `1.2.3.qualifier`).
   * @throws SluiceError `VERSION_INVALID`
   */
  static parse(text: string): Version {
    const version = Version.tryParse(text);
    if (version !== undefined) return version;
    const shown = typeof text === 'string' ? text.slice(0, VERSION_LENGTH_MAX) : String(text);
    throw new SluiceError(
      'VERSION_INVALID',
      `Cannot read the version '${shown}': expected major.minor.patch such as 1.2.3, 1.2.3-rc.1 or 1.2.3.qualifier. Write three numbers without leading zeros.`,
      { details: { found: shown }, remedy: 'Write three numbers without leading zeros, such as 1.2.3.' },
    );
  }

  /** Like {@link Version.parse}, with undefined for a text that is no version. */
  static tryParse(text: string): Version | undefined {
    if (typeof text !== 'string' || text.length > VERSION_LENGTH_MAX) return undefined;
    const npm = NPM.exec(text);
    if (npm !== null) return fromParts(npm, npm[4] === undefined ? NONE : identifiers(npm[4]), '', npm[5] ?? '');
    const osgi = OSGI.exec(text);
    return osgi === null ? undefined : fromParts(osgi, NONE, osgi[4] ?? '', '');

    function fromParts(match: RegExpExecArray, prerelease: readonly (string | number)[], qualifier: string, build: string) {
      const [major, minor, patch] = [Number(match[1]), Number(match[2] ?? 0), Number(match[3] ?? 0)];
      const exact = Number.isSafeInteger(major) && Number.isSafeInteger(minor) && Number.isSafeInteger(patch);
      return exact ? new Version(major, minor, patch, prerelease, qualifier, build) : undefined;
    }
  }

  /** Negative when this version is lower, positive when higher, 0 when equal but for build metadata. A total order. */
  compare(other: Version): number {
    return (
      this.major - other.major ||
      this.minor - other.minor ||
      this.patch - other.patch ||
      kind(this) - kind(other) ||
      comparePrerelease(this.prerelease, other.prerelease) ||
      compareText(this.qualifier, other.qualifier)
    );
  }

  /** True when {@link Version.compare} gives 0. */
  equals(other: Version): boolean {
    return this.compare(other) === 0;
  }

  /** The text without build metadata: equal versions have equal texts. */
  toCanonical(): string {
    const plain = `${this.major}.${this.minor}.${this.patch}`;
    if (this.prerelease.length > 0) return `${plain}-${this.prerelease.join('.')}`;
    return this.qualifier === '' ? plain : `${plain}.${this.qualifier}`;
  }

  toString(): string {
    return this.build === '' ? this.toCanonical() : `${this.toCanonical()}+${this.build}`;
  }

  toJSON(): string {
    return this.toString();
  }
}

/** -1 for a pre-release, 0 for a plain version, 1 for a qualified one. */
function kind(version: Version): number {
  return version.prerelease.length > 0 ? -1 : version.qualifier === '' ? 0 : 1;
}

function identifiers(text: string): readonly (string | number)[] {
  // A number too large to be exact stays text: it then sorts after numbers, the same way at each comparison.
  return text.split('.').map((part) => (/^\d+$/.test(part) && Number.isSafeInteger(Number(part)) ? Number(part) : part));
}

function comparePrerelease(a: readonly (string | number)[], b: readonly (string | number)[]): number {
  for (let i = 0; i < a.length && i < b.length; i++) {
    const [left, right] = [a[i] as string | number, b[i] as string | number];
    if (typeof left === 'number' && typeof right === 'number') {
      if (left !== right) return left - right;
    } else if (typeof left !== typeof right) {
      return typeof left === 'number' ? -1 : 1;
    } else if (left !== right) {
      return compareText(left as string, right as string);
    }
  }
  return a.length - b.length;
}

function compareText(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}
