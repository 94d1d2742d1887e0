/**
 * The update of one bundle among 1,000: a leaf, and the root of a chain of 1,000 dependents, which are bound anew without a restart.
 * In memory and with journal and fsync, without probation; Cordis beside, which restarts the dependents.
 *
 *   node build/bench/update.js [--rounds 400]
 */
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { messageOf } from '@sluice/sdk';
import { FolderStore } from '@sluice/kernel/host/store';
import { percentile, printTable, type Row } from './support/figures.js';
import { bootKernel, deployAll, temporaryFolder, trivialBundle } from './support/kernel-harness.js';
import { cordis, overflowsIn } from './support/plugin-runtimes.js';

const { values: options } = parseArgs({
  options: { rounds: { type: 'string', default: '400' }, cordis: { type: 'boolean', default: false } },
});
const COUNT = 1_000;
const LEAF = COUNT - 1;
const ROOT = 0;
/** Until the code of a swap is compiled. */
const WARM_UP_UPDATES = 1_500;
/** The root is updated less often: Cordis takes a fifth of a second for it. */
const CORDIS_ROOT_UPDATES = 20;
const OUTPUT_BYTES_MAX = 512 * 1024 * 1024;

type Update = (version: number) => Promise<void>;

async function series(update: Update, warmUp: number, rounds: number): Promise<number[]> {
  const figures: number[] = [];
  for (let round = 1; round <= warmUp + rounds; round += 1) {
    const startedAt = performance.now();
    await update(round);
    if (round > warmUp) figures.push(performance.now() - startedAt);
  }
  return figures;
}

/** Updates of one bundle of our kernel. Packing the artifact is not part of it. */
async function ours(index: number, durable: boolean, rounds: number): Promise<number[]> {
  const place = durable ? temporaryFolder() : null;
  const kernel = await bootKernel(place?.folder ?? null);
  await deployAll(
    kernel,
    Array.from({ length: COUNT }, (_, one) => trivialBundle(one)),
  );
  // What the first 1,000 still have to do on the disk is not part of an update.
  if (kernel.state.store instanceof FolderStore) await kernel.state.store.settled();
  const warmUp = durable ? Math.floor(WARM_UP_UPDATES / 5) : WARM_UP_UPDATES;
  const artifacts = Array.from({ length: warmUp + rounds }, (_, round) => trivialBundle(index, `1.0.${round + 1}`));
  const figures = await series((round) => deployAll(kernel, [artifacts[round - 1] as Buffer]), warmUp, rounds);
  await kernel.shutdown();
  place?.remove();
  return figures;
}

interface CordisFigures {
  readonly leaf: readonly number[];
  readonly root: readonly number[];
  /** Stack overflows that it printed. */
  readonly overflows: number;
}

/** Cordis in a process of its own: it overflows the stack thousands of times and prints each. */
function cordisFigures(rounds: number): CordisFigures {
  const { stdout, stderr, status } = spawnSync(process.execPath, [__filename, '--cordis', '--rounds', String(rounds)], {
    encoding: 'utf8',
    maxBuffer: OUTPUT_BYTES_MAX,
  });
  const figures = stdout.split('\n').findLast((line) => line.startsWith('{'));
  if (status !== 0 || figures === undefined) throw new Error(`Cordis ended with ${status}`);
  const overflows = overflowsIn(stdout) + overflowsIn(stderr);
  return { ...(JSON.parse(figures) as Pick<CordisFigures, 'leaf' | 'root'>), overflows };
}

async function measureCordis(rounds: number): Promise<void> {
  const runtime = await cordis.start(Array.from({ length: COUNT }, (_, index) => cordis.source(index, 1)));
  const of = (index: number, warmUp: number, count: number): Promise<number[]> =>
    series((round) => runtime.update(index, round + 1), warmUp, count);
  const leaf = await of(LEAF, 200, rounds);
  const root: number[] = [];
  try {
    root.push(...(await of(ROOT, 2, CORDIS_ROOT_UPDATES)));
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n`);
  }
  process.stdout.write(`\n${JSON.stringify({ leaf, root })}\n`, () => process.exit(0));
}

function rows(what: string, figures: readonly number[], bars: readonly [number, number] | null, beside: readonly number[]): Row[] {
  return [0.5, 0.99].map((share, at) => ({
    what: `${what}, p${share * 100}`,
    unit: 'ms',
    value: percentile(figures, share),
    ...(beside.length === 0 ? {} : { peer: { name: 'Cordis', value: percentile(beside, share) } }),
    ...(bars === null ? {} : { bar: bars[at] as number }),
  }));
}

async function main(): Promise<void> {
  const rounds = Number(options.rounds);
  if (options.cordis) return measureCordis(rounds);
  const { leaf: cordisLeaf, root: cordisRoot, overflows } = cordisFigures(rounds);
  const leaf = await ours(LEAF, false, rounds);
  const leafDurable = await ours(LEAF, true, Math.floor(rounds / 2));
  const root = await ours(ROOT, false, rounds);
  printTable(
    `update of one among ${COUNT}`,
    [
      ...rows('a leaf, in memory', leaf, [0.5, 1.5], cordisLeaf),
      ...rows('a leaf, durable', leafDurable, [3, 6], cordisLeaf),
      ...rows(`the root of ${COUNT} dependents, in memory`, root, [1, 3], cordisRoot),
    ],
    [`Cordis restarts the dependents of the root and printed ${overflows} stack overflows meanwhile; it keeps nothing on a disk.`],
  );
}

void main();
