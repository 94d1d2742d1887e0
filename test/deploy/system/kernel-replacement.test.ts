/** What clients of the bank notice when the kernel itself is replaced: short form of `npm run verify kernel-replacements`. */
import { strict as assert } from 'node:assert';
import { kernelReplacements } from '../../verify/kernel-replacements.js';

describe('the bank under a supervisor', function () {
  this.timeout(60_000);

  it('notices nothing but a pause of 2 replacements of the kernel, and comes back after a kill', async () => {
    const { replaced, failed, resets, transfers, problems } = await kernelReplacements({
      replacements: 2,
      connections: 8,
      requestsBetween: 100,
    });
    assert.deepEqual({ replaced, failed, resets, problems }, { replaced: 2, failed: 0, resets: 0, problems: [] });
    assert.ok(transfers > 0);
  });
});
