/**
 * Memory: heap per bundle, and what is left of updates and reloads when everything was collected. Each figure is taken in a process of its
 * own; Cordis and Moleculer do the same jobs. The heap is measured after several full collections.
 *
 *   node build/bench/memory.js [--rounds 3]
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { printTable, rowOf, type Row } from './support/figures.js';

const { values: options } = parseArgs({ options: { rounds: { type: 'string', default: '3' } } });

interface Job {
  readonly name: string;
  readonly what: string;
  readonly unit: 'kB' | 'MB';
  readonly bar: number;
  readonly peers: readonly string[];
}

const JOBS: readonly Job[] = [
  { name: 'bundles', what: 'heap per trivial bundle', unit: 'kB', bar: 4.5, peers: ['Cordis', 'Moleculer'] },
  { name: 'components', what: 'heap per bundle with five components', unit: 'kB', bar: 25, peers: [] },
  { name: 'updates', what: 'heap left by 2,000 updates of a trivial bundle', unit: 'MB', bar: 0.1, peers: ['Cordis', 'Moleculer'] },
  { name: 'reloads', what: 'heap left by 1,000 reloads of a 200 kB bundle', unit: 'MB', bar: 1, peers: ['Cordis', 'Moleculer'] },
];
const BYTES: Readonly<Record<Job['unit'], number>> = { kB: 1024, MB: 1024 * 1024 };

function measure(job: Job, contender: string): number {
  const args = ['--expose-gc', join(__dirname, 'support/memory-child.js'), contender, job.name];
  // What a contender prints while it works is not ours to show.
  const { stdout, status } = spawnSync(process.execPath, args, { encoding: 'utf8', maxBuffer: 512 * 1024 * 1024 });
  const bytes = Number(/^heap (-?\d+)$/m.exec(stdout)?.[1]);
  if (status !== 0 || !Number.isFinite(bytes)) return Number.NaN;
  return bytes / BYTES[job.unit];
}

function main(): void {
  const rows: Row[] = [];
  for (const job of JOBS) {
    const contenders = ['ours', ...job.peers];
    const figures = new Map<string, number[]>(contenders.map((name) => [name, []]));
    for (let round = 0; round < Number(options.rounds); round += 1) {
      for (const name of contenders) figures.get(name)?.push(measure(job, name));
    }
    const of = (name: string): readonly number[] => figures.get(name) ?? [];
    const [first] = job.peers;
    const beside = first === undefined ? {} : { peer: { name: first, value: rowOf('', '', of(first)).value } };
    rows.push(rowOf(`${job.what}, ours`, job.unit, of('ours'), { bar: job.bar, ...beside }));
    for (const name of job.peers) rows.push(rowOf(`${job.what}, ${name}`, job.unit, of(name)));
  }
  printTable('heap after collection', rows);
}

main();
