/**
 * Kills the whole bank with SIGKILL at random instants while customers pay each other, starts it again, and at the end asks for every
 * acknowledged order again under its key: each must be there once, with its first answer, and the money must be what they say.
 */
import { randomUUID } from 'node:crypto';
import { BankClient, minorOf, type OrderLine } from '../support/bank-client.js';
import { System } from '../support/system.js';
import { bankDatabase, type BankDialect } from './bank-database.js';
import { pause } from './bank-load.js';
import { seeded } from './random.js';

/** Size of a run. */
export interface BankKillsOptions {
  readonly dialect: BankDialect;
  readonly kills: number;
  readonly customers: number;
  readonly seed: number;
}

/** What was counted. */
export interface BankKillsFigures {
  readonly kills: number;
  readonly acknowledged: number;
  /** Acknowledged orders that are not there, or not posted. */
  readonly lost: number;
  /** Orders that answer otherwise than they did at first, or accounts that moved by more or less than their orders say. */
  readonly doubled: number;
  readonly sumChangedMinor: number;
  readonly brokenConnections: number;
  readonly problems: readonly string[];
}

/** Longest time from a start to the next kill. */
const LIFE_MS_MAX = 250;
const ATTEMPTS_MAX = 2_000;

interface Payment {
  readonly from: string;
  readonly to: string;
  readonly amount: string;
  readonly key: string;
}

interface Payer {
  readonly bank: BankClient;
  readonly account: string;
  readonly openingMinor: bigint;
  readonly done: { readonly payment: Payment; readonly orderNo: string }[];
}

/** Runs against a system of its own. */
export async function bankKills(options: BankKillsOptions): Promise<BankKillsFigures> {
  const database = await bankDatabase(options.dialect);
  const system = await System.start({ config: { ...database.config, 'platform.customer': { demoCustomers: options.customers } } });
  try {
    return await new KillsRun(system, options).run();
  } finally {
    await system.stop();
    await database.drop();
  }
}

class KillsRun {
  readonly #random: () => number;
  readonly #payers: Payer[] = [];
  readonly #problems: string[] = [];
  #finished = false;

  constructor(
    private readonly system: System,
    private readonly options: BankKillsOptions,
  ) {
    this.#random = seeded(options.seed);
  }

  async run(): Promise<BankKillsFigures> {
    await this.#logIn();
    const traffic = Promise.all(this.#payers.map((payer) => this.#pay(payer)));
    for (let kill = 0; kill < this.options.kills; kill += 1) {
      await pause(this.#random() * LIFE_MS_MAX);
      await this.system.kill();
      await this.system.launch();
    }
    this.#finished = true;
    await traffic;
    const { lost, otherwise } = await this.#askAgain();
    const { off, sumChangedMinor } = await this.#balances();
    for (const { bank } of this.#payers) bank.close();
    return {
      kills: this.options.kills,
      acknowledged: this.#payers.reduce((sum, { done }) => sum + done.length, 0),
      lost,
      doubled: otherwise + off,
      sumChangedMinor,
      brokenConnections: this.#payers.reduce((sum, { bank }) => sum + bank.attempts.brokenConnections, 0),
      problems: this.#problems.slice(0, 20),
    };
  }

  async #logIn(): Promise<void> {
    for (let number = 1; number <= this.options.customers; number += 1) {
      const bank = new BankClient(this.system.address);
      await bank.login(`c${String(number).padStart(4, '0')}`);
      const account = (await bank.accounts()).find(({ currency }) => currency === 'CNY');
      if (account === undefined) throw new Error('a demo customer has no account in yuan');
      this.#payers.push({ bank, account: account.accountNo, openingMinor: minorOf(account.balance), done: [] });
    }
  }

  /** One payment after the other, each under its key until it is answered. */
  async #pay(payer: Payer): Promise<void> {
    while (!this.#finished) {
      const payee = this.#payers[Math.floor(this.#random() * this.#payers.length)];
      if (payee === undefined || payee === payer) continue;
      const amount = `0.0${1 + Math.floor(this.#random() * 9)}`;
      const payment = { from: payer.account, to: payee.account, amount, key: randomUUID() };
      const answer = await payer.bank.transferUntilAnswered(payment, ATTEMPTS_MAX);
      if (answer.status !== 201) {
        this.#problems.push(`payment answered ${answer.status} ${JSON.stringify(answer.body)}`);
        return;
      }
      payer.done.push({ payment, orderNo: answer.body.orderNo });
    }
  }

  async #askAgain(): Promise<{ lost: number; otherwise: number }> {
    let lost = 0;
    let otherwise = 0;
    for (const { bank, done } of this.#payers) {
      for (const { payment, orderNo } of done) {
        const found = await bank.send<OrderLine>('GET', `/mobile/transfers/${orderNo}`);
        if (found.status !== 200 || found.body.state !== 'POSTED') lost += 1;
        const again = await bank.transfer(payment);
        if (again.body.orderNo !== orderNo || again.headers['idempotency-replayed'] !== 'true') otherwise += 1;
      }
    }
    return { lost, otherwise };
  }

  async #balances(): Promise<{ off: number; sumChangedMinor: number }> {
    let off = 0;
    let changed = 0n;
    for (const payer of this.#payers) {
      const account = (await payer.bank.accounts()).find(({ accountNo }) => accountNo === payer.account);
      const moved = minorOf(account?.balance ?? '0.00') - payer.openingMinor;
      if (moved !== this.#expected(payer.account)) off += 1;
      changed += moved;
    }
    return { off, sumChangedMinor: Number(changed) };
  }

  #expected(account: string): bigint {
    let sum = 0n;
    for (const { done } of this.#payers) {
      for (const { payment } of done) {
        if (payment.from === account) sum -= minorOf(payment.amount);
        if (payment.to === account) sum += minorOf(payment.amount);
      }
    }
    return sum;
  }
}
