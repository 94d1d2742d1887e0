/**
 * Swaps the transfer bundle many times while clients send requests at a steady rate, a quarter of them slow POSTs, and counts what a
 * client could notice: failures, resets, transfers executed twice, requests that saw two versions, connections that went back a version.
 */
import { randomUUID } from 'node:crypto';
import { withVersion } from '../support/artifacts.js';
import { BankClient, minorOf } from '../support/bank-client.js';
import { System } from '../support/system.js';

/** Size of a run. */
export interface SwapLoadOptions {
  readonly swaps: number;
  readonly requestsPerSecond: number;
  /** Steady load before and after the swaps, for the comparison. */
  readonly steadyMs: number;
  readonly seed: number;
}

/** What was counted. */
export interface SwapLoadFigures {
  readonly swaps: number;
  readonly requests: number;
  readonly transfers: number;
  readonly failed: number;
  readonly resets: number;
  readonly executedTwice: number;
  readonly lost: number;
  readonly sawTwoVersions: number;
  readonly wentBack: number;
  readonly versionsSeen: number;
  readonly steadyP99Ms: number;
  readonly swappingP99Ms: number;
  readonly swapP50Ms: number;
  readonly swapP99Ms: number;
  readonly notCollected: number;
  readonly problems: readonly string[];
}

const CONNECTIONS = 32;

interface Client {
  readonly bank: BankClient;
  readonly account: string;
  lastVersion: string;
  busy: number;
}

/** Runs the load against a system of its own. */
export async function swapUnderLoad(options: SwapLoadOptions): Promise<SwapLoadFigures> {
  const system = await System.start({ config: { 'channel.mobile': { demoDelay: true } } });
  try {
    return await new Run(system, options).run();
  } finally {
    await system.stop();
  }
}

class Run {
  readonly #system: System;
  readonly #options: SwapLoadOptions;
  readonly #random: () => number;
  #clients: Client[] = [];
  readonly #expected = new Map<string, bigint>();
  readonly #steady: number[] = [];
  readonly #swapping: number[] = [];
  readonly #swapTimes: number[] = [];
  readonly #problems: string[] = [];
  readonly #open = new Set<Promise<void>>();
  readonly #versions = new Set<string>();
  #bucket: number[] = this.#steady;
  #stopped = false;
  #failed = 0;
  #resets = 0;
  #transfers = 0;
  #sawTwo = 0;
  #wentBack = 0;

  constructor(system: System, options: SwapLoadOptions) {
    this.#system = system;
    this.#options = options;
    this.#random = seeded(options.seed);
  }

