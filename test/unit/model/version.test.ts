/** Versions: what is read, what is refused, and the order of npm and OSGi notation together. */
import assert from 'node:assert/strict';
import { isSluiceError } from '@sluice/sdk';
import { Version } from '@sluice/kernel/model/index';

describe('model: version', () => {
  const readable: readonly [text: string, parts: unknown][] = [
    ['1.2.3', { numbers: [1, 2, 3], prerelease: [], qualifier: '', build: '' }],
    ['0.0.0', { numbers: [0, 0, 0], prerelease: [], qualifier: '', build: '' }],
    ['1.2.3-alpha', { numbers: [1, 2, 3], prerelease: ['alpha'], qualifier: '', build: '' }],
    ['1.2.3-rc.1', { numbers: [1, 2, 3], prerelease: ['rc', 1], qualifier: '', build: '' }],
    ['1.2.3--', { numbers: [1, 2, 3], prerelease: ['-'], qualifier: '', build: '' }],
    ['1.2.3-0a.00b', { numbers: [1, 2, 3], prerelease: ['0a', '00b'], qualifier: '', build: '' }],
    ['1.2.3+5114f85', { numbers: [1, 2, 3], prerelease: [], qualifier: '', build: '5114f85' }],
    ['1.2.3-rc.1+b.7', { numbers: [1, 2, 3], prerelease: ['rc', 1], qualifier: '', build: 'b.7' }],
    ['1', { numbers: [1, 0, 0], prerelease: [], qualifier: '', build: '' }],
    ['1.2', { numbers: [1, 2, 0], prerelease: [], qualifier: '', build: '' }],
    ['1.2.3.hotfix', { numbers: [1, 2, 3], prerelease: [], qualifier: 'hotfix', build: '' }],
    ['1.2.3.20261101-2_x', { numbers: [1, 2, 3], prerelease: [], qualifier: '20261101-2_x', build: '' }],
    ['9007199254740991.0.0', { numbers: [9007199254740991, 0, 0], prerelease: [], qualifier: '', build: '' }],
  ];
  for (const [text, parts] of readable) {
    it(`reads '${text}'`, () => {
      const { major, minor, patch, prerelease, qualifier, build } = Version.parse(text);
      assert.deepEqual({ numbers: [major, minor, patch], prerelease, qualifier, build }, parts);
    });
  }

  const unreadable = [
    ['', 'empty'],
    [' 1.2.3', 'white space'],
    ['1.2.3 ', 'white space behind'],
    ['v1.2.3', 'a letter before'],
    ['1.02.3', 'a leading zero'],
    ['1.2.3-01', 'a leading zero in a numeric pre-release'],
    ['1.2.3-', 'an empty pre-release'],
    ['1.2.3-a..b', 'an empty identifier'],
    ['1.2.3.', 'an empty qualifier'],
    ['1.2.3.a.b', 'five parts'],
    ['1.2-rc', 'a pre-release of two numbers'],
    ['1.2.3+', 'empty build metadata'],
    ['-1.2.3', 'a sign'],
    ['1.2.x', 'an open part'],
    ['9007199254740992.0.0', 'a number that is not exact'],
    [`1.2.3-${'a'.repeat(130)}`, 'too many characters'],
    ['１.2.3', 'a digit of another script'],
    ['1.2.3\n', 'a line break'],
  ] as const;
  for (const [text, why] of unreadable) {
    it(`refuses ${why}: ${JSON.stringify(text.slice(0, 30))}`, () => {
      assert.equal(Version.tryParse(text), undefined);
      assert.throws(
        () => Version.parse(text),
        (error) => isSluiceError(error) && error.code === 'VERSION_INVALID' && error.details['found'] === text.slice(0, 128),
      );
    });
  }

  it('orders pre-releases before and qualifiers after the plain version', () => {
    const ascending = [
      '0.9.9.zzz',
      '1.0.0-0',
      '1.0.0-1',
      '1.0.0-2',
      '1.0.0-10',
      '1.0.0-alpha',
      '1.0.0-alpha.1',
      '1.0.0-alpha.beta',
      '1.0.0-beta',
      '1.0.0-beta.2',
      '1.0.0-beta.11',
      '1.0.0-rc.1',
      '1.0.0',
      '1.0.0.10',
      '1.0.0.9',
      '1.0.0.A',
      '1.0.0.a',
      '1.0.1-alpha',
      '1.0.1',
      '1.2.0',
      '1.10.0',
      '2.0.0',
    ];
    const shuffled = [...ascending].reverse().map((text) => Version.parse(text));
    assert.deepEqual(shuffled.sort((a, b) => a.compare(b)).map(String), ascending);
  });

  it('ignores build metadata in the order and keeps it in the text', () => {
    const [a, b] = [Version.parse('1.2.3+one'), Version.parse('1.2.3+two')];
    assert.deepEqual(
      { equal: a.equals(b), canonical: a.toCanonical(), text: a.toString(), json: JSON.stringify({ a }) },
      { equal: true, canonical: '1.2.3', text: '1.2.3+one', json: '{"a":"1.2.3+one"}' },
    );
  });

  it('reads short OSGi versions as the same version', () => {
    assert.equal(Version.parse('1').compare(Version.parse('1.0.0')), 0);
    assert.equal(Version.parse('1.2').toString(), '1.2.0');
  });
});
