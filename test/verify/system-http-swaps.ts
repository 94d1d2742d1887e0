/**
 * Swaps the http bundle itself, then the mobile channel, while 32 keep-alive connections send one request after the other: no request may
 * fail and none may meet a closed connection. The clients count the connections they had to open anew: none for the channel; a swap of the
 * http bundle closes each connection once, and says so with an answer.
 */
import { withVersion } from '../support/artifacts.js';
import { BankClient } from '../support/bank-client.js';
import { notCollected, System } from '../support/system.js';
import { pause } from './bank-load.js';
import { percentile } from './random.js';

/** Size of a run. */
export interface HttpSwapOptions {
  /** Swaps of each bundle. */
  readonly swaps: number;
  readonly connections: number;
  /** Steady load before the swaps, for the comparison. */
  readonly steadyMs: number;
}

/** What was counted while one bundle was swapped. */
export interface HttpSwapPhase {
  readonly bundle: string;
  readonly committed: number;
  /** Connections opened anew. */
  readonly reopened: number;
  readonly p99Ms: number;
  readonly longestMs: number;
  readonly swapP50Ms: number;
  /** Requests a second as a share of the steady ones. */
  readonly throughputShare: number;
}

/** What was counted. */
export interface HttpSwapFigures {
  readonly phases: readonly HttpSwapPhase[];
  readonly requests: number;
  readonly failed: number;
  /** Requests whose connection broke. */
  readonly resets: number;
  readonly steadyP99Ms: number;
  readonly notCollected: number;
  readonly problems: readonly string[];
}

/** In this order: a new http bundle must let go of the channel that it took over. */
const SWAPPED = ['system.http', 'channel.mobile'] as const;

interface Measured {
  readonly times: readonly number[];
  readonly perSecond: number;
}

/** Runs against a system of its own, or the given one. */
export async function systemHttpSwaps(options: HttpSwapOptions, given?: System): Promise<HttpSwapFigures> {
  const system = given ?? (await System.start());
  try {
    return await new Run(system, options).run();
  } finally {
    if (given === undefined) await system.stop();
  }
}

class Run {
  readonly #system: System;
  readonly #options: HttpSwapOptions;
  readonly #clients: readonly BankClient[];
  readonly #problems: string[] = [];
  #times: number[] = [];
  #stopped = false;
  #failed = 0;
  #resets = 0;

  constructor(system: System, options: HttpSwapOptions) {
    this.#system = system;
    this.#options = options;
    this.#clients = Array.from({ length: options.connections }, () => new BankClient(system.address));
  }

  async run(): Promise<HttpSwapFigures> {
    const load = Promise.all(this.#clients.map((client) => this.#ask(client)));
    const { steady, phases } = await this.#whileLoaded(load, async () => {
      const measured = await this.#measured(() => pause(this.#options.steadyMs));
      const swapped: HttpSwapPhase[] = [];
      for (const bundle of SWAPPED) swapped.push(await this.#phase(bundle, measured));
      return { steady: measured, phases: swapped };
    });
    const kept = await notCollected(this.#system);
    return {
      phases,
      requests: this.#clients.reduce((sum, { attempts }) => sum + attempts.requests, 0),
      failed: this.#failed,
      resets: this.#resets,
      steadyP99Ms: percentile(steady.times, 0.99),
      notCollected: kept.length,
      problems: [...this.#problems.slice(0, 20), ...kept],
    };
  }

  async #whileLoaded<T>(load: Promise<unknown>, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } finally {
      this.#stopped = true;
      await load;
      for (const client of this.#clients) client.close();
    }
  }

  async #phase(bundle: string, steady: Measured): Promise<HttpSwapPhase> {
    const openedBefore = this.#opened();
    const swapTimes: number[] = [];
    let committed = 0;
    const { times, perSecond } = await this.#measured(async () => {
      committed = await this.#swapAll(bundle, swapTimes);
    });
    await this.#askedAgain();
    return {
      bundle,
      committed,
      reopened: this.#opened() - openedBefore,
      p99Ms: percentile(times, 0.99),
      longestMs: times.reduce((longest, time) => Math.max(longest, time), 0),
      swapP50Ms: percentile(swapTimes, 0.5),
      throughputShare: perSecond / steady.perSecond,
    };
  }

  /** Waits until each client has its connection back: those that the last swap closed count for that swap. */
  async #askedAgain(): Promise<void> {
    const before = this.#clients.map(({ attempts }) => attempts.requests);
    while (this.#clients.some(({ attempts }, index) => attempts.requests < (before[index] ?? 0) + 2)) await pause(1);
  }

  #opened(): number {
    return this.#clients.reduce((sum, { attempts }) => sum + attempts.connections, 0);
  }

  async #measured(work: () => Promise<void>): Promise<Measured> {
    const times: number[] = [];
    this.#times = times;
    const startedAt = performance.now();
    await work();
    return { times, perSecond: (times.length * 1_000) / (performance.now() - startedAt) };
  }

  async #ask(client: BankClient): Promise<void> {
    while (!this.#stopped) {
      try {
        const answer = await client.send('GET', '/mobile/version');
        this.#times.push(answer.durationMs);
        if (answer.status === 200) continue;
        this.#failed += 1;
        this.#problems.push(`${answer.status} ${JSON.stringify(answer.body)}`);
      } catch (error) {
        this.#resets += 1;
        this.#problems.push(`connection: ${(error as Error).message}`);
      }
    }
  }

  async #swapAll(bundle: string, times: number[]): Promise<number> {
    let committed = 0;
    for (let number = 1; number <= this.#options.swaps; number += 1) {
      const artifact = withVersion(this.#system.artifact(bundle), `1.0.${number}`);
      const startedAt = performance.now();
      const { outcome, error } = await this.#system.admin.deploy([artifact], { watchMs: 0 });
      times.push(performance.now() - startedAt);
      if (outcome === 'committed') committed += 1;
      else this.#problems.push(`swap ${number} of ${bundle}: ${error?.message ?? outcome}`);
    }
    return committed;
  }
}
