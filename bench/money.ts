/**
 * Money bench: the ledger posting through our unit of work beside the bare drivers and plain Sequelize, and the whole money pipeline.
 *
 * Usage: node build/bench/money.js [--seconds 3] [--rounds 3] [--clients 1,8,32] [--only sqlite|postgres]
 * PostgreSQL is taken from SLUICE_TEST_POSTGRES (default postgres://postgres@127.0.0.1:5432/test) and left out where it does not answer.
 * Variants run in turn, each run in a process of its own; figures are medians over the rounds, ratios to the first variant
 * (pgbench where it is installed, which is where PostgreSQL's own tools are).
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import pg from 'pg';
import {
  dropPostgres,
  oursPostgres,
  pgbench,
  preparePostgres,
  rawPostgres,
  sequelizePostgres,
  type PostgresPlace,
} from './money/postgres-variants.js';
import { oursSqlite, rawSqlite, sequelizeSqlite } from './money/sqlite-variants.js';
import { pipeline } from './money/pipeline-variants.js';
import { measure, type Variant } from './money/workload.js';
import { median, printTable, rowOf } from './support/figures.js';

const POSTGRES_URL = process.env['SLUICE_TEST_POSTGRES'] ?? 'postgres://postgres@127.0.0.1:5432/test';
const FAMILIES = {
  sqlite: ['sqlite3 prepared', 'ours on SQLite', 'whole pipeline on SQLite', 'Sequelize on SQLite'],
  postgres: [
    'pgbench',
    'pg statements',
    'ours one by one',
    'ours batched',
    'pg one call',
    'ours one call',
    'whole pipeline on PostgreSQL',
    'Sequelize on PostgreSQL',
  ],
} as const;

/** Bars, as shares of the first variant's figure; some differ by the number of clients. */
const BARS: Readonly<Record<string, (clients: number) => number>> = {
  'ours on SQLite': (clients) => (clients === 1 ? 0.8 : 1),
  'whole pipeline on SQLite': () => 0.4,
  'ours batched': () => 1.25,
  'whole pipeline on PostgreSQL': () => 0.6,
};

const { values: options } = parseArgs({
  options: {
    seconds: { type: 'string', default: '3' },
    rounds: { type: 'string', default: '3' },
    clients: { type: 'string', default: '1,8,32' },
    only: { type: 'string' },
    variant: { type: 'string' },
  },
});

void (options.variant === undefined ? main() : runVariant(options.variant, Number(options.clients), Number(options.seconds)));

async function main(): Promise<void> {
  const clientCounts = options.clients.split(',').map(Number);
  for (const family of ['sqlite', 'postgres'] as const) {
    if (options.only !== undefined && options.only !== family) continue;
    if (family === 'postgres' && !(await answers())) {
      console.log('postgres: left out, no server answers');
      continue;
    }
    for (const clients of clientCounts) report(family, clients, rounds(FAMILIES[family], clients));
  }
}

/** Postings per second of each variant, one figure per round, the variants taking turns. */
function rounds(variants: readonly string[], clients: number): Map<string, number[]> {
  const figures = new Map<string, number[]>(variants.map((variant) => [variant, []]));
  for (let round = 0; round < Number(options.rounds); round += 1) {
    for (const variant of variants) {
      const args = [__filename, '--variant', variant, '--clients', String(clients), '--seconds', options.seconds];
      const child = spawnSync(process.execPath, args, { encoding: 'utf8' });
      const perSecond = Number(/^perSecond (\S+)$/m.exec(child.stdout)?.[1]);
      if (child.stdout.includes('perSecond null')) figures.delete(variant);
      else if (child.status === 0 && Number.isFinite(perSecond)) figures.get(variant)?.push(perSecond);
      else throw new Error(`${variant} failed: ${child.stderr}`);
    }
  }
  return figures;
}

function report(family: string, clients: number, figures: Map<string, number[]>): void {
  const [[baseName, base] = ['', []]] = figures;
  const rows = [...figures].map(([variant, perSecond]) => {
    const share = BARS[variant]?.(clients);
    return rowOf(variant, '/s', perSecond, {
      better: 'more',
      ...(variant === baseName ? {} : { peer: { name: baseName, value: median(base) } }),
      ...(share === undefined ? {} : { bar: share * median(base) }),
    });
  });
  printTable(`${family}, ${clients} client${clients === 1 ? '' : 's'}, transactions per second`, rows);
}

async function runVariant(name: string, clients: number, seconds: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-money-'));
  const place = { url: POSTGRES_URL, schema: `sluice_bench_${process.pid}` };
  const onPostgres = (FAMILIES.postgres as readonly string[]).includes(name);
  try {
    if (onPostgres) await preparePostgres(place);
    const perSecond =
      name === 'pgbench' ? pgbench(place, folder, clients, seconds) : await measureVariant(name, folder, place, clients, seconds);
    console.log(`perSecond ${perSecond}`);
  } finally {
    if (onPostgres) await dropPostgres(place);
    rmSync(folder, { recursive: true, force: true });
  }
  process.exit(0);
}

async function measureVariant(name: string, folder: string, place: PostgresPlace, clients: number, seconds: number): Promise<number> {
  const variant = await make(name, folder, place, clients);
  const perSecond = await measure(variant, clients, seconds);
  await variant.close();
  return perSecond;
}

function make(name: string, folder: string, place: PostgresPlace, clients: number): Promise<Variant> | Variant {
  switch (name) {
    case 'sqlite3 prepared':
      return rawSqlite(folder);
    case 'ours on SQLite':
      return oursSqlite(folder);
    case 'Sequelize on SQLite':
      return sequelizeSqlite(folder);
    case 'whole pipeline on SQLite':
      return pipeline({ file: join(folder, 'pipeline.sqlite') });
    case 'whole pipeline on PostgreSQL':
      return pipeline({ ...place, connectionsMax: clients });
    case 'pg statements':
      return rawPostgres(place, clients, false);
    case 'ours one by one':
      return oursPostgres(place, clients, 'one by one');
    case 'ours batched':
      return oursPostgres(place, clients, 'batch');
    case 'pg one call':
      return rawPostgres(place, clients, true);
    case 'ours one call':
      return oursPostgres(place, clients, 'one call');
    default:
      return sequelizePostgres(place, clients);
  }
}

async function answers(): Promise<boolean> {
  const client = new pg.Client({ connectionString: POSTGRES_URL, connectionTimeoutMillis: 2_000 });
  try {
    await client.connect();
    await client.end();
    return true;
  } catch {
    return false;
  }
}
