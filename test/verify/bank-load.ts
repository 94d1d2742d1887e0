/**
 * Clients of the mobile bank that send requests at a steady rate, some of them slow POSTs, and notice what no client may: failures,
 * resets, transfers lost or executed twice, answers of two versions in one, a version before the one already seen.
 */
import { randomUUID } from 'node:crypto';
import { BankClient, minorOf } from '../support/bank-client.js';
import type { System } from '../support/system.js';
import { seeded } from './random.js';

/** Size of a load. */
export interface LoadOptions {
  readonly clients: number;
  readonly requestsPerSecond: number;
  /** Share of transfers that wait before they are submitted; the system needs `demoDelay` of channel.mobile. */
  readonly slowShare: number;
  /** Longest wait of a slow transfer. Default 500. */
  readonly slowMsMax?: number;
  readonly seed: number;
}

/** What was counted so far. */
export interface LoadCounts {
  /** Requests that came to an end. */
  readonly requests: number;
  readonly transfers: number;
  readonly failed: number;
  readonly resets: number;
  readonly sawTwoVersions: number;
  readonly wentBack: number;
  readonly versionsSeen: number;
}

interface Client {
  readonly bank: BankClient;
  readonly account: string;
  lastVersion: string;
  busy: boolean;
}

const SLOW_MS_MIN = 30;
const SLOW_MS_MAX = 500;
const TURN_MS = 2;

/** A load under way. */
export class BankLoad {
  readonly #options: LoadOptions;
  readonly #random: () => number;
  readonly #clients: readonly Client[];
  readonly #expected: Map<string, bigint>;
  readonly #open = new Set<Promise<void>>();
  readonly #versions = new Set<string>();
  readonly #loop: Promise<void>;
  #times: number[] = [];
  #stopped = false;
  #requests = 0;
  #transfers = 0;
  #failed = 0;
  #resets = 0;
  #sawTwo = 0;
  #wentBack = 0;
  /** What went wrong, in words. */
  readonly problems: string[] = [];

  private constructor(options: LoadOptions, clients: readonly Client[], expected: Map<string, bigint>) {
    this.#options = options;
    this.#random = seeded(options.seed);
    this.#clients = clients;
    this.#expected = expected;
    this.#loop = this.#load();
  }

  /** Logs the clients in and begins. */
  static async begin(system: System, options: LoadOptions): Promise<BankLoad> {
    const clients: Client[] = [];
    const expected = new Map<string, bigint>();
    for (let index = 1; index <= options.clients; index += 1) {
      const bank = new BankClient(system.address);
      await bank.login(`c${String(index).padStart(4, '0')}`);
      const account = (await bank.accounts()).find(({ currency }) => currency === 'CNY');
      if (account === undefined) throw new Error('a demo customer has no CNY account');
      expected.set(account.accountNo, minorOf(account.balance));
      clients.push({ bank, account: account.accountNo, lastVersion: '0.0.0', busy: false });
    }
    return new BankLoad(options, clients, expected);
  }

  /** From now on, durations go into this list. */
  measureInto(times: number[]): void {
    this.#times = times;
  }

  counts(): LoadCounts {
    return {
      requests: this.#requests,
      transfers: this.#transfers,
      failed: this.#failed,
      resets: this.#resets,
      sawTwoVersions: this.#sawTwo,
      wentBack: this.#wentBack,
      versionsSeen: this.#versions.size,
    };
  }

