/**
 * `npm run bench [-- name... --write]`: runs the benches one after the other, each in a process of its own, so that none disturbs the next.
 * With `--write` what they print becomes their sections of docs/benchmarks.md.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { format, resolveConfig } from 'prettier';
import { TABLES_VARIABLE, type Table } from './support/figures.js';
import { temporaryFolder } from './support/kernel-harness.js';
import { sectionOf, withSections } from './support/report.js';

interface Bench {
  /** Heading of its section. */
  readonly heading: string;
  /** Packages it measures beside. */
  readonly peers: readonly string[];
}

const BENCHES: Readonly<Record<string, Bench>> = {
  install: { heading: 'Install and start of bundles', peers: ['cordis', 'moleculer'] },
  'process-start': { heading: 'Start of a process', peers: ['cordis'] },
  update: { heading: 'Update of one bundle among many', peers: ['cordis'] },
  memory: { heading: 'Memory', peers: ['cordis', 'moleculer'] },
  load: { heading: 'Loading the code of a bundle', peers: [] },
  registry: { heading: 'Service registry', peers: [] },
  http: { heading: 'HTTP', peers: ['koa', '@koa/router'] },
  'http-swaps': { heading: 'Swaps under load', peers: [] },
  money: { heading: 'Money', peers: ['sqlite3', 'pg', 'sequelize'] },
};
const REPORT = join(process.cwd(), 'docs/benchmarks.md');

const { values: options, positionals: asked } = parseArgs({
  options: { write: { type: 'boolean', default: false } },
  allowPositionals: true,
});

async function main(): Promise<void> {
  const unknown = asked.filter((name) => !(name in BENCHES));
  if (unknown.length > 0) {
    process.stderr.write(`No bench is called '${unknown.join(`', '`)}'. There are: ${Object.keys(BENCHES).join(', ')}\n`);
    process.exitCode = 2;
    return;
  }
  const place = temporaryFolder();
  const sections = new Map<string, string>();
  try {
    for (const name of asked.length > 0 ? asked : Object.keys(BENCHES)) {
      const tables = run(name, join(place.folder, `${name}.tables`));
      const { heading, peers } = BENCHES[name] as Bench;
      if (tables !== null) sections.set(name, sectionOf(name, heading, peers, tables));
    }
  } finally {
    place.remove();
  }
  if (!options.write) return;
  const report = withSections(existsSync(REPORT) ? readFileSync(REPORT, 'utf8') : '', sections, Object.keys(BENCHES));
  writeFileSync(REPORT, await format(report, { ...(await resolveConfig(REPORT)), parser: 'markdown' }));
  process.stdout.write(`\nWritten: ${REPORT}\n`);
}

/** Null when the bench failed. */
function run(name: string, tablesFile: string): Table[] | null {
  process.stdout.write(`\n${name} (Node ${process.version})\n`);
  const environment = { ...process.env, [TABLES_VARIABLE]: tablesFile };
  const { status } = spawnSync(process.execPath, [join(__dirname, `${name}.js`)], { stdio: 'inherit', env: environment });
  if (status !== 0) process.exitCode = 1;
  if (!existsSync(tablesFile)) return null;
  const lines = readFileSync(tablesFile, 'utf8').trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line) as Table);
}

void main();
