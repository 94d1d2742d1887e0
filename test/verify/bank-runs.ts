/** The long runs of the bank by name, each on both databases, with its goals. */
import type { RunOptions } from './runs.js';
import type { BankDialect } from './bank-database.js';
import { bankKills } from './bank-kills.js';
import { sameKeys } from './bank-same-keys.js';
import { bankSnapshots } from './bank-snapshots.js';
import { bankSwaps, ON_THE_PATH } from './bank-swaps.js';
import { atLeast, atMost, exactly, told, type Report, type Row } from './report.js';

const DIALECTS: readonly BankDialect[] = ['sqlite', 'postgres'];
const CLIENTS = 50;

/** Runs of the bank. */
export const bankRuns: Readonly<Record<string, (options: RunOptions) => Promise<Report>>> = {
  'bank-same-keys': ({ seed, size = 1_000 }) =>
    onBoth(async (dialect) => {
      const figures = await sameKeys({ dialect, clients: CLIENTS, keys: size, seed });
      const rows = [
        exactly(`${dialect}: requests`, figures.requests, CLIENTS * size),
        atMost(`${dialect}: keys with more than one answer`, figures.differingAnswers, 0),
        atMost(`${dialect}: keys without exactly one first answer`, figures.notOnceFirst, 0),
        exactly(`${dialect}: effects too many or missing`, figures.effectsOff, 0),
        told(`${dialect}: requests a second`, figures.perSecond),
      ];
      return { rows, problems: figures.problems };
    }),

  'bank-kills': ({ seed, size = 500 }) =>
    onBoth(async (dialect) => {
      const figures = await bankKills({ dialect, kills: size, customers: 8, seed });
      const rows = [
        exactly(`${dialect}: kills`, figures.kills, size),
        atLeast(`${dialect}: payments acknowledged`, figures.acknowledged, size),
        told(`${dialect}: connections broken`, figures.brokenConnections),
        atMost(`${dialect}: lost`, figures.lost, 0),
        atMost(`${dialect}: doubled`, figures.doubled, 0),
        exactly(`${dialect}: sum changed by`, figures.sumChangedMinor, 0),
      ];
      return { rows, problems: figures.problems };
    }),

  'bank-swaps': ({ seed, size = 50 }) =>
    onBoth(async (dialect) => {
      const figures = await bankSwaps({ dialect, rounds: size, customers: 8, seed });
      const rows = [
        exactly(`${dialect}: swaps`, figures.swaps, size * ON_THE_PATH.length),
        told(`${dialect}: payments`, figures.payments),
        atMost(`${dialect}: failed`, figures.failed, 0),
        atMost(`${dialect}: accounts off`, figures.off, 0),
        atMost(`${dialect}: old revisions not collected`, figures.notCollected, 0),
      ];
      return { rows, problems: figures.problems };
    }),

  'bank-snapshots': ({ seed, size = 20_000 }) =>
    onBoth(async (dialect) => {
      const figures = await bankSnapshots({ dialect, accounts: 8, writers: 16, readers: 4, transfers: size, kills: 10, seed });
      const rows = [
        told(`${dialect}: transfers`, figures.transfers),
        told(`${dialect}: refused for lack of money`, figures.refused),
        atLeast(`${dialect}: snapshots`, figures.snapshots, 100),
        atMost(`${dialect}: snapshots with another total`, figures.wrongTotals, 0),
        atMost(`${dialect}: snapshots with a balance below zero`, figures.negativeBalances, 0),
      ];
      return { rows, problems: figures.problems };
    }),
};

async function onBoth(run: (dialect: BankDialect) => Promise<Report>): Promise<Report> {
  const rows: Row[] = [];
  const problems: string[] = [];
  for (const dialect of DIALECTS) {
    const report = await run(dialect);
    rows.push(...report.rows);
    problems.push(...report.problems.map((problem) => `${dialect}: ${problem}`));
  }
  return { rows, problems };
}
