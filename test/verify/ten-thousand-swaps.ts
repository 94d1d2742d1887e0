/**
 * Swaps a bundle that uses everything a bundle can use, in one process, and measures what is left of the old revisions: memory, handles,
 * listeners, files, and for each revision whether it was collected. `node build/test/verify/ten-thousand-swaps.js [swaps]`.
 */
import { readdirSync } from 'node:fs';
import { forceCollection } from '@sluice/kernel/host/leak-watch';
import type { ReleaseVerdict } from '@sluice/kernel/lifecycle/runtime';
import { EverythingKernel } from './everything-kernel.js';
import { percentile } from './random.js';

/** Size of a run. */
export interface SwapLeakOptions {
  readonly swaps: number;
  /** Swap after which growth counts; before it, caches and the compiler fill up. */
  readonly settledAfter: number;
}

/** What was found. Growth is from the settled swap to the end. */
export interface SwapLeakFigures {
  readonly swaps: number;
  readonly committed: number;
  readonly collected: number;
  readonly heapGrowthBytes: number;
  readonly rssGrowthBytes: number;
  /** Open handles by kind that were not there before: kind and how many more. */
  readonly handles: readonly string[];
  readonly listenerGrowth: number;
  readonly descriptorGrowth: number;
  readonly filesInDataFolder: number;
  /** Counts of all revisions together, to show that none stood still. */
  readonly facts: Readonly<Record<string, number>>;
  readonly swapP50Ms: number;
  readonly swapP99Ms: number;
  readonly problems: readonly string[];
}

/** Verdicts are asked in batches: the watch remembers the last hundred that were collected. */
const BATCH = 50;
const LOOKS = 11;
const LOOK_EVERY_MS = 20;

/** Runs in this process with a kernel of its own. */
export async function tenThousandSwaps(options: SwapLeakOptions): Promise<SwapLeakFigures> {
  const kernel = await EverythingKernel.start();
  try {
    return await new Run(kernel, options).run();
  } finally {
    await kernel.stop();
  }
}

interface Reading {
  readonly heapBytes: number;
  readonly rssBytes: number;
  readonly handles: ReadonlyMap<string, number>;
  readonly listeners: number;
  readonly descriptors: number;
}

class Run {
  readonly #kernel: EverythingKernel;
  readonly #options: SwapLeakOptions;
  readonly #collected = new Set<number>();
  readonly #times: Float64Array;
  readonly #problems: string[] = [];
  #committed = 0;
  #facts: Readonly<Record<string, number>> = {};

  constructor(kernel: EverythingKernel, options: SwapLeakOptions) {
    this.#kernel = kernel;
    this.#options = options;
    // Of full length from the start: a growing list would look like a leak.
    this.#times = new Float64Array(options.swaps);
  }

  async run(): Promise<SwapLeakFigures> {
    const { swaps, settledAfter } = this.#options;
    await this.#kernel.visit('first');
    let before: Reading | null = null;
    for (let number = 1; number <= swaps; number += 1) {
      await this.#swap(number);
      if (number % BATCH === 0) this.#note(await this.#kernel.leaks());
      if (number === settledAfter) before = await read();
    }
    const left = this.#note(await this.#kernel.leaks()).filter(({ collected }) => collected !== 'yes');
    for (const { version, collected, holders } of left) this.#problems.push(`${version} collected: ${collected}, ${holders.join('; ')}`);
    const after = await read();
    if (before === null) throw new Error('no swap was made after which growth counts');
    return {
      swaps,
      committed: this.#committed,
      collected: this.#collected.size,
      heapGrowthBytes: after.heapBytes - before.heapBytes,
      rssGrowthBytes: after.rssBytes - before.rssBytes,
      handles: moreHandles(before.handles, after.handles),
      listenerGrowth: after.listeners - before.listeners,
      descriptorGrowth: after.descriptors - before.descriptors,
      filesInDataFolder: readdirSync(this.#kernel.dataFolder, { recursive: true }).length,
      facts: this.#facts,
      swapP50Ms: percentile(this.#times, 0.5),
      swapP99Ms: percentile(this.#times, 0.99),
      problems: this.#problems.slice(0, 20),
    };
  }

  async #swap(number: number): Promise<void> {
    const version = `1.0.${number}`;
    const startedAt = performance.now();
    const outcome = await this.#kernel.swap(version);
    this.#times[number - 1] = performance.now() - startedAt;
    if (outcome.outcome === 'committed') this.#committed += 1;
    else this.#problems.push(`swap ${number}: ${outcome.error?.message ?? outcome.outcome}`);
    const visit = await this.#kernel.visit('guest');
    if (visit.version !== version) this.#problems.push(`after swap ${number} the visit was served by ${visit.version}`);
    this.#facts = visit.facts;
  }

  #note(verdicts: readonly ReleaseVerdict[]): readonly ReleaseVerdict[] {
    for (const { revision, collected } of verdicts) if (collected === 'yes') this.#collected.add(revision);
    return verdicts;
  }
}

async function read(): Promise<Reading> {
  const handles = await lastingHandles();
  forceCollection();
  forceCollection();
  const { heapUsed, rss } = process.memoryUsage();
  return {
    heapBytes: heapUsed,
    rssBytes: rss,
    handles,
    listeners: process.eventNames().reduce((sum, name) => sum + process.listenerCount(name as string), 0),
    descriptors: openDescriptors(),
  };
}

/** Handles by kind, as most looks find them: a timer that comes and goes is no leak. */
async function lastingHandles(): Promise<ReadonlyMap<string, number>> {
  const looks: Map<string, number>[] = [];
  while (looks.length < LOOKS) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    looks.push(handlesNow());
  }
  const kinds = new Set(looks.flatMap((look) => [...look.keys()]));
  return new Map(
    [...kinds].map((kind) => [
      kind,
      percentile(
        looks.map((look) => look.get(kind) ?? 0),
        0.5,
      ),
    ]),
  );
}

function handlesNow(): Map<string, number> {
  const handles = new Map<string, number>();
  for (const kind of process.getActiveResourcesInfo()) handles.set(kind, (handles.get(kind) ?? 0) + 1);
  return handles;
}

/** Linux lists them; elsewhere the handles must do. */
function openDescriptors(): number {
  return process.platform === 'linux' ? readdirSync('/proc/self/fd').length : 0;
}

function moreHandles(before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>): string[] {
  return [...after].flatMap(([kind, count]) => {
    const more = count - (before.get(kind) ?? 0);
    return more > 0 ? [`${kind} +${more}`] : [];
  });
}

if (require.main === module) {
  const swaps = Number(process.argv[2] ?? 10_000);
  tenThousandSwaps({ swaps, settledAfter: Math.min(500, Math.ceil(swaps / 4)) }).then(
    (figures) => process.stdout.write(`${JSON.stringify(figures, null, 2)}\n`),
    (error: unknown) => {
      process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
      process.exitCode = 1;
    },
  );
}
