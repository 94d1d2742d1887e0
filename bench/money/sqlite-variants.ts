/** The posting on SQLite: the bare driver, plain Sequelize, and ours. Each in a fresh file. */
import { join } from 'node:path';
import { Sequelize, QueryTypes } from 'sequelize';
import sqlite3 from 'sqlite3';
import { ACCOUNTS, OPENING_BALANCE, SCHEMA, SQL, type Posting, type Variant } from './workload.js';
import { dataService } from './our-service.js';

const lock = SQL.lock.replace(' FOR UPDATE', '');

/** sqlite3 alone: one connection, statements prepared once, units one after the other. */
export async function rawSqlite(folder: string): Promise<Variant> {
  const database = await open(join(folder, 'raw.sqlite'));
  for (const pragma of ['journal_mode = WAL', 'synchronous = FULL', 'foreign_keys = ON', 'cache_size = -16384']) {
    await all(database, `PRAGMA ${pragma}`);
  }
  for (const statement of SCHEMA) await all(database, statement);
  await all(database, 'BEGIN');
  for (let id = 1; id <= ACCOUNTS; id += 1) await all(database, 'INSERT INTO bench_account VALUES (?, ?)', [id, OPENING_BALANCE]);
  await all(database, 'COMMIT');
  const [begin, select, debit, credit, transfer, postings, commit] = await Promise.all(
    ['BEGIN IMMEDIATE', lock, SQL.debit, SQL.credit, SQL.transfer, SQL.postings, 'COMMIT'].map((sql) => prepare(database, sql)),
  );
  const post = async (p: Posting): Promise<void> => {
    await run(begin, []);
    const rows = await rowsOf(select, [p.debit, p.credit]);
    if (Number(rows.find((row) => row['id'] === p.debit)?.['balance']) < p.amount) throw new Error('no funds');
    await run(debit, [p.amount, p.debit]);
    await run(credit, [p.amount, p.credit]);
    await run(transfer, [p.id, p.debit, p.credit, p.amount]);
    await run(postings, [p.id, p.debit, -p.amount, p.id, p.credit, p.amount]);
    await run(commit, []);
  };
  let last: Promise<void> = Promise.resolve();
  return {
    post: (posting) => (last = last.then(() => post(posting))),
    total: async () => BigInt(String((await all(database, 'SELECT CAST(sum(balance) AS TEXT) AS total FROM bench_account'))[0]?.['total'])),
    close: () => Promise.resolve(),
  };
}

/** Sequelize as it comes: a connection per transaction. */
export async function sequelizeSqlite(folder: string): Promise<Variant> {
  const sequelize = new Sequelize({ dialect: 'sqlite', storage: join(folder, 'sequelize.sqlite'), logging: false });
  await sequelize.query('PRAGMA journal_mode = WAL');
  for (const statement of SCHEMA) await sequelize.query(statement);
  await sequelize.query(
    `WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n WHERE id < ${ACCOUNTS}) INSERT INTO bench_account SELECT id, ${OPENING_BALANCE} FROM n`,
  );
  const post = async (p: Posting): Promise<void> => {
    await sequelize.transaction(async (transaction) => {
      const run = (sql: string, replacements: number[]) => sequelize.query(sql, { replacements, transaction });
      await sequelize.query(lock, { replacements: [p.debit, p.credit], type: QueryTypes.SELECT, transaction });
      await run(SQL.debit, [p.amount, p.debit]);
      await run(SQL.credit, [p.amount, p.credit]);
      await run(SQL.transfer, [p.id, p.debit, p.credit, p.amount]);
      await run(SQL.postings, [p.id, p.debit, -p.amount, p.id, p.credit, p.amount]);
    });
  };
  let last: Promise<void> = Promise.resolve();
  return {
    post: (posting) => (last = last.then(() => post(posting))),
    total: async () => BigInt(String(await scalar(sequelize))),
    close: () => sequelize.close(),
  };
}

/** Our unit of work. */
export async function oursSqlite(folder: string): Promise<Variant> {
  const { data, close } = await dataService({ file: join(folder, 'ours.sqlite') });
  for (const statement of SCHEMA) await data.execute(statement);
  await data.execute(
    `WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n WHERE id < ${ACCOUNTS}) INSERT INTO bench_account SELECT id, ${OPENING_BALANCE} FROM n`,
  );
  return {
    post: async (p) => {
      const amount = BigInt(p.amount);
      await data.unitOfWork(async (unit) => {
        const rows = await unit.query(SQL.lock, [p.debit, p.credit]);
        if (BigInt(String(rows.find((row) => row['id'] === p.debit)?.['balance'])) < amount) throw new Error('no funds');
        await unit.execute(SQL.debit, [amount, p.debit]);
        await unit.execute(SQL.credit, [amount, p.credit]);
        await unit.execute(SQL.transfer, [p.id, p.debit, p.credit, amount]);
        await unit.execute(SQL.postings, [p.id, p.debit, -amount, p.id, p.credit, amount]);
      });
    },
    total: async () => BigInt(String((await data.query('SELECT CAST(sum(balance) AS TEXT) AS total FROM bench_account'))[0]?.['total'])),
    close,
  };
}

async function scalar(sequelize: Sequelize): Promise<unknown> {
  const rows = await sequelize.query<{ total: unknown }>('SELECT sum(balance) AS total FROM bench_account', { type: QueryTypes.SELECT });
  return rows[0]?.total;
}

function open(file: string): Promise<sqlite3.Database> {
  return new Promise((resolve, reject) => {
    const database: sqlite3.Database = new sqlite3.Database(file, (error) => (error === null ? resolve(database) : reject(error)));
  });
}

function prepare(database: sqlite3.Database, sql: string): Promise<sqlite3.Statement> {
  return new Promise((resolve, reject) => {
    const statement: sqlite3.Statement = database.prepare(sql, (error: Error | null) =>
      error === null ? resolve(statement) : reject(error),
    );
  });
}

function run(statement: sqlite3.Statement | undefined, values: unknown[]): Promise<void> {
  return new Promise((resolve, reject) => statement?.run(values, (error: Error | null) => (error === null ? resolve() : reject(error))));
}

function rowsOf(statement: sqlite3.Statement | undefined, values: unknown[]): Promise<Record<string, unknown>[]> {
  return new Promise((resolve, reject) =>
    statement?.all(values, (error: Error | null, rows: Record<string, unknown>[]) => (error === null ? resolve(rows) : reject(error))),
  );
}

function all(database: sqlite3.Database, sql: string, values: unknown[] = []): Promise<Record<string, unknown>[]> {
  return new Promise((resolve, reject) =>
    database.all(sql, values, (error: Error | null, rows: Record<string, unknown>[]) => (error === null ? resolve(rows) : reject(error))),
  );
}
