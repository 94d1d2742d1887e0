/** What clients of the bank notice of deploys: short forms of the long runs under `npm run verify`. Counts are asserted, never times. */
import { strict as assert } from 'node:assert';
import { rmSync } from 'node:fs';
import { restoreBackup } from '@sluice/kernel/host/backup';
import { BankClient } from '../../support/bank-client.js';
import { System } from '../../support/system.js';
import { badSwaps } from '../../verify/bad-swaps.js';
import { swapUnderLoad, SLOW_POSTS } from '../../verify/swap-under-load.js';
import { systemHttpSwaps } from '../../verify/system-http-swaps.js';

// A login takes a third of a second, so there are few clients; a drain lasts as long as the slowest POST, so they are not very slow.
const LOAD = { clients: 4, requestsPerSecond: 100, slowMsMax: 100, seed: 7 } as const;

describe('the bank', function () {
  this.timeout(120_000);
  let system: System;
  before(async () => {
    system = await System.start({ config: { ...SLOW_POSTS, 'platform.customer': { demoCustomers: 20 } } });
  });
  after(() => system.stop());

  it('notices nothing of 25 swaps of the transfer bundle', async () => {
    const figures = await swapUnderLoad({ ...LOAD, swaps: 25, steadyMs: 100 }, system);
    const { swaps, failed, resets, executedTwice, lost, sawTwoVersions, wentBack, notCollected, problems } = figures;
    assert.deepEqual(
      { swaps, failed, resets, executedTwice, lost, sawTwoVersions, wentBack, notCollected, problems },
      { swaps: 25, failed: 0, resets: 0, executedTwice: 0, lost: 0, sawTwoVersions: 0, wentBack: 0, notCollected: 0, problems: [] },
    );
    assert.ok(figures.transfers > 0 && figures.versionsSeen > 1, 'transfers were made, by several versions');
  });

  it('notices nothing of swaps of the http bundle and of its channel', async () => {
    const { phases, failed, resets, notCollected, problems } = await systemHttpSwaps({ swaps: 3, connections: 8, steadyMs: 100 }, system);
    assert.deepEqual({ failed, resets, notCollected, problems }, { failed: 0, resets: 0, notCollected: 0, problems: [] });
    assert.deepEqual(
      phases.map(({ bundle, committed, reopened }) => [bundle, committed, reopened <= (bundle === 'system.http' ? 24 : 0)]),
      [
        ['system.http', 3, true],
        ['channel.mobile', 3, true],
      ],
    );
  });

  it('notices nothing of nine kinds of bad versions, and little of one that fails on live traffic', async () => {
    const { kinds, ...figures } = await badSwaps({ ...LOAD, rounds: 1 }, system);
    assert.deepEqual(figures, { resets: 0, lost: 0, executedTwice: 0, notCollected: 0, problems: [] });
    assert.deepEqual(
      kinds.map(({ kind, asExpected, failedMax }, index) => [kind, asExpected, index < 9 ? failedMax : failedMax > 0 && failedMax <= 20]),
      [
        ['throws at load', 1, 0],
        ['throws in activate', 1, 0],
        ['hangs in activate', 1, 0],
        ['breaks its contract', 1, 0],
        ['lacks a dependency', 1, 0],
        ['has a bad migration', 1, 0],
        ['is not healthy', 1, 0],
        ['takes a route of another bundle', 1, 0],
        ['has defaults against its own schema', 1, 0],
        ['fails a fifth of live traffic', 1, true],
      ],
    );
  });

  it('is backed up while it serves, and the restored bank has the same balances', async () => {
    const archive = `${system.dataFolder}-backup.tgz`;
    const dataFolder = `${system.dataFolder}-restored`;
    let restored: System | undefined;
    try {
      const before = await balancesOf(system);
      await system.admin.backup(archive);
      await assert.rejects(system.admin.backup(archive), { code: 'BACKUP_EXISTS' });
      await restoreBackup(archive, dataFolder);
      await assert.rejects(restoreBackup(archive, dataFolder), { code: 'RESTORE_NOT_EMPTY' });
      restored = await System.start({ dataFolder });
      assert.deepEqual(await balancesOf(restored), before);
      // As a new bank it would have the same balances only by chance: transfers were made before.
      assert.notEqual(before[0]?.[1], '71247.00');
    } finally {
      await restored?.stop();
      rmSync(archive, { force: true });
      rmSync(dataFolder, { recursive: true, force: true });
    }
  });

  it('has one kernel: a second one on its data folder is refused, naming the first', async () => {
    await assert.rejects(System.start({ dataFolder: system.dataFolder }), (error: Error) => {
      assert.match(error.message, new RegExp(`in use by process ${system.pid}`));
      assert.match(error.message, /DATA_FOLDER_LOCKED/);
      return true;
    });
  });
});

async function balancesOf(system: System): Promise<readonly (readonly [string, string])[]> {
  const bank = new BankClient(system.address);
  try {
    await bank.login('c0001');
    return (await bank.accounts()).map(({ accountNo, balance }) => [accountNo, balance]);
  } finally {
    bank.close();
  }
}
