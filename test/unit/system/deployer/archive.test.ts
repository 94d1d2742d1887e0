/** Promises of the look at an archive: whole, still coming, or none. */
import { deepStrictEqual as equal } from 'node:assert';
import { gunzipSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { writeArchive } from '@sluice/kernel/host/archive-writer';
import { inspectArchive } from '../../../../plugins/system/deployer/adapters/gzip.js';
import { walkTar } from '../../../../plugins/system/deployer/domain/tar-walk.js';

const entries = fc.dictionary(fc.stringMatching(/^[a-z]{1,20}(\/[a-z]{1,100}){0,2}$/), fc.uint8Array({ maxLength: 1_500 }), {
  minKeys: 1,
  maxKeys: 5,
  noNullPrototype: true,
});

describe('system.deployer archives', () => {
  it('takes what the kernel packs for whole', async () => {
    await fc.assert(
      fc.asyncProperty(entries, async (files) => equal(await inspectArchive(writeArchive(files)), 'complete')),
      { numRuns: 50 },
    );
  });

  it('takes an archive cut anywhere for one that is still coming', async () => {
    const whole = writeArchive({ 'package.json': '{"name":"x"}', 'dist/bundle.cjs': 'x'.repeat(3_000) });
    for (let cut = 0; cut < whole.length; cut++) equal(await inspectArchive(whole.subarray(0, cut)), 'incomplete', `cut at ${cut}`);
    const tar = gunzipSync(whole);
    const end = tar.length - 1_024;
    for (let cut = 0; cut < end; cut += 100) equal(walkTar(tar.subarray(0, cut)), 'incomplete', `tar cut at ${cut}`);
  });

  it('never takes a file that is filled from the front into reserved space for whole', async () => {
    const whole = writeArchive({ 'package.json': '{"name":"x"}', 'dist/bundle.cjs': 'x'.repeat(3_000) });
    for (let filled = 0; filled < whole.length; filled += 7) {
      const filling = Buffer.concat([whole.subarray(0, filled), Buffer.alloc(whole.length - filled)]);
      equal((await inspectArchive(filling)) === 'complete', false, `filled up to ${filled}`);
    }
  });

  it('names what is wrong with anything else', async () => {
    const cases = [Buffer.from('not an archive'), gzipSync('a text'.repeat(200)), gzipSync(Buffer.alloc(1_024))];
    equal(await Promise.all(cases.map(inspectArchive)), [
      { bad: 'no gzip header' },
      { bad: 'no tar header at byte 0' },
      { bad: 'an archive without entries' },
    ]);
  });
});