  async run(): Promise<SwapLoadFigures> {
    await this.#logIn();
    const load = this.#load();
    await pause(this.#options.steadyMs);
    this.#bucket = this.#swapping;
    await this.#swapAll();
    this.#bucket = this.#steady;
    await pause(this.#options.steadyMs);
    this.#stopped = true;
    await load;
    await Promise.all(this.#open);
    const { lost, twice } = await this.#reconcile();
    const verdicts = await this.#system.admin.leaks({ collect: true });
    for (const client of this.#clients) client.bank.close();
    return {
      swaps: this.#options.swaps,
      requests: this.#clients.reduce((sum, { bank }) => sum + bank.attempts.requests, 0),
      transfers: this.#transfers,
      failed: this.#failed,
      resets: this.#resets,
      executedTwice: twice,
      lost,
      sawTwoVersions: this.#sawTwo,
      wentBack: this.#wentBack,
      versionsSeen: this.#versions.size,
      steadyP99Ms: percentile(this.#steady, 0.99),
      swappingP99Ms: percentile(this.#swapping, 0.99),
      swapP50Ms: percentile(this.#swapTimes, 0.5),
      swapP99Ms: percentile(this.#swapTimes, 0.99),
      notCollected: verdicts.filter(({ collected }) => collected === 'no').length,
      problems: this.#problems.slice(0, 20),
    };
  }

  async #logIn(): Promise<void> {
    for (let index = 1; index <= CONNECTIONS; index += 1) {
      const bank = new BankClient(this.#system.address);
      await bank.login(`c${String(index).padStart(4, '0')}`);
      const account = (await bank.accounts()).find(({ currency }) => currency === 'CNY');
      if (account === undefined) throw new Error('a demo customer has no CNY account');
      this.#expected.set(account.accountNo, minorOf(account.balance));
      this.#clients.push({ bank, account: account.accountNo, lastVersion: '0.0.0', busy: 0 });
    }
  }

  /** Begins requests at a fixed rate, whatever the answers do; a client with a slow POST under way is passed over. */
  async #load(): Promise<void> {
    const periodMs = 1_000 / this.#options.requestsPerSecond;
    let next = performance.now();
    let turn = 0;
    while (!this.#stopped) {
      while (next <= performance.now()) {
        next += periodMs;
        const client = this.#free(turn);
        turn += 1;
        if (client === undefined) continue;
        const done = this.#request(client).finally(() => this.#open.delete(done));
        this.#open.add(done);
      }
      await pause(2);
    }
  }

  #at(index: number): Client {
    return this.#clients[index % this.#clients.length] as Client;
  }

  #free(from: number): Client | undefined {
    for (let offset = 0; offset < this.#clients.length; offset += 1) {
      const client = this.#at(from + offset);
      if (client.busy === 0) return client;
    }
    return undefined;
  }

  async #request(client: Client): Promise<void> {
    client.busy += 1;
    const slow = this.#random() < 0.25;
    try {
      if (slow) await this.#slowTransfer(client);
      else await this.#versionRequest(client);
    } catch (error) {
      this.#resets += 1;
      this.#problems.push(`connection: ${(error as Error).message}`);
    } finally {
      client.busy -= 1;
    }
  }

  async #versionRequest(client: Client): Promise<void> {
    const answer = await client.bank.send<{ transfer: string; transferAgain: string }>('GET', '/mobile/version');
    this.#bucket.push(answer.durationMs);
    if (answer.status !== 200) return this.#fail('GET /mobile/version', answer.status, answer.body);
    const { transfer, transferAgain } = answer.body;
    if (transfer !== transferAgain) this.#sawTwo += 1;
    this.#seen(client, transfer);
  }

  async #slowTransfer(client: Client): Promise<void> {
    const payee = this.#at(Math.floor(this.#random() * this.#clients.length));
    if (payee === client) return this.#versionRequest(client);
    const delayMs = 30 + Math.floor(this.#random() * 470);
    const amount = 1 + Math.floor(this.#random() * 20);
    const order = { from: client.account, to: payee.account, amount: `0.${String(amount).padStart(2, '0')}`, key: randomUUID(), delayMs };
    const answer = await client.bank.transfer(order);
    this.#bucket.push(answer.durationMs - delayMs);
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
    this.#problems.push(`${what}: ${status} ${JSON.stringify(body)}`);
  }

  #seen(client: Client, servedBy: string): void {
    const version = servedBy.slice(servedBy.indexOf('@') + 1);
    this.#versions.add(version);
    if (patchOf(version) < patchOf(client.lastVersion)) this.#wentBack += 1;
    client.lastVersion = version;
  }

  async #swapAll(): Promise<void> {
    const base = this.#system.artifact('business.transfer');
    for (let number = 1; number <= this.#options.swaps; number += 1) {
      const startedAt = performance.now();
      const outcome = await this.#system.admin.deploy([withVersion(base, `1.0.${number}`)], { watchMs: 0 });
      const drainMs = outcome.drained?.waitedMs ?? 0;
      this.#swapTimes.push(performance.now() - startedAt - drainMs);
      if (outcome.outcome !== 'committed') this.#problems.push(`swap ${number}: ${outcome.error?.message ?? outcome.outcome}`);
    }
  }

  /** Compares the balances with what the acknowledged transfers say they must be. */
  async #reconcile(): Promise<{ lost: number; twice: number }> {
    let lost = 0;
    let twice = 0;
    for (const client of this.#clients) {
      const account = (await client.bank.accounts()).find(({ accountNo }) => accountNo === client.account);
      const difference = minorOf(account?.balance ?? '0.00') - (this.#expected.get(client.account) ?? 0n);
      if (difference > 0n) lost += 1;
      if (difference < 0n) twice += 1;
    }
    return { lost, twice };
  }
}

/** Versions of this run differ in the patch number only. */
function patchOf(version: string): number {
  return Number(version.split('.')[2] ?? 0);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** A small generator (mulberry32), so that a run can be repeated. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
