/**
 * `npm run verify [name...] [--seed <number>] [--size <number>]`: the long runs, one after the other, each in a process of its own so that
 * none disturbs the figures of the next. Exit code 0 when every goal was reached. A seed that is printed replays its run.
 */
import 'reflect-metadata';
import { spawnSync } from 'node:child_process';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { passed, render } from './report.js';
import { RUNS } from './runs.js';

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { seed: { type: 'string' }, size: { type: 'string' }, here: { type: 'boolean', default: false } },
});
const seed = Number(values.seed ?? Date.now() % 1_000_000);

async function runHere(name: string): Promise<boolean> {
  const run = RUNS[name];
  if (run === undefined) throw new Error(`no run '${name}'`);
  const report = await run({ seed, ...(values.size === undefined ? {} : { size: Number(values.size) }) });
  process.stdout.write(render(name, report));
  return passed(report);
}

function runApart(name: string): { readonly name: string; readonly ok: boolean; readonly seconds: number } {
  const size = values.size === undefined ? [] : ['--size', values.size];
  process.stdout.write(`\n${name} (seed ${seed})\n`);
  const startedAt = performance.now();
  const { status } = spawnSync(process.execPath, [__filename, '--here', '--seed', String(seed), ...size, name], { stdio: 'inherit' });
  return { name, ok: status === 0, seconds: (performance.now() - startedAt) / 1_000 };
}

function runAll(names: readonly string[]): boolean {
  const unknown = names.filter((name) => RUNS[name] === undefined);
  if (unknown.length > 0) {
    process.stderr.write(`No run is called '${unknown.join(`', '`)}'. There are: ${Object.keys(RUNS).join(', ')}\n`);
    return false;
  }
  process.stdout.write(`Node ${process.version}, ${process.platform} ${process.arch}, ${cpus().length} processors, seed ${seed}\n`);
  const results = names.map(runApart);
  process.stdout.write('\nSummary\n');
  for (const { name, ok, seconds } of results)
    process.stdout.write(`  ${ok ? 'PASS' : 'FAIL'} ${name.padEnd(20)} ${seconds.toFixed(0)} s\n`);
  return results.every(({ ok }) => ok);
}

async function main(): Promise<boolean> {
  const [first] = positionals;
  if (values.here && first !== undefined) return runHere(first);
  return runAll(positionals.length > 0 ? positionals : Object.keys(RUNS));
}

main().then(
  (ok) => (process.exitCode = ok ? 0 : 1),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
    process.exitCode = 1;
  },
);
