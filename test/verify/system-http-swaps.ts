/**
 * Swaps the http bundle itself and the mobile channel while 32 keep-alive connections send one request after the other: no request may
 * fail and no connection may be dropped. The clients count the connections they had to open.
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

/** What was counted. */
export interface HttpSwapFigures {
  readonly swaps: number;
  readonly requests: number;
  readonly failed: number;
  /** Requests whose connection broke. */
  readonly resets: number;
  /** Connections opened beyond the first ones: each stands for one that was dropped. */
  readonly reopened: number;
  readonly steadyP99Ms: number;
  readonly swappingP99Ms: number;
  readonly longestMs: number;
  readonly swapP50Ms: number;
  /** Requests a second while swapping, as a share of the steady ones. */
  readonly throughputShare: number;
  readonly notCollected: number;
  readonly problems: readonly string[];
}

interface Measured {
  readonly times: readonly number[];
  readonly perSecond: number;
}

const SWAPPED = ['system.http', 'channel.mobile'] as const;

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
    const swapTimes: number[] = [];
    const work = async (): Promise<readonly [Measured, Measured]> => [
      await this.#measured(() => pause(this.#options.steadyMs)),
      await this.#measured(() => this.#swapAll(swapTimes)),
    ];
    const [steady, swapping] = await this.#whileLoaded(load, work);
    const kept = await notCollected(this.#system);
    return {
      swaps: swapTimes.length,
      requests: this.#clients.reduce((sum, { attempts }) => sum + attempts.requests, 0),
      failed: this.#failed,
      resets: this.#resets,
      reopened: this.#clients.reduce((sum, { attempts }) => sum + attempts.connections, 0) - this.#clients.length,
      steadyP99Ms: percentile(steady.times, 0.99),
      swappingP99Ms: percentile(swapping.times, 0.99),
      longestMs: swapping.times.reduce((longest, time) => Math.max(longest, time), 0),
      swapP50Ms: percentile(swapTimes, 0.5),
      throughputShare: swapping.perSecond / steady.perSecond,
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

  async #swapAll(times: number[]): Promise<void> {
    for (let number = 1; number <= this.#options.swaps; number += 1) {
      for (const name of SWAPPED) {
        const artifact = withVersion(this.#system.artifact(name), `1.0.${number}`);
        const startedAt = performance.now();
        const outcome = await this.#system.admin.deploy([artifact], { watchMs: 0 });
        times.push(performance.now() - startedAt);
        if (outcome.outcome !== 'committed') this.#problems.push(`swap ${number} of ${name}: ${outcome.error?.message ?? outcome.outcome}`);
      }
    }
  }
}
