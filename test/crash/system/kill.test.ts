/** Short form of `npm run verify kill-at-random`. */
import { strict as assert } from 'node:assert';
import { killAtRandom } from '../../verify/kill-at-random.js';

const SEED = Number(process.env['SLUICE_SEED'] ?? Date.now() % 1_000_000);

describe(`kill -9 of the whole system (seed ${SEED})`, function () {
  this.timeout(120_000);

  it('in deploys and transfers leaves the old or the new, all money, and every acknowledged transfer once', async () => {
    const figures = await killAtRandom({ kills: 3, customers: 3, seed: SEED });
    const { mixed, lostOrDoubled, moneyChanged, orphanFiles, problems, cameUpOld, cameUpNew } = figures;
    assert.deepEqual(
      { mixed, lostOrDoubled, moneyChanged, orphanFiles, problems, cameUp: cameUpOld + cameUpNew },
      { mixed: 0, lostOrDoubled: 0, moneyChanged: false, orphanFiles: 0, problems: [], cameUp: 3 },
    );
    assert.ok(figures.transfersAcknowledged > 0, 'transfers were made');
  });
});
