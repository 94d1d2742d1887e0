/**
 * Kills the kernel with SIGKILL at random instants of deploys and transfers, starts it again, and checks: the swapped bundle is wholly
 * old or wholly new, every acknowledged transfer is there once, money is constant, and how long it took to serve again.
 */
import { randomUUID } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { withVersion } from '../support/artifacts.js';
import { BankClient, minorOf } from '../support/bank-client.js';
import { System } from '../support/system.js';
import { pause } from './bank-load.js';
import { seeded } from './random.js';

/** Size of a run. */
export interface KillOptions {
  readonly kills: number;
  /** Customers that pay each other meanwhile. */
  readonly customers: number;
  readonly seed: number;
}

/** What was counted. */
export interface KillFigures {
  readonly kills: number;
  /** Kills that hit a deploy under way. */
  readonly duringDeploy: number;
  readonly cameUpOld: number;
  readonly cameUpNew: number;
  /** Starts after which the bundle was neither the old nor the new version, or not all bundles ran. */
  readonly mixed: number;
  readonly transfersAcknowledged: number;
  readonly lostOrDoubled: number;
  readonly moneyChanged: boolean;
  readonly restartP50Ms: number;
  readonly restartMaxMs: number;
  readonly orphanFiles: number;
  readonly problems: readonly string[];
}

/** Most transfers acknowledged between a start and the next deploy. */
const TRANSFERS_BETWEEN_MAX = 40;
const WORK_MS_MAX = 2_000;

interface Payer {
  readonly bank: BankClient;
  readonly login: string;
  readonly account: string;
}

/** Runs against a system of its own. */
export async function killAtRandom(options: KillOptions): Promise<KillFigures> {
  const system = await System.start();
  try {
    return await new KillRun(system, options).run();
  } finally {
    await system.stop();
  }
}

class KillRun {
  readonly #system: System;
  readonly #options: KillOptions;
  readonly #random: () => number;
  readonly #payers: Payer[] = [];
  readonly #expected = new Map<string, bigint>();
  readonly #restarts: number[] = [];
  readonly #problems: string[] = [];
  #acknowledged = 0;
  #version = 0;
  #duringDeploy = 0;
  #old = 0;
  #new = 0;
  #mixed = 0;
  #finished = false;

  constructor(system: System, options: KillOptions) {
    this.#system = system;
    this.#options = options;
    this.#random = seeded(options.seed);
  }

  async run(): Promise<KillFigures> {
    await this.#logIn();
    const traffic = Promise.all(this.#payers.map((payer) => this.#transfers(payer)));
    for (let kill = 0; kill < this.#options.kills; kill += 1) await this.#killOnce();
    this.#finished = true;
    await traffic;
    const { wrong, changed } = await this.#reconcile();
    for (const { bank } of this.#payers) bank.close();
    return {
      kills: this.#options.kills,
      duringDeploy: this.#duringDeploy,
      cameUpOld: this.#old,
      cameUpNew: this.#new,
      mixed: this.#mixed,
      transfersAcknowledged: this.#acknowledged,
      lostOrDoubled: wrong,
      moneyChanged: changed,
      restartP50Ms: [...this.#restarts].sort((a, b) => a - b)[Math.floor(this.#restarts.length / 2)] ?? Number.NaN,
      restartMaxMs: Math.max(...this.#restarts),
      // A batch holds artifacts of the last second that have no files of their own yet: stored, not left over.
      orphanFiles: readdirSync(join(this.#system.dataFolder, 'staging')).filter((name) => !name.endsWith('.batch')).length,
      problems: this.#problems.slice(0, 20),
    };
  }

  async #logIn(): Promise<void> {
    for (let index = 1; index <= this.#options.customers; index += 1) {
      const bank = new BankClient(this.#system.address);
      const login = `c${String(index).padStart(4, '0')}`;
      await bank.login(login);
      const account = (await bank.accounts()).find(({ currency }) => currency === 'CNY');
      if (account === undefined) throw new Error('a demo customer has no CNY account');
      this.#expected.set(account.accountNo, minorOf(account.balance));
      this.#payers.push({ bank, login, account: account.accountNo });
    }
  }

  /** One transfer after the other, each under its key until it is answered, across any number of kills. */
  async #transfers(payer: Payer): Promise<void> {
    while (!this.#finished) {
      const payee = this.#payers[Math.floor(this.#random() * this.#payers.length)];
      if (payee === undefined || payee === payer) continue;
      const amount = 1 + Math.floor(this.#random() * 9);
      const answer = await payer.bank.transferUntilAnswered(
        { from: payer.account, to: payee.account, amount: `0.0${amount}`, key: randomUUID() },
        2_000,
      );
      if (answer.status !== 201) {
        this.#problems.push(`transfer answered ${answer.status} ${JSON.stringify(answer.body)}`);
        return;
      }
      this.#acknowledged += 1;
      this.#move(payer.account, -BigInt(amount));
      this.#move(payee.account, BigInt(amount));
    }
  }

  #move(account: string, minor: bigint): void {
    this.#expected.set(account, (this.#expected.get(account) ?? 0n) + minor);
  }

  async #killOnce(): Promise<void> {
    const before = this.#nameOf(this.#version);
    const next = this.#nameOf(this.#version + 1);
    await this.#transfersMade(this.#random() * TRANSFERS_BETWEEN_MAX);
    let deploying = true;
    const deploy = this.#system.admin
      .deploy([withVersion(this.#system.artifact('business.transfer'), next)], { watchMs: 0 })
      .catch(() => undefined)
      .finally(() => (deploying = false));
    // A deploy takes some 20 ms; half of the instants fall into it.
    await pause(this.#random() * 60);
    if (deploying) this.#duringDeploy += 1;
    await this.#system.kill();
    await deploy;
    this.#restarts.push(await this.#system.launch());
    await this.#check(before, next);
  }

  /** Lets the clients work for a while, so that there is something to lose. */
  async #transfersMade(more: number): Promise<void> {
    const until = this.#acknowledged + more;
    for (let waitedMs = 0; this.#acknowledged < until && waitedMs < WORK_MS_MAX; waitedMs += 5) await pause(5);
  }

  #nameOf(version: number): string {
    return `1.0.${version}`;
  }

  async #check(before: string, next: string): Promise<void> {
    const bundles = await this.#system.admin.bundles();
    const found = bundles.find(({ symbolicName }) => symbolicName === 'business.transfer');
    const stopped = bundles.filter(({ state }) => state !== 'ACTIVE').map(({ symbolicName }) => symbolicName);
    const served = await this.#payers[0]?.bank.send<{ transfer: string }>('GET', '/mobile/version');
    if (served?.body.transfer !== `business.transfer@${found?.version}` || stopped.length > 0) {
      this.#mixed += 1;
      this.#problems.push(`came up with ${found?.version}, served by ${served?.body.transfer}; not active: ${stopped.join(', ')}`);
    }
    if (found?.version === next) {
      this.#new += 1;
      this.#version += 1;
    } else if (found?.version === before) this.#old += 1;
    else this.#mixed += 1;
  }

  async #reconcile(): Promise<{ wrong: number; changed: boolean }> {
    let wrong = 0;
    let sum = 0n;
    let expected = 0n;
    for (const payer of this.#payers) {
      const account = (await payer.bank.accounts()).find(({ accountNo }) => accountNo === payer.account);
      const balance = minorOf(account?.balance ?? '0.00');
      sum += balance;
      expected += this.#expected.get(payer.account) ?? 0n;
      if (balance !== this.#expected.get(payer.account)) wrong += 1;
    }
    return { wrong, changed: sum !== expected };
  }
}
