/** The reader against mutated archives, and the writer against arbitrary entries. */
import { deepStrictEqual as equal } from 'node:assert';
import fc from 'fast-check';
import { readArchive, writeArchive } from '@sluice/kernel/host/archive';
import { fuzzArchives } from '../../fuzz/archives.js';

describe('archives', function () {
  this.timeout(60_000);

  it('refuses 500 mutated archives with a code and a place, quickly, writing nothing', () => {
    const seed = Number(process.env['SLUICE_SEED'] ?? Date.now() % 1_000_000);
    const { failures, refused, acceptedIdentical } = fuzzArchives(500, seed);
    equal({ seed, failures }, { seed, failures: [] });
    equal(refused + acceptedIdentical, 500);
    equal(refused > 450, true);
  });

  it('brings back whatever entries were written', () => {
    const segment = fc.stringMatching(/^[a-z0-9_-]{1,12}(\.[a-z]{1,4})?$/);
    const path = fc.array(segment, { minLength: 1, maxLength: 12 }).map((segments) => `d/${segments.join('/')}.f`);
    // Names with a suffix of their own cannot be folders of each other.
    const entries = fc.dictionary(path, fc.uint8Array({ maxLength: 1_200 }), { maxKeys: 8 });
    fc.assert(
      fc.property(entries, (files) => {
        const all = { ...files, 'package.json': Buffer.from('{}') };
        const read = readArchive(writeArchive(all));
        const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
        equal(
          Object.fromEntries([...read.entries].map(([name, bytes]) => [name, text(bytes)])),
          Object.fromEntries(Object.entries(all).map(([name, bytes]) => [name, text(bytes)])),
        );
        equal(writeArchive(read.entries), writeArchive(all));
      }),
      { numRuns: 100 },
    );
  });
});
