/** An empty database for a run on PostgreSQL, and how to remove it; SQLite needs neither. */
import pg from 'pg';
import { POSTGRES_URL } from '../support/servers.js';

/** Databases a run can be on. */
export type BankDialect = 'sqlite' | 'postgres';

/** A database of a run. */
export interface BankDatabase {
  /** Configuration of the data bundle. */
  readonly config: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  drop(): Promise<void>;
}

let made = 0;

/** Makes a database that nobody else has. */
export async function bankDatabase(dialect: BankDialect): Promise<BankDatabase> {
  if (dialect === 'sqlite') return { config: {}, drop: async () => undefined };
  made += 1;
  const name = `sluice_verify_${process.pid}_${made}`;
  await administer(`CREATE DATABASE ${name}`);
  const url = new URL(POSTGRES_URL);
  url.pathname = `/${name}`;
  return { config: { 'system.data': { url: url.href } }, drop: () => administer(`DROP DATABASE ${name} WITH (FORCE)`) };
}

async function administer(statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: POSTGRES_URL });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