  /** Waits until so many requests more were answered. */
  async answered(more: number): Promise<void> {
    const until = this.#requests + more;
    while (this.#requests < until && !this.#stopped) await pause(TURN_MS);
  }

  /** Does something under the load and ends it, whatever comes of it. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } finally {
      this.#stopped = true;
      await this.#loop;
      await Promise.all(this.#open);
    }
  }

  /** After the end: compares the balances with what the acknowledged transfers say they must be, and closes the connections. */
  async reconcile(): Promise<{ readonly lost: number; readonly executedTwice: number }> {
    let lost = 0;
    let executedTwice = 0;
    for (const { bank, account } of this.#clients) {
      const found = (await bank.accounts()).find(({ accountNo }) => accountNo === account);
      const difference = minorOf(found?.balance ?? '0.00') - (this.#expected.get(account) ?? 0n);
      if (difference > 0n) lost += 1;
      if (difference < 0n) executedTwice += 1;
      bank.close();
    }
    return { lost, executedTwice };
  }

  /** Begins requests at a fixed rate, whatever the answers do; a client with a request under way is passed over. */
  async #load(): Promise<void> {
    const periodMs = 1_000 / this.#options.requestsPerSecond;
    let next = performance.now();
    for (let turn = 0; !this.#stopped; await pause(TURN_MS)) {
      while (next <= performance.now()) {
        next += periodMs;
        const client = this.#free(turn);
        turn += 1;
        if (client === undefined) continue;
        const done = this.#request(client).finally(() => this.#open.delete(done));
        this.#open.add(done);
      }
    }
  }

  #at(index: number): Client {
    return this.#clients[index % this.#clients.length] as Client;
  }

  #free(from: number): Client | undefined {
    for (let offset = 0; offset < this.#clients.length; offset += 1) {
      const client = this.#at(from + offset);
      if (!client.busy) return client;
    }
    return undefined;
  }

  async #request(client: Client): Promise<void> {
    client.busy = true;
    const slow = this.#random() < this.#options.slowShare;
    try {
      if (slow) await this.#slowTransfer(client);
      else await this.#versionRequest(client);
    } catch (error) {
      this.#resets += 1;
      this.problems.push(`connection: ${(error as Error).message}`);
    } finally {
      client.busy = false;
      this.#requests += 1;
    }
  }

  async #versionRequest(client: Client): Promise<void> {
    const answer = await client.bank.send<{ transfer: string; transferAgain: string }>('GET', '/mobile/version');
    this.#times.push(answer.durationMs);
    if (answer.status !== 200) return this.#fail('GET /mobile/version', answer.status, answer.body);
    const { transfer, transferAgain } = answer.body;
    if (transfer !== transferAgain) this.#sawTwo += 1;
    this.#seen(client, transfer);
  }

  async #slowTransfer(client: Client): Promise<void> {
    const payee = this.#at(Math.floor(this.#random() * this.#clients.length));
    if (payee === client) return this.#versionRequest(client);
    const delayMs = SLOW_MS_MIN + Math.floor(this.#random() * ((this.#options.slowMsMax ?? SLOW_MS_MAX) - SLOW_MS_MIN));
    const amount = 1 + Math.floor(this.#random() * 20);
    const order = { from: client.account, to: payee.account, amount: `0.${String(amount).padStart(2, '0')}`, key: randomUUID(), delayMs };
    const answer = await client.bank.transfer(order);
    this.#times.push(answer.durationMs - delayMs);
    if (answer.status !== 201 || answer.body.state !== 'POSTED') return this.#fail('POST /mobile/transfers', answer.status, answer.body);
    this.#transfers += 1;
    this.#move(client.account, -BigInt(amount));
    this.#move(payee.account, BigInt(amount));
    this.#seen(client, answer.body.servedBy);
  }

  #move(account: string, minor: bigint): void {
    this.#expected.set(account, (this.#expected.get(account) ?? 0n) + minor);
  }

  #fail(what: string, status: number, body: unknown): void {
    this.#failed += 1;
    this.problems.push(`${what}: ${status} ${JSON.stringify(body)}`);
  }

  #seen(client: Client, servedBy: string): void {
    const version = servedBy.slice(servedBy.indexOf('@') + 1);
    this.#versions.add(version);
    if (patchOf(version) < patchOf(client.lastVersion)) this.#wentBack += 1;
    client.lastVersion = version;
  }
}

/** Versions of a run differ in the patch number only. */
function patchOf(version: string): number {
  return Number(version.split('.')[2] ?? 0);
}

/** Real time: a load is measured by it. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
