/** Ranges: both notations, what a bare version means, pre-releases, qualifiers, refusals. */
import assert from 'node:assert/strict';
import { isSluiceError } from '@sluice/sdk';
import { compatibleRange, parseRange, Version } from '@sluice/kernel/model/index';

/** The versions of a list that a range includes. */
function included(range: string, versions: string, notation?: 'npm' | 'osgi'): string {
  const parsed = parseRange(range, notation);
  const inside = versions.split(' ').filter((version) => parsed.includes(Version.parse(version)));
  return inside.join(' ');
}

describe('model: range', () => {
  const npm: readonly [range: string, inside: string, outside: string][] = [
    ['1.2.3', '1.2.3', '1.2.2 1.2.4 1.2.3.q'],
    ['=1.2.3', '1.2.3', '1.2.4'],
    ['v1.2.3', '1.2.3', '1.2.4'],
    ['^1.2.3', '1.2.3 1.9.0 1.2.3.q 1.99.0.zz', '1.2.2 2.0.0 2.0.0-alpha 1.3.0-alpha'],
    ['^0.2.3', '0.2.3 0.2.9', '0.3.0 0.2.2'],
    ['^0.0.3', '0.0.3 0.0.3.q', '0.0.4 0.0.2'],
    ['^0', '0.0.1 0.9.0', '1.0.0'],
    ['^1.x', '1.0.0 1.9.0', '2.0.0 0.9.0'],
    ['~1.2.3', '1.2.3 1.2.9', '1.3.0 1.2.2'],
    ['~1.2', '1.2.0 1.2.9', '1.3.0'],
    ['~1', '1.0.0 1.9.9', '2.0.0'],
    ['~>1.2', '1.2.5', '1.3.0'],
    ['1.x', '1.0.0 1.9.9', '2.0.0'],
    ['1.2', '1.2.0 1.2.9', '1.3.0'],
    ['*', '0.0.0 9.9.9 1.0.0.q', '1.0.0-rc'],
    ['>=1.2 <2', '1.2.0 1.9.9', '1.1.9 2.0.0'],
    ['>= 1.2.0 < 2.0.0', '1.2.0', '2.0.0'],
    ['>1', '2.0.0', '1.9.9'],
    ['>1.2', '1.3.0', '1.2.9'],
    ['<=1.2', '1.2.9 1.0.0', '1.3.0'],
    ['<1.2', '1.1.9', '1.2.0'],
    ['1.2 - 1.4', '1.2.0 1.4.9', '1.5.0'],
    ['1.2.3 - 1.4.5', '1.2.3 1.4.5', '1.4.6 1.4.5.q'],
    ['^1.0.0 || ^3.0.0', '1.5.0 3.1.0', '2.0.0 4.0.0'],
    ['1.2.3-rc.1', '1.2.3-rc.1', '1.2.3 1.2.3-rc.2'],
    ['^1.2.3-beta.2', '1.2.3-beta.2 1.2.3-rc 1.2.3 1.4.0', '1.2.3-beta.1 1.4.0-beta'],
    ['>1.2.3 <1.2.4', '1.2.3.q', '1.2.3 1.2.4'],
  ];
  for (const [range, inside, outside] of npm) {
    it(`npm ${range} includes ${inside}, not ${outside}`, () => {
      assert.deepEqual({ all: included(range, `${inside} ${outside}`), text: parseRange(range).toString() }, { all: inside, text: range });
    });
  }

  const osgi: readonly [range: string, inside: string, outside: string][] = [
    ['[1.2,2)', '1.2.0 1.9.9 1.2.0.q', '1.1.9 2.0.0 2.0.0-alpha'],
    ['[1.2,2]', '2.0.0', '2.0.0.q 2.0.1'],
    ['(1.2.3,2)', '1.2.3.q 1.2.4', '1.2.3'],
    ['(1.2.3.a,1.2.3.c)', '1.2.3.b', '1.2.3 1.2.3.a 1.2.3.c'],
    ['[ 1.2 , 2 )', '1.2.0', '2.0.0'],
    ['[1.2.0-rc.1,2)', '1.2.0-rc.1 1.2.0-rc.2 1.5.0', '1.3.0-rc.1'],
    ['1.2.3.q', '1.2.3.q 1.2.4 9.0.0', '1.2.3 1.2.3.p'],
  ];
  for (const [range, inside, outside] of osgi) {
    it(`OSGi ${range} includes ${inside}, not ${outside}`, () => assert.equal(included(range, `${inside} ${outside}`), inside));
  }

  it('reads a bare version as npm unless OSGi is asked for', () => {
    assert.deepEqual(
      {
        unsaid: included('1.2', '1.2.5 1.3.0 2.0.0'),
        npm: included('1.2', '1.2.5 1.3.0 2.0.0', 'npm'),
        osgi: included('1.2', '1.1.0 1.2.5 1.3.0 2.0.0', 'osgi'),
      },
      { unsaid: '1.2.5', npm: '1.2.5', osgi: '1.2.5 1.3.0 2.0.0' },
    );
  });

  const refused: readonly [range: string, why: string][] = [
    ['', 'it is empty'],
    ['   ', 'it is empty'],
    ['||', 'an alternative of it is empty'],
    ['^1 ||', 'an alternative of it is empty'],
    ['latest', "'latest' is not a version or a comparison"],
    ['^1.2.3.4.5', "'^1.2.3.4.5' is not a version or a comparison"],
    ['>=1.0.0 foo', "'foo' is not a version or a comparison"],
    ['1.2.3-01', "'1.2.3-01' is not a version or a comparison"],
    ['99999999999999999999.1', "'99999999999999999999.1' is not a version or a comparison"],
    ['>2 <1', 'no version can be in it'],
    ['>*', 'no version can be in it'],
    ['<0.0.0-0', 'no version can be in it'],
    ['[2,1]', 'no version can be in it'],
    ['(1.2,1.2.0]', 'no version can be in it'],
    ['[1.2,2', 'an OSGi range is written [1.2,2), with two versions'],
    ['[1.2]', 'an OSGi range is written [1.2,2), with two versions'],
    ['[1.2,]', 'an OSGi range is written [1.2,2), with two versions'],
    ['[a,b]', 'an OSGi range is written [1.2,2), with two versions'],
    ['x'.repeat(300), 'it is longer than 256 characters'],
  ];
  for (const [range, reason] of refused) {
    it(`refuses ${JSON.stringify(range.slice(0, 30))}: ${reason}`, () => {
      assert.throws(
        () => parseRange(range),
        (error) => isSluiceError(error) && error.code === 'RANGE_INVALID' && error.details['reason'] === reason,
      );
    });
  }

  it('refuses in one notation what only the other can say', () => {
    assert.throws(() => parseRange('^1.2', 'osgi'), /neither an OSGi version nor an OSGi range/);
    assert.throws(() => parseRange('[1.2,2)', 'npm'), /is not a version or a comparison/);
  });

  it('reads the same text the same way again, also after many others', () => {
    const before = included('^1.2.0', '1.2.0 2.0.0');
    for (let major = 0; major < 1_500; major++) parseRange(`^${major}.0.0`);
    assert.deepEqual({ before, after: included('^1.2.0', '1.2.0 2.0.0') }, { before: '1.2.0', after: '1.2.0' });
  });
});

describe('model: compatible range of a contract', () => {
  it('is the same major and at least the minor; below 1.0.0 the same minor', () => {
    const ranges = ['1.2.3', '2.0.0', '0.3.4', '0.0.2'].map((version) => compatibleRange(version).toString());
    assert.deepEqual(ranges, ['^1.2.0', '^2.0.0', '^0.3.0', '~0.0.0']);
    assert.equal(included('^0.3.0', '0.2.9 0.3.0 0.3.9 0.4.0 1.0.0'), '0.3.0 0.3.9');
  });

  it('refuses what is no version', () => {
    assert.throws(
      () => compatibleRange('one'),
      (error) => isSluiceError(error) && error.code === 'VERSION_INVALID',
    );
  });
});
