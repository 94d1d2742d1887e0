/**
 * Swaps every bundle on the path of a transfer, one after the other and again, while customers pay each other over HTTP: no payment may fail,
 * be lost or be done twice, and no old revision may stay.
 */
import { randomUUID } from 'node:crypto';
import { withVersion } from '../support/artifacts.js';
import { BankClient, minorOf } from '../support/bank-client.js';
import { notCollected, System } from '../support/system.js';
import { bankDatabase, type BankDialect } from './bank-database.js';
import { pause } from './bank-load.js';
import { seeded } from './random.js';

/** Bundles that are swapped. The ledger and the pipeline are among them: money is on its way through what is replaced. */
export const ON_THE_PATH = [
  'platform.message',
  'platform.calendar',
  'platform.audit',
  'platform.policy',
  'core.ledger',
  'platform.customer',
  'platform.txn',
  'business.account',
  'business.transfer',
] as const;

/** Size of a run. */
export interface BankSwapsOptions {
  readonly dialect: BankDialect;
  /** Rounds over all bundles. */
  readonly rounds: number;
  readonly customers: number;
  readonly seed: number;
}

/** What was counted. */
export interface BankSwapsFigures {
  readonly swaps: number;
  readonly payments: number;
  /** Answers other than "done", without any retry. */
  readonly failed: number;
  /** Accounts that moved by more or less than their payments say. */
  readonly off: number;
  readonly notCollected: number;
  readonly problems: readonly string[];
}

interface Payer {
  readonly bank: BankClient;
  readonly account: string;
  expectedMinor: bigint;
}

/** Runs against a system of its own. */
export async function bankSwaps(options: BankSwapsOptions): Promise<BankSwapsFigures> {
  const database = await bankDatabase(options.dialect);
  const system = await System.start({ config: { ...database.config, 'platform.customer': { demoCustomers: options.customers } } });
  try {
    return await run(system, options);
  } finally {
    await system.stop();
    await database.drop();
  }
}

async function run(system: System, options: BankSwapsOptions): Promise<BankSwapsFigures> {
  const random = seeded(options.seed);
  const problems: string[] = [];
  const payers = await logIn(system, options.customers);
  const load = { isRunning: true, payments: 0, failed: 0 };
  const traffic = Promise.all(
    payers.map(async (payer) => {
      while (load.isRunning) {
        const payee = payers[Math.floor(random() * payers.length)] as Payer;
        if (payee === payer) continue;
        const minor = BigInt(1 + Math.floor(random() * 9));
        const answer = await payer.bank.transfer({ from: payer.account, to: payee.account, amount: `0.0${minor}`, key: randomUUID() });
        if (answer.status === 201 && answer.body.state === 'POSTED') {
          load.payments += 1;
          payer.expectedMinor -= minor;
          payee.expectedMinor += minor;
        } else {
          load.failed += 1;
          problems.push(`payment answered ${answer.status} ${JSON.stringify(answer.body)}`);
        }
      }
    }),
  );
  let swaps = 0;
  for (let round = 1; round <= options.rounds; round += 1) {
    for (const bundle of ON_THE_PATH) {
      const before = load.payments;
      const outcome = await system.admin.deploy([withVersion(system.artifact(bundle), `1.0.${round}`)], { watchMs: 0 });
      if (outcome.outcome === 'committed') swaps += 1;
      else problems.push(`swap of ${bundle}: ${outcome.error?.message ?? outcome.outcome}`);
      // The new revision has served before the next swap begins.
      for (let waitedMs = 0; load.payments < before + payers.length && waitedMs < 5_000; waitedMs += 5) await pause(5);
    }
  }
  load.isRunning = false;
  await traffic;
  let off = 0;
  for (const { bank, account, expectedMinor } of payers) {
    const found = (await bank.accounts()).find(({ accountNo }) => accountNo === account);
    if (minorOf(found?.balance ?? '0.00') !== expectedMinor) off += 1;
    bank.close();
  }
  const kept = await notCollected(system);
  const { payments, failed } = load;
  return { swaps, payments, failed, off, notCollected: kept.length, problems: [...problems, ...kept].slice(0, 20) };
}

async function logIn(system: System, customers: number): Promise<readonly Payer[]> {
  const payers: Payer[] = [];
  for (let number = 1; number <= customers; number += 1) {
    const bank = new BankClient(system.address);
    await bank.login(`c${String(number).padStart(4, '0')}`);
    const account = (await bank.accounts()).find(({ currency }) => currency === 'CNY');
    if (account === undefined) throw new Error('a demo customer has no account in yuan');
    payers.push({ bank, account: account.accountNo, expectedMinor: minorOf(account.balance) });
  }
  return payers;
}
