/**
 * Jepsen's bank property over HTTP: while money moves among the accounts of one customer, every reader sees the same total in every answer,
 * and no account below zero. Kills may be thrown in: what a reader saw before must still be so afterwards.
 */
import { randomUUID } from 'node:crypto';
import { BankClient, minorOf } from '../support/bank-client.js';
import { System } from '../support/system.js';
import { bankDatabase, type BankDialect } from './bank-database.js';
import { pause } from './bank-load.js';
import { seeded } from './random.js';

/** Size of a run. */
export interface SnapshotOptions {
  readonly dialect: BankDialect;
  readonly accounts: number;
  readonly writers: number;
  readonly readers: number;
  readonly transfers: number;
  /** Kills of the whole bank, spread over the run. */
  readonly kills: number;
  readonly seed: number;
}

/** What was counted. */
export interface SnapshotFigures {
  readonly transfers: number;
  readonly refused: number;
  readonly snapshots: number;
  readonly wrongTotals: number;
  readonly negativeBalances: number;
  readonly problems: readonly string[];
}

const ATTEMPTS_MAX = 2_000;
/** Some transfers ask for more than an account can hold, so that refusals are mixed in. */
const AMOUNT_MINOR_MAX = 90_000;

/** Runs against a system of its own. */
export async function bankSnapshots(options: SnapshotOptions): Promise<SnapshotFigures> {
  const database = await bankDatabase(options.dialect);
  const customers = { demoCustomers: 1, demoAccountsOfFirst: options.accounts };
  const system = await System.start({ config: { ...database.config, 'platform.customer': customers } });
  const clients: BankClient[] = [];
  const client = async (): Promise<BankClient> => {
    const bank = new BankClient(system.address);
    clients.push(bank);
    await bank.login('c0001');
    return bank;
  };
  try {
    return await run(system, options, client);
  } finally {
    for (const bank of clients) bank.close();
    await system.stop();
    await database.drop();
  }
}

async function run(system: System, options: SnapshotOptions, newClient: () => Promise<BankClient>): Promise<SnapshotFigures> {
  const random = seeded(options.seed);
  const first = await newClient();
  const opening = await first.accounts();
  const numbers = opening.map(({ accountNo }) => accountNo);
  const total = totalOf(opening);
  const problems: string[] = [];
  const counts = { transfers: 0, refused: 0, snapshots: 0, wrongTotals: 0, negativeBalances: 0 };
  const work = { left: options.transfers };

  const write = async (bank: BankClient): Promise<void> => {
    while (work.left > 0) {
      work.left -= 1;
      const from = numbers[Math.floor(random() * numbers.length)] as string;
      const to = numbers[Math.floor(random() * numbers.length)] as string;
      if (from === to) continue;
      const minor = String(1 + Math.floor(random() * AMOUNT_MINOR_MAX)).padStart(3, '0');
      const amount = `${minor.slice(0, -2)}.${minor.slice(-2)}`;
      const { status, body } = await bank.transferUntilAnswered({ from, to, amount, key: randomUUID() }, ATTEMPTS_MAX);
      if (status === 201) counts.transfers += 1;
      else if (status === 422 && body.code === 'INSUFFICIENT_FUNDS') counts.refused += 1;
      else problems.push(`transfer answered ${status} ${JSON.stringify(body)}`);
    }
  };
  const read = async (bank: BankClient): Promise<void> => {
    while (work.left > 0) {
      // A reader that meets a kill asks again; what it is told must be right.
      const seen = await bank.accounts().catch(() => undefined);
      if (seen === undefined) {
        await pause(20);
        continue;
      }
      counts.snapshots += 1;
      if (totalOf(seen) !== total || seen.length !== opening.length) counts.wrongTotals += 1;
      if (seen.some(({ balance }) => balance.startsWith('-'))) counts.negativeBalances += 1;
    }
  };

  const clients = await inTurn(options.writers + options.readers, newClient);
  const done = Promise.all(clients.map((bank, index) => (index < options.writers ? write(bank) : read(bank))));
  for (let kill = 1; kill <= options.kills; kill += 1) {
    while (work.left > options.transfers - (options.transfers * kill) / (options.kills + 1)) await pause(5);
    await system.kill();
    await system.launch();
  }
  await done;
  const end = await first.accounts();
  if (totalOf(end) !== total) problems.push(`the total was ${total} and is ${totalOf(end)}`);
  return { ...counts, problems: problems.slice(0, 20) };
}

function totalOf(accounts: readonly { readonly balance: string; readonly currency: string }[]): bigint {
  return accounts.reduce((sum, { balance, currency }) => (currency === 'CNY' ? sum + minorOf(balance) : sum), 0n);
}

async function inTurn<T>(count: number, make: () => Promise<T>): Promise<readonly T[]> {
  const made: T[] = [];
  for (let index = 0; index < count; index += 1) made.push(await make());
  return made;
}
