/** Short forms of the bank's long runs under `npm run verify`: same keys, kills, snapshots. Counts are asserted, never times. */
import { strict as assert } from 'node:assert';
import { needServer, POSTGRES_URL } from '../../support/servers.js';
import { bankKills } from '../../verify/bank-kills.js';
import { sameKeys } from '../../verify/bank-same-keys.js';
import { bankSnapshots } from '../../verify/bank-snapshots.js';
import { bankSwaps, ON_THE_PATH } from '../../verify/bank-swaps.js';

const SEED = Number(process.env['SLUICE_SEED'] ?? Date.now() % 1_000_000);
/** A start takes a second or two; the long form has 500 on each. */
const KILLS = { sqlite: 3, postgres: 2 } as const;

for (const dialect of ['sqlite', 'postgres'] as const) {
  describe(`the bank over HTTP on ${dialect} (SLUICE_SEED=${SEED})`, function () {
    this.timeout(120_000);
    before(async function () {
      if (dialect === 'postgres') await needServer(this, 'PostgreSQL', POSTGRES_URL);
    });

    it('GS8: 50 clients with the same 20 keys: one effect and one answer for each', async () => {
      const { perSecond: _speed, ...figures } = await sameKeys({ dialect, clients: 50, keys: 20, seed: SEED });
      assert.deepEqual(figures, { requests: 1_000, differingAnswers: 0, notOnceFirst: 0, effectsOff: 0, problems: [] });
    });

    it(`GS8: ${KILLS[dialect]} kills: no payment lost, none doubled, sums constant`, async () => {
      const figures = await bankKills({ dialect, kills: KILLS[dialect], customers: 3, seed: SEED });
      const { lost, doubled, sumChangedMinor, problems } = figures;
      assert.deepEqual({ lost, doubled, sumChangedMinor, problems }, { lost: 0, doubled: 0, sumChangedMinor: 0, problems: [] });
      assert.ok(figures.acknowledged > 0, 'payments were made');
    });

    it('F15: every bundle on the path of a transfer is swapped under load: no payment fails, no old revision stays', async () => {
      const { payments, ...figures } = await bankSwaps({ dialect, rounds: 1, customers: 3, seed: SEED });
      assert.deepEqual(figures, { swaps: ON_THE_PATH.length, failed: 0, off: 0, notCollected: 0, problems: [] });
      assert.ok(payments >= ON_THE_PATH.length, 'money moved between the swaps');
    });

    it("GS2: Jepsen's bank: every reader sees the same total while money moves", async () => {
      const figures = await bankSnapshots({ dialect, accounts: 5, writers: 2, readers: 1, transfers: 200, kills: 0, seed: SEED });
      const { wrongTotals, negativeBalances, problems } = figures;
      assert.deepEqual({ wrongTotals, negativeBalances, problems }, { wrongTotals: 0, negativeBalances: 0, problems: [] });
      assert.ok(figures.transfers > 0 && figures.snapshots > 0, 'money moved, and somebody looked');
    });
  });
}
