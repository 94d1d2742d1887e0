/**
 * Warm install and start of 100 and 1,000 trivial bundles as one plan, in memory and durable in a fresh folder, beside Cordis, Moleculer and
 * the floor with the same job. Contenders take turns in each round; figures are medians.
 *
 *   node build/bench/install.js [--rounds 7]
 */
import { parseArgs } from 'node:util';
import { printTable, rowOf, type Row } from './support/figures.js';
import { bootKernel, deployAll, temporaryFolder, trivialBundle } from './support/kernel-harness.js';
import { cordis, floor, moleculer, type Contender } from './support/plugin-runtimes.js';

const { values: options } = parseArgs({ options: { rounds: { type: 'string', default: '7' } } });
/** The first rounds of a process are not warm. */
const WARM_UP_ROUNDS = 2;
/** A tenth above ten times: 1,000 bundles may cost at most 12 times 100. */
const GROWTH_MAX = 12;
/** Knopflerfish with its own store, one by one, as measured where the bars were set. */
const DURABLE_BAR_MS = 0.6 * 1_890;

type Job = () => Promise<number>;

function ours(artifacts: readonly Buffer[], durable: boolean): Job {
  return async () => {
    const place = durable ? temporaryFolder() : null;
    const kernel = await bootKernel(place?.folder ?? null);
    const startedAt = performance.now();
    await deployAll(kernel, artifacts);
    const ms = performance.now() - startedAt;
    await kernel.shutdown();
    place?.remove();
    return ms;
  };
}

function peer(contender: Contender, count: number): Job {
  const sources = Array.from({ length: count }, (_, index) => contender.source(index, 1));
  return async () => {
    const startedAt = performance.now();
    const runtime = await contender.start(sources);
    const ms = performance.now() - startedAt;
    await runtime.close();
    return ms;
  };
}

async function measure(count: number, rounds: number): Promise<Map<string, number[]>> {
  const artifacts = Array.from({ length: count }, (_, index) => trivialBundle(index));
  const jobs: Readonly<Record<string, Job>> = {
    'in memory': ours(artifacts, false),
    durable: ours(artifacts, true),
    Cordis: peer(cordis, count),
    Moleculer: peer(moleculer, count),
    floor: peer(floor, count),
  };
  const figures = new Map<string, number[]>(Object.keys(jobs).map((name) => [name, []]));
  for (let round = -WARM_UP_ROUNDS; round < rounds; round += 1) {
    for (const [name, job] of Object.entries(jobs)) {
      const ms = await job();
      if (round >= 0) figures.get(name)?.push(ms);
    }
  }
  return figures;
}

async function main(): Promise<void> {
  const rows: Row[] = [];
  const medians: number[] = [];
  for (const count of [100, 1_000]) {
    const figures = await measure(count, Number(options.rounds));
    const of = (name: string): readonly number[] => figures.get(name) ?? [];
    const cordisRow = rowOf(`Cordis, ${count}`, 'ms', of('Cordis'));
    const bar = count === 1_000 ? { bar: 0.7 * cordisRow.value } : {};
    const inMemory = rowOf(`ours in memory, ${count}`, 'ms', of('in memory'), { peer: { name: 'Cordis', value: cordisRow.value }, ...bar });
    medians.push(inMemory.value);
    rows.push(
      inMemory,
      rowOf(`ours durable, ${count}`, 'ms', of('durable'), {
        peer: { name: 'Cordis (in memory)', value: cordisRow.value },
        ...(count === 1_000 ? { bar: DURABLE_BAR_MS } : {}),
      }),
      cordisRow,
      rowOf(`Moleculer, ${count}`, 'ms', of('Moleculer')),
      rowOf(`floor, ${count}`, 'ms', of('floor')),
    );
  }
  rows.push({ what: 'ours in memory, 1,000 / 100', unit: 'times', value: (medians[1] ?? 0) / (medians[0] ?? 1), bar: GROWTH_MAX });
  printTable('warm install and start as one plan', rows);
}

void main();
