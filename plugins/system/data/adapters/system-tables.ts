/** The data bundle's own tables: applied migrations, the outbox, and what handlers have handled. */
import type { SqlExecutor } from '@sluice/sdk';
import type { Dialect } from '../domain/scan.js';

const SQLITE = [
  `CREATE TABLE IF NOT EXISTS sluice_migration (
    bundle TEXT NOT NULL, name TEXT NOT NULL, phase TEXT NOT NULL, applied_at INTEGER NOT NULL, digest TEXT NOT NULL,
    PRIMARY KEY (bundle, name)) WITHOUT ROWID`,
  `CREATE TABLE IF NOT EXISTS sluice_outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT, topic TEXT NOT NULL, key TEXT NOT NULL, payload TEXT NOT NULL, at INTEGER NOT NULL,
    delivered_at INTEGER, parked_at INTEGER, parked_reason TEXT)`,
  `CREATE TABLE IF NOT EXISTS sluice_inbox (
    handler TEXT NOT NULL, event_id INTEGER NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (handler, event_id)) WITHOUT ROWID`,
];

const POSTGRES = [
  `CREATE TABLE IF NOT EXISTS sluice_migration (
    bundle text NOT NULL, name text NOT NULL, phase text NOT NULL, applied_at bigint NOT NULL, digest text NOT NULL,
    PRIMARY KEY (bundle, name))`,
  `CREATE TABLE IF NOT EXISTS sluice_outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, topic text NOT NULL, key text NOT NULL, payload text NOT NULL,
    at bigint NOT NULL, delivered_at bigint, parked_at bigint, parked_reason text)`,
  `CREATE TABLE IF NOT EXISTS sluice_inbox (
    handler text NOT NULL, event_id bigint NOT NULL, at bigint NOT NULL, PRIMARY KEY (handler, event_id))`,
];

/** Only waiting rows are indexed, so the index stays small however long the outbox is kept. */
const WAITING = `CREATE INDEX IF NOT EXISTS sluice_outbox_waiting ON sluice_outbox (id) WHERE delivered_at IS NULL AND parked_at IS NULL`;

/** Name of the lock under which nodes and revisions change schemas one after the other (PostgreSQL; SQLite has its writer). */
const SCHEMA_LOCK = 'SELECT pg_advisory_xact_lock(7738254113)';

/** Makes what is missing. Runs inside a unit of work. */
export async function createSystemTables(db: SqlExecutor, dialect: Dialect): Promise<void> {
  await lockSchema(db, dialect);
  for (const statement of dialect === 'sqlite' ? SQLITE : POSTGRES) await db.execute(statement);
  await db.execute(WAITING);
}

/** Waits until no other unit of work changes a schema. Held until the unit ends. */
export async function lockSchema(db: SqlExecutor, dialect: Dialect): Promise<void> {
  if (dialect === 'postgres') await db.query(SCHEMA_LOCK);
}
