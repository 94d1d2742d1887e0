/**
 * `npm run test:only`: the suite in groups, each a mocha process of its own, as many at once as there are processors. Apart, because what
 * one test leaves enabled in its process for good (the async context, an inspector) makes the pure ones several times slower. The report of
 * a group is printed whole when it has ended; the last line counts all.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';

interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

const ROOT = join(__dirname, '../../..');
const REPORTS = join(ROOT, 'build/test-reports');
/** The long ones first, so that none is left over at the end. */
const GROUPS: Readonly<Record<string, string>> = {
  crash: 'build/test/crash/**/*.test.js',
  deploy: 'build/test/{deploy,leak}/**/*.test.js',
  contract: 'build/test/contract/{admin,bank,cli,data,diagnose,http,project,supervisor,system,testing,trust}/**/*.test.js',
  simulation: 'build/test/simulation/**/*.test.js',
  isolation: 'build/test/contract/{isolation,releases,repository}/**/*.test.js',
  command: 'build/test/{e2e,samples}/**/*.test.js',
  unit: 'build/test/unit/**/*.test.js',
  property: 'build/test/property/**/*.test.js',
};

async function runGroup(name: string, files: string): Promise<Counts> {
  const report = join(REPORTS, `${name}.json`);
  const child = spawn(process.execPath, [join(ROOT, 'node_modules/mocha/bin/mocha.js'), files], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, SLUICE_TEST_REPORT: report, ...(process.stdout.isTTY ? { FORCE_COLOR: '1' } : {}) },
  });
  const output: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => output.push(chunk));
  const code = await new Promise<number | null>((done) => child.once('close', done));
  process.stdout.write(`\n== ${name}\n${Buffer.concat(output).toString()}`);
  const counts = readReport(report);
  // A process that ended without a report, or with a failure outside of any test, must not look green.
  if (counts !== null) return code === 0 || counts.failed > 0 ? counts : { ...counts, failed: 1 };
  process.stdout.write(`'${name}' ended with ${code} before it reported\n`);
  return { passed: 0, failed: 1, skipped: 0 };
}

function readReport(path: string): Counts | null {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Counts;
  } catch {
    return null;
  }
}

async function main(): Promise<void> {
  mkdirSync(REPORTS, { recursive: true });
  for (const name of Object.keys(GROUPS)) writeFileSync(join(REPORTS, `${name}.json`), '');
  const asked = process.argv.slice(2);
  const queue = Object.entries(GROUPS).filter(([name]) => asked.length === 0 || asked.includes(name));
  const all: Counts[] = [];
  const worker = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) all.push(await runGroup(...next));
  };
  await Promise.all(Array.from({ length: Math.max(2, availableParallelism()) }, worker));
  const sum = (key: keyof Counts): number => all.reduce((total, counts) => total + counts[key], 0);
  const total = { passed: sum('passed'), failed: sum('failed'), skipped: sum('skipped') };
  writeFileSync(join(ROOT, process.env['SLUICE_TEST_REPORT'] ?? 'build/test-report.json'), JSON.stringify(total));
  process.stdout.write(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped\n`);
  process.exitCode = total.failed === 0 ? 0 : 1;
}

void main();
