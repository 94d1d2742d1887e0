/** Versions and ranges: the order is total, texts are faithful, and npm ranges mean what npm's own library says. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import semver from 'semver';
import { isSluiceError } from '@sluice/sdk';
import { compatibleRange, parseRange, Version } from '@sluice/kernel/model/index';

// Small numbers, so that equal and neighbouring versions are common.
const number = fc.oneof(fc.nat({ max: 3 }), fc.constantFrom(9, 10, 11));
const numbers = fc.tuple(number, number, number).map((parts) => parts.join('.'));
const identifier = fc.oneof(fc.nat({ max: 11 }).map(String), fc.constantFrom('a', 'alpha', 'beta', 'rc', '0a', 'A', '-'));
const prerelease = fc.array(identifier, { minLength: 1, maxLength: 3 }).map((parts) => `-${parts.join('.')}`);
const qualifier = fc.constantFrom('.q', '.Q', '.1', '.10', '.9', '.a-b_c');
const npmVersion = fc.tuple(numbers, fc.oneof(fc.constant(''), prerelease)).map((parts) => parts.join(''));
const anyVersion = fc.tuple(numbers, fc.oneof(fc.constant(''), prerelease, qualifier)).map((parts) => parts.join(''));

const partial = fc.oneof(
  npmVersion,
  fc.tuple(number, number).map((parts) => parts.join('.')),
  number.map(String),
  fc.tuple(number, fc.constantFrom('x', 'X', '*')).map((parts) => parts.join('.')),
  fc.tuple(number, number, fc.constant('x')).map((parts) => parts.join('.')),
  fc.constant('*'),
);
const comparison = fc
  .tuple(fc.constantFrom('', '^', '~', '>=', '<=', '>', '<', '='), fc.constantFrom('', ' '), partial)
  .map((parts) => parts.join(''));
const alternative = fc.oneof(
  fc.array(comparison, { minLength: 1, maxLength: 3 }).map((parts) => parts.join(' ')),
  fc.tuple(partial, partial).map((parts) => parts.join(' - ')),
);
const npmRange = fc.array(alternative, { minLength: 1, maxLength: 3 }).map((parts) => parts.join(' || '));

describe('model, for all versions', () => {
  it('the order is total: antisymmetric, transitive, and zero only for equal texts', () => {
    fc.assert(
      fc.property(anyVersion, anyVersion, anyVersion, (a, b, c) => {
        const [x, y, z] = [Version.parse(a), Version.parse(b), Version.parse(c)];
        assert.equal(Math.sign(x.compare(y)), 0 - Math.sign(y.compare(x)));
        assert.equal(x.compare(y) === 0, x.toCanonical() === y.toCanonical());
        if (x.compare(y) <= 0 && y.compare(z) <= 0) assert.ok(x.compare(z) <= 0);
      }),
      { numRuns: 1_000 },
    );
  });

  it('the text reads back as the same version', () => {
    fc.assert(fc.property(anyVersion, (text) => assert.equal(Version.parse(text).toString(), text)));
  });

  it('pre-releases come before, qualifiers after the plain version, both before the next patch', () => {
    fc.assert(
      fc.property(numbers, prerelease, qualifier, (plain, before, after) => {
        const { major, minor, patch } = Version.parse(plain);
        const order = [plain + before, plain, plain + after, `${major}.${minor}.${patch + 1}-0`].map((text) => Version.parse(text));
        for (let i = 1; i < order.length; i++) assert.ok((order[i - 1] as Version).compare(order[i] as Version) < 0);
      }),
    );
  });

  it('npm versions are ordered as npm orders them', () => {
    fc.assert(
      fc.property(npmVersion, npmVersion, (a, b) => {
        assert.equal(Math.sign(Version.parse(a).compare(Version.parse(b))), semver.compare(a, b));
      }),
      { numRuns: 1_000 },
    );
  });

  it('whatever text comes in, reading gives a version or VERSION_INVALID', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom(...'0123.-+ax_') })), (text) => {
        assert.equal(
          outcome(() => Version.parse(text)),
          Version.tryParse(text) === undefined ? 'VERSION_INVALID' : 'read',
        );
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('model, for all ranges', () => {
  it('npm ranges include what npm says they include', () => {
    fc.assert(
      fc.property(npmRange, npmVersion, (range, version) => {
        const expected = semver.satisfies(version, range);
        // Ranges that hold nothing are refused here and accepted there.
        if (outcome(() => parseRange(range, 'npm')) === 'RANGE_INVALID') assert.equal(expected, false);
        else assert.equal(parseRange(range, 'npm').includes(Version.parse(version)), expected, `${range} and ${version}`);
      }),
      { numRuns: 1_000 },
    );
  });

  it('npm ranges are read when npm reads them and they can hold something', () => {
    fc.assert(
      fc.property(fc.oneof(npmRange, fc.string({ unit: fc.constantFrom(...'0123.x*^~<>=|- v') })), (range) => {
        if (outcome(() => parseRange(range, 'npm')) === 'read') assert.notEqual(semver.validRange(range), null, range);
      }),
      { numRuns: 1_000 },
    );
  });

  it('OSGi intervals are the versions between their bounds, pre-releases only when named', () => {
    fc.assert(
      fc.property(anyVersion, anyVersion, anyVersion, fc.boolean(), fc.boolean(), (low, high, version, closedLow, closedHigh) => {
        const text = `${closedLow ? '[' : '('}${low},${high}${closedHigh ? ']' : ')'}`;
        const [a, b, v] = [Version.parse(low), Version.parse(high), Version.parse(version)];
        const isBetween = (closedLow ? a.compare(v) <= 0 : a.compare(v) < 0) && (closedHigh ? v.compare(b) <= 0 : v.compare(b) < 0);
        const isNamed = [a, b].some((bound) => bound.prerelease.length > 0 && sameNumbers(bound, v));
        const expected = isBetween && (v.prerelease.length === 0 || isNamed);
        if (outcome(() => parseRange(text)) === 'RANGE_INVALID') assert.equal(isBetween, false, text);
        else assert.equal(parseRange(text).includes(v), expected, `${text} and ${version}`);
      }),
      { numRuns: 1_000 },
    );
  });

  it('the compatible range holds the version itself and later ones of its major, never another major', () => {
    fc.assert(
      fc.property(numbers, numbers, (compiled, offered) => {
        const [a, b] = [Version.parse(compiled), Version.parse(offered)];
        const sameLine = a.major === b.major && (a.major > 0 || a.minor === b.minor);
        assert.equal(compatibleRange(compiled).includes(b), sameLine && b.minor >= a.minor);
      }),
      { numRuns: 1_000 },
    );
  });

  it('whatever text comes in, reading gives a range or RANGE_INVALID', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom(...'01.x*^~<>=|- v[](),q') })), (text) => {
        assert.ok(['read', 'RANGE_INVALID'].includes(outcome(() => parseRange(text))));
      }),
      { numRuns: 1_000 },
    );
  });
});

function sameNumbers(a: Version, b: Version): boolean {
  return a.major === b.major && a.minor === b.minor && a.patch === b.patch;
}

function outcome(run: () => unknown): string {
  try {
    run();
    return 'read';
  } catch (error) {
    if (!isSluiceError(error)) throw error;
    return error.code;
  }
}
