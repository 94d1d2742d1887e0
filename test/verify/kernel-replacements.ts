/**
 * Replaces the kernel process under its supervisor while clients with kept connections send one request after the other and others
 * transfer money: no request may fail and no connection may break. Also kills the kernel, which may break what was under way, and measures
 * how long it takes until the next one serves.
 */
import { askForUpgrade, supervisorStatus } from '@sluice/kernel/supervisor/control';
import { BankClient } from '../support/bank-client.js';
import { System } from '../support/system.js';
import { pause } from './bank-load.js';
import { percentile } from './random.js';

/** Size of a run. */
export interface ReplacementOptions {
  readonly replacements: number;
  readonly connections: number;
  /** Requests between two replacements. */
  readonly requestsBetween: number;
}

/** What was counted. */
export interface ReplacementFigures {
  readonly replaced: number;
  readonly requests: number;
  readonly transfers: number;
  readonly failed: number;
  readonly resets: number;
  /** Most milliseconds a request waited. */
  readonly longestMs: number;
  readonly pauseP50Ms: number;
  /** Milliseconds from a kill of the kernel to the next answer. */
  readonly afterKillMs: number;
  readonly problems: readonly string[];
}

const PAYER = 'c0001';
const PAYEE = 'c0002';

/** Runs against a system of its own. */
export async function kernelReplacements(options: ReplacementOptions): Promise<ReplacementFigures> {
  const system = await System.start({ supervised: true });
  try {
    return await new Run(system, options).run();
  } finally {
    await system.stop();
  }
}

class Run {
  readonly #problems: string[] = [];
  readonly #clients: readonly BankClient[];
  #stopped = false;
  #requests = 0;
  #transfers = 0;
  #failed = 0;
  #resets = 0;
  #longestMs = 0;
  #transferred: () => void = () => {};
  readonly #firstTransfer = new Promise<void>((resolve) => (this.#transferred = resolve));

  constructor(
    readonly system: System,
    readonly options: ReplacementOptions,
  ) {
    this.#clients = Array.from({ length: options.connections }, () => new BankClient(system.address));
  }

  async run(): Promise<ReplacementFigures> {
    const load = Promise.all([...this.#clients.map((client) => this.#ask(client)), this.#transfer()]);
    const pauses: number[] = [];
    try {
      await Promise.race([this.#firstTransfer, load]);
      for (let round = 0; round < this.options.replacements; round += 1) {
        const until = this.#requests + this.options.requestsBetween;
        while (this.#requests < until) await pause(5);
        const { outcome, pauseMs, error } = await askForUpgrade(this.system.dataFolder, {});
        if (outcome === 'replaced') pauses.push(pauseMs);
        else this.#problems.push(`replacement ${round + 1}: ${outcome} ${error?.message}`);
      }
    } finally {
      this.#stopped = true;
      await load;
      for (const client of this.#clients) client.close();
    }
    return {
      replaced: pauses.length,
      requests: this.#requests,
      transfers: this.#transfers,
      failed: this.#failed,
      resets: this.#resets,
      longestMs: this.#longestMs,
      pauseP50Ms: percentile(pauses, 0.5),
      afterKillMs: await this.#afterKill(),
      problems: this.#problems.slice(0, 20),
    };
  }

  async #ask(client: BankClient): Promise<void> {
    while (!this.#stopped) {
      await this.#counted(async () => (await client.send('GET', '/mobile/version')).status === 200);
      this.#requests += 1;
    }
  }

  async #transfer(): Promise<void> {
    const client = new BankClient(this.system.address);
    await client.login(PAYEE);
    const [to] = await client.accounts();
    await client.login(PAYER);
    const [from] = await client.accounts();
    let number = 0;
    while (!this.#stopped) {
      number += 1;
      const order = { from: from?.accountNo ?? '', to: to?.accountNo ?? '', amount: '0.01', key: `replacement-${number}` };
      await this.#counted(async () => {
        const answer = await client.transfer(order);
        if (answer.status >= 300) this.#problems.push(`transfer: ${answer.status} ${JSON.stringify(answer.body)}`);
        return answer.status < 300;
      });
      this.#transfers += 1;
      this.#transferred();
    }
    client.close();
  }

  async #counted(work: () => Promise<boolean>): Promise<void> {
    const startedAt = performance.now();
    try {
      if (!(await work())) this.#failed += 1;
    } catch (error) {
      this.#resets += 1;
      this.#problems.push(`connection: ${(error as Error).message}`);
    }
    this.#longestMs = Math.max(this.#longestMs, performance.now() - startedAt);
  }

  async #afterKill(): Promise<number> {
    const { kernel } = await supervisorStatus(this.system.dataFolder);
    const startedAt = performance.now();
    process.kill(kernel.pid ?? 0, 'SIGKILL');
    const client = new BankClient(this.system.address);
    // The socket stays open: the first connection waits in it for the next kernel.
    while ((await client.send('GET', '/mobile/version').catch(() => null))?.status !== 200) await pause(5);
    client.close();
    return performance.now() - startedAt;
  }
}
