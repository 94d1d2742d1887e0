/**
 * Swaps the transfer bundle many times while clients send requests at a steady rate, a quarter of them slow POSTs, and counts what a
 * client could notice.
 */
import { withVersion } from '../support/artifacts.js';
import { notCollected, System } from '../support/system.js';
import { BankLoad, pause, type LoadCounts } from './bank-load.js';
import { percentile } from './random.js';

/** Size of a run. */
export interface SwapLoadOptions {
  readonly swaps: number;
  readonly clients: number;
  readonly requestsPerSecond: number;
  /** Longest wait of a slow transfer. Default 500. */
  readonly slowMsMax?: number;
  /** Steady load before and after the swaps, for the comparison. */
  readonly steadyMs: number;
  readonly seed: number;
}

/** What was counted. */
export interface SwapLoadFigures extends LoadCounts {
  readonly swaps: number;
  readonly executedTwice: number;
  readonly lost: number;
  readonly steadyP99Ms: number;
  readonly swappingP99Ms: number;
  readonly swapP50Ms: number;
  readonly swapP99Ms: number;
  readonly notCollected: number;
  readonly problems: readonly string[];
}

/** The configuration a system needs for the slow POSTs. */
export const SLOW_POSTS = { 'channel.mobile': { demoDelay: true } } as const;
const SLOW_SHARE = 0.25;

/** Runs against a system of its own, or the given one, which runs with `SLOW_POSTS`. */
export async function swapUnderLoad(options: SwapLoadOptions, given?: System): Promise<SwapLoadFigures> {
  const system = given ?? (await System.start({ config: SLOW_POSTS }));
  try {
    return await run(system, options);
  } finally {
    if (given === undefined) await system.stop();
  }
}

async function run(system: System, options: SwapLoadOptions): Promise<SwapLoadFigures> {
  const steady: number[] = [];
  const swapping: number[] = [];
  const load = await BankLoad.begin(system, { ...options, slowShare: SLOW_SHARE });
  const { times, problems } = await load.during(async () => {
    load.measureInto(steady);
    await pause(options.steadyMs);
    load.measureInto(swapping);
    const swapped = await swapAll(system, options.swaps);
    load.measureInto(steady);
    await pause(options.steadyMs);
    return swapped;
  });
  const money = await load.reconcile();
  const kept = await notCollected(system);
  return {
    ...load.counts(),
    swaps: options.swaps,
    ...money,
    steadyP99Ms: percentile(steady, 0.99),
    swappingP99Ms: percentile(swapping, 0.99),
    swapP50Ms: percentile(times, 0.5),
    swapP99Ms: percentile(times, 0.99),
    notCollected: kept.length,
    problems: [...problems, ...load.problems.slice(0, 20), ...kept],
  };
}

/** One swap after the other. Times are without the drain, which lasts as long as the slowest POST. */
async function swapAll(system: System, swaps: number): Promise<{ times: number[]; problems: string[] }> {
  const base = system.artifact('business.transfer');
  const times: number[] = [];
  const problems: string[] = [];
  for (let number = 1; number <= swaps; number += 1) {
    const startedAt = performance.now();
    const outcome = await system.admin.deploy([withVersion(base, `1.0.${number}`)], { watchMs: 0 });
    times.push(performance.now() - startedAt - (outcome.drained?.waitedMs ?? 0));
    if (outcome.outcome !== 'committed') problems.push(`swap ${number}: ${outcome.error?.message ?? outcome.outcome}`);
  }
  return { times, problems };
}
