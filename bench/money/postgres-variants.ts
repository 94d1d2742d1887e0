/** The posting on PostgreSQL: the bare driver, plain Sequelize, and ours; statement by statement and as one call. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { QueryTypes, Sequelize } from 'sequelize';
import { dataService } from './our-service.js';
import { ACCOUNTS, OPENING_BALANCE, POSTING_FUNCTION, SCHEMA, SQL, type Posting, type Variant } from './workload.js';

/** Where the server is, and the schema of this run. */
export interface PostgresPlace {
  readonly url: string;
  readonly schema: string;
}

/** Makes the tables in a fresh schema. */
export async function preparePostgres({ url, schema }: PostgresPlace): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE; CREATE SCHEMA ${schema}; SET search_path = ${schema}`);
  for (const statement of SCHEMA) await client.query(statement);
  await client.query(POSTING_FUNCTION);
  await client.query('CREATE SEQUENCE bench_id');
  await client.query(`INSERT INTO bench_account SELECT id, ${OPENING_BALANCE} FROM generate_series(1, ${ACCOUNTS}) AS id`);
  await client.query('ANALYZE');
  await client.end();
}

/** Removes the schema of a run. */
export async function dropPostgres({ url, schema }: PostgresPlace): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE`);
  await client.end();
}

/** The driver alone, as pgbench would do it: prepared statements, one after the other. */
export async function rawPostgres(place: PostgresPlace, clients: number, oneCall: boolean): Promise<Variant> {
  const pool = new pg.Pool({ connectionString: place.url, max: clients, options: `-c search_path=${place.schema}` });
  const text = Object.fromEntries(Object.entries(SQL).map(([name, sql]) => [name, numbered(sql)])) as Record<keyof typeof SQL, string>;
  const statements = async (p: Posting): Promise<void> => {
    const client = await pool.connect();
    const run = (name: keyof typeof SQL, values: unknown[]) => client.query({ name, text: text[name], values });
    try {
      await client.query('BEGIN');
      const { rows } = await run('lock', [p.debit, p.credit]);
      if (Number(rows.find((row: { id: string }) => Number(row.id) === p.debit)?.balance) < p.amount) throw new Error('no funds');
      await run('debit', [p.amount, p.debit]);
      await run('credit', [p.amount, p.credit]);
      await run('transfer', [p.id, p.debit, p.credit, p.amount]);
      await run('postings', [p.id, p.debit, -p.amount, p.id, p.credit, p.amount]);
      await client.query('COMMIT');
    } finally {
      client.release();
    }
  };
  const call = async (p: Posting): Promise<void> => {
    await pool.query({ name: 'post', text: 'SELECT bench_post($1, $2, $3, $4)', values: [p.id, p.debit, p.credit, p.amount] });
  };
  return {
    post: oneCall ? call : statements,
    total: async () => BigInt((await pool.query('SELECT sum(balance)::text AS total FROM bench_account')).rows[0].total as string),
    close: () => pool.end(),
  };
}

/** Sequelize as it comes. */
export function sequelizePostgres(place: PostgresPlace, clients: number): Variant {
  const sequelize = new Sequelize(place.url, {
    logging: false,
    pool: { max: clients },
    dialectOptions: { options: `-c search_path=${place.schema}` },
  });
  return {
    post: async (p) => {
      await sequelize.transaction(async (transaction) => {
        const run = (sql: string, replacements: number[]) => sequelize.query(sql, { replacements, transaction });
        await sequelize.query(SQL.lock, { replacements: [p.debit, p.credit], type: QueryTypes.SELECT, transaction });
        await run(SQL.debit, [p.amount, p.debit]);
        await run(SQL.credit, [p.amount, p.credit]);
        await run(SQL.transfer, [p.id, p.debit, p.credit, p.amount]);
        await run(SQL.postings, [p.id, p.debit, -p.amount, p.id, p.credit, p.amount]);
      });
    },
    total: async () => {
      const sql = 'SELECT sum(balance)::text AS total FROM bench_account';
      return BigInt((await sequelize.query<{ total: string }>(sql, { type: QueryTypes.SELECT }))[0]?.total ?? '0');
    },
    close: () => sequelize.close(),
  };
}

/** How our variant sends the statements of a posting. */
export type Sending = 'one by one' | 'batch' | 'one call';

/** Our unit of work, or our single statement for the one call. */
export async function oursPostgres(place: PostgresPlace, clients: number, sending: Sending): Promise<Variant> {
  const { data, close } = await dataService({ ...place, connectionsMax: clients });
  const unitPost = async (p: Posting): Promise<void> => {
    const amount = BigInt(p.amount);
    await data.unitOfWork(async (unit) => {
      const rows = await unit.query(SQL.lock, [p.debit, p.credit]);
      if ((rows.find((row) => row['id'] === BigInt(p.debit))?.['balance'] as bigint) < amount) throw new Error('no funds');
      const steps = [
        () => unit.execute(SQL.debit, [amount, p.debit]),
        () => unit.execute(SQL.credit, [amount, p.credit]),
        () => unit.execute(SQL.transfer, [p.id, p.debit, p.credit, amount]),
        () => unit.execute(SQL.postings, [p.id, p.debit, -amount, p.id, p.credit, amount]),
      ];
      if (sending === 'batch') {
        const last = steps.map((step) => step());
        unit.finish();
        await Promise.all(last);
      } else for (const step of steps) await step();
    });
  };
  const call = async (p: Posting): Promise<void> => {
    await data.query('SELECT bench_post(?, ?, ?, ?)', [p.id, p.debit, p.credit, BigInt(p.amount)]);
  };
  return {
    post: sending === 'one call' ? call : unitPost,
    total: async () => BigInt(String((await data.query('SELECT sum(balance)::text AS total FROM bench_account'))[0]?.['total'])),
    close,
  };
}

function numbered(sql: string): string {
  let index = 0;
  return sql.replace(/\?/g, () => `$${++index}`);
}

/** The posting as a script of pgbench; each client draws its numbers from a sequence. */
const PGBENCH_SCRIPT = `\\set debit random(1, ${ACCOUNTS})
\\set credit 1 + (:debit + random(0, ${ACCOUNTS - 2})) % ${ACCOUNTS}
\\set amount random(1, 10)
BEGIN;
${withNames(SQL.lock, 'debit', 'credit')};
${withNames(SQL.debit, 'amount', 'debit')};
${withNames(SQL.credit, 'amount', 'credit')};
INSERT INTO bench_transfer (id, debit, credit, amount) VALUES (nextval('bench_id'), :debit, :credit, :amount);
INSERT INTO bench_posting (transfer, account, amount) VALUES (currval('bench_id'), :debit, -CAST(:amount AS bigint)), (currval('bench_id'), :credit, :amount);
COMMIT;
`;

/** Postings per second of PostgreSQL's own bench tool, or null where it is not installed. */
export function pgbench(place: PostgresPlace, folder: string, clients: number, seconds: number): number | null {
  const script = join(folder, 'posting.sql');
  writeFileSync(script, PGBENCH_SCRIPT);
  const args = ['-n', '-M', 'prepared', '-c', String(clients), '-j', '1', '-T', String(seconds), '-f', script, place.url];
  const env = { ...process.env, PGOPTIONS: `-c search_path=${place.schema}` };
  const run = spawnSync('pgbench', args, { encoding: 'utf8', env });
  const found = /^tps = ([\d.]+)/m.exec(run.stdout ?? '');
  return found === null ? null : Number(found[1]);
}

function withNames(sql: string, ...names: readonly string[]): string {
  let index = 0;
  return sql.replace(/\?/g, () => `:${names[index++]}`);
}
