/**
 * Process start, from spawn to the last of 10, 100 and 1,000 bundles ACTIVE, on a data folder that another process filled and closed.
 * Ours is `startKernel`, the whole thing: lock, recovery, every digest checked, admin socket. Cordis and the floor read their plugins from a
 * folder. Contenders take turns in each round; figures are medians.
 *
 *   node build/bench/process-start.js [--rounds 9]
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startKernel } from '@sluice/kernel/host/start';
import { openStore } from '@sluice/kernel/host/store';
import { median, printTable, rowOf, type Row } from './support/figures.js';
import { temporaryFolder, trivialBundle } from './support/kernel-harness.js';
import { cordis, floor, overflowsIn, type Contender } from './support/plugin-runtimes.js';

const { values: options } = parseArgs({ options: { rounds: { type: 'string', default: '9' } } });
const COUNTS = [10, 100, 1_000] as const;
/** At 10 the bar is Cordis itself, measured beside. */
const BARS_MS: Readonly<Record<number, number>> = { 100: 130, 1_000: 300 };

/** Fills a data folder: bundles deployed, kernel closed in order. */
async function fillDataFolder(folder: string, count: number): Promise<void> {
  const artifacts = Array.from({ length: count }, (_, index) => trivialBundle(index));
  const kernel = await startKernel({ dataFolder: folder, watchMs: 0 });
  const outcome = await kernel.runtime.deploy(artifacts, { actor: 'bench', watchMs: 0 });
  if (outcome.outcome !== 'committed') throw new Error(outcome.error?.message ?? outcome.outcome);
  await kernel.close();
  // As after a second without a deploy: every artifact has its own file.
  const store = await openStore(folder);
  await store.settled();
  await store.close();
}

function fillPluginFolder(folder: string, count: number, contender: Contender): void {
  mkdirSync(folder, { recursive: true });
  for (let index = 0; index < count; index += 1) writeFileSync(join(folder, `${index}.js`), contender.source(index, 1));
}

/** Stack overflows that Cordis printed. */
let overflows = 0;

/** Milliseconds from spawn to the line that says ready. */
async function startOnce(name: string, folder: string): Promise<number> {
  const startedAt = performance.now();
  const child = spawn(process.execPath, [join(__dirname, 'support/start-child.js'), name, folder]);
  let errors = '';
  let readyAt = Number.NaN;
  child.stderr.setEncoding('latin1').on('data', (text: string) => void (errors += text));
  child.stdout.setEncoding('latin1').on('data', (text: string) => {
    if (text.includes('ready\n') && Number.isNaN(readyAt)) {
      readyAt = performance.now();
      child.stdin.end();
    }
  });
  await once(child, 'close');
  overflows += overflowsIn(errors);
  if (Number.isNaN(readyAt)) throw new Error(`${name} did not start: ${errors.slice(0, 2_000)}`);
  return readyAt - startedAt;
}

async function measure(count: number, rounds: number): Promise<Map<string, number[]>> {
  const place = temporaryFolder();
  const folders: Readonly<Record<string, string>> = {
    ours: join(place.folder, 'data'),
    cordis: join(place.folder, 'cordis'),
    floor: join(place.folder, 'floor'),
    nothing: place.folder,
  };
  try {
    await fillDataFolder(folders['ours'] as string, count);
    fillPluginFolder(folders['cordis'] as string, count, cordis);
    fillPluginFolder(folders['floor'] as string, count, floor);
    const figures = new Map<string, number[]>(Object.keys(folders).map((name) => [name, []]));
    for (let round = -1; round < rounds; round += 1) {
      for (const [name, folder] of Object.entries(folders)) {
        const ms = await startOnce(name, folder);
        if (round >= 0) figures.get(name)?.push(ms);
      }
    }
    return figures;
  } finally {
    place.remove();
  }
}

async function main(): Promise<void> {
  const rows: Row[] = [];
  for (const count of COUNTS) {
    const figures = await measure(count, Number(options.rounds));
    const of = (name: string): readonly number[] => figures.get(name) ?? [];
    const beside = median(of('cordis'));
    rows.push(
      rowOf(`ours, ${count}`, 'ms', of('ours'), { peer: { name: 'Cordis', value: beside }, bar: BARS_MS[count] ?? beside }),
      rowOf(`Cordis, ${count}`, 'ms', of('cordis')),
      rowOf(`floor, ${count}`, 'ms', of('floor')),
    );
    if (count === COUNTS[0]) rows.unshift(rowOf('node, doing nothing', 'ms', of('nothing')));
  }
  printTable('process start to all bundles ACTIVE', rows, [`Cordis printed ${overflows} stack overflows.`]);
}

void main();
