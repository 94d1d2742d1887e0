/**
 * Tables of the pipeline: orders (with key, records, first answer and progress), counters and their use.
 * Always holds, by triggers: what was ordered never changes; the state changes along an edge only, and an order that has ended stays.
 */
import type { Migration, MigrationExecutor } from '@sluice/sdk';
import { WAIT_STATES } from '@sluice/pipeline-api';
import { storedEdges } from '../domain/order-state.js';
import { CONDITION } from './batch.js';

/** Full names of the tables. */
export interface TxnTables {
  readonly order: string;
  readonly counter: string;
  readonly use: string;
}

/** Names the tables by what `table(name)` gives. */
export function txnTables(table: (name: string) => string): TxnTables {
  return { order: table('order'), counter: table('counter'), use: table('counter_use') };
}

/** Function with which PostgreSQL checks the conditions of a batch. */
export function conditionFunction(tables: TxnTables): string {
  return `${tables.order}_condition`;
}

/** What the triggers raise. */
export const TXN_IMMUTABLE = 'platform_txn_immutable';
/** Index that lets a key be used once per channel. */
export const KEY_INDEX = 'platform_txn_order_key';
/** Index that lets an order be reversed once. */
export const REVERSAL_INDEX = 'platform_txn_order_reversal';

/** All migrations of this bundle, oldest first. */
export const txnMigrations: readonly Migration[] = [
  {
    name: '0001-orders',
    phase: 'expand',
    async up(db) {
      const tables = txnTables((name) => db.table(name));
      for (const statement of [...tableStatements(tables), ...guards(db, tables)]) await db.execute(statement);
    },
    async down(db) {
      const tables = txnTables((name) => db.table(name));
      for (const table of Object.values(tables) as string[]) await db.execute(`DROP TABLE ${table}`);
      if (db.dialect === 'postgres') {
        await db.execute(`DROP FUNCTION IF EXISTS ${tables.order}_refuse()`);
        await db.execute(`DROP FUNCTION IF EXISTS ${conditionFunction(tables)}(BIGINT, INTEGER, INTEGER)`);
      }
    },
  },
];

function tableStatements({ order, counter, use }: TxnTables): readonly string[] {
  return [
    `CREATE TABLE ${order} (
       order_no TEXT PRIMARY KEY,
       channel TEXT NOT NULL,
       idempotency_key TEXT NOT NULL,
       request_hash TEXT NOT NULL,
       function TEXT NOT NULL,
       state TEXT NOT NULL,
       customer_no TEXT NOT NULL,
       parent_order_no TEXT,
       amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
       fee_minor BIGINT NOT NULL CHECK (fee_minor >= 0),
       currency TEXT NOT NULL,
       business_date TEXT NOT NULL,
       received_at BIGINT NOT NULL,
       refusal_code TEXT,
       booking TEXT NOT NULL,
       records TEXT NOT NULL,
       answer TEXT NOT NULL,
       progress TEXT,
       due_at BIGINT,
       due_on TEXT)`,
    `CREATE UNIQUE INDEX ${KEY_INDEX} ON ${order} (channel, idempotency_key)`,
    `CREATE UNIQUE INDEX ${REVERSAL_INDEX} ON ${order} (parent_order_no) WHERE function = 'order.reversal' AND state = 'POSTED'`,
    // Only waiting orders are in these: they cost the others nothing.
    `CREATE INDEX ${order}_due_at ON ${order} (due_at) WHERE due_at IS NOT NULL`,
    `CREATE INDEX ${order}_due_on ON ${order} (due_on) WHERE due_on IS NOT NULL`,
    // Totals are a cache of the rows in the use table.
    `CREATE TABLE ${counter} (counter_key TEXT PRIMARY KEY, used_minor BIGINT NOT NULL CHECK (used_minor >= 0))`,
    `CREATE TABLE ${use} (
       order_no TEXT NOT NULL,
       counter_key TEXT NOT NULL,
       amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
       state TEXT NOT NULL CHECK (state IN ('TAKEN', 'FREED')),
       PRIMARY KEY (order_no, counter_key))`,
  ];
}

/** What was ordered, and the first answer: never changed. */
const FIXED_COLUMNS = [
  'order_no',
  'channel',
  'idempotency_key',
  'request_hash',
  'function',
  'customer_no',
  'amount_minor',
  'currency',
  'received_at',
  'booking',
  'answer',
];

/** Columns that change as long as the order waits. */
const MOVING_COLUMNS = ['fee_minor', 'business_date', 'records'];

/** Condition for a change that is refused. */
function wrongChange(): string {
  const differs = (columns: readonly string[]): string => columns.map((column) => `NEW.${column} <> OLD.${column}`).join(' OR ');
  const edges = storedEdges().map(([from, to]) => `(OLD.state = '${from}' AND NEW.state = '${to}')`);
  const waits = WAIT_STATES.map((state) => `'${state}'`).join(', ');
  return (
    `NOT (${edges.join(' OR ')}) OR (OLD.state = 'POSTED' AND OLD.function = 'order.reversal') OR ${differs(FIXED_COLUMNS)}` +
    ` OR (OLD.state NOT IN (${waits}) AND (${differs(MOVING_COLUMNS)}))`
  );
}

function guards(db: MigrationExecutor, tables: TxnTables): readonly string[] {
  const { order, use } = tables;
  if (db.dialect === 'sqlite') {
    const refuse = `SELECT RAISE(ABORT, '${TXN_IMMUTABLE}')`;
    return [
      `CREATE TRIGGER ${order}_edge BEFORE UPDATE ON ${order} WHEN ${wrongChange()} BEGIN ${refuse}; END`,
      ...[order, use].map((table) => `CREATE TRIGGER ${table}_no_delete BEFORE DELETE ON ${table} BEGIN ${refuse}; END`),
    ];
  }
  const refuse = `EXECUTE FUNCTION ${order}_refuse()`;
  return [
    `CREATE FUNCTION ${order}_refuse() RETURNS trigger LANGUAGE plpgsql AS $body$
       BEGIN RAISE EXCEPTION '${TXN_IMMUTABLE}' USING ERRCODE = 'check_violation'; END $body$`,
    `CREATE FUNCTION ${conditionFunction(tables)}(changed BIGINT, wanted INTEGER, part INTEGER) RETURNS INTEGER LANGUAGE plpgsql AS $body$
       BEGIN
         IF changed <> wanted THEN RAISE EXCEPTION '${CONDITION}%', part USING ERRCODE = 'check_violation'; END IF;
         RETURN wanted;
       END $body$`,
    `CREATE TRIGGER ${order}_edge BEFORE UPDATE ON ${order} FOR EACH ROW WHEN (${wrongChange()}) ${refuse}`,
    ...[order, use].map((table) => `CREATE TRIGGER ${table}_no_delete BEFORE DELETE ON ${table} FOR EACH ROW ${refuse}`),
    ...[order, use].map((table) => `CREATE TRIGGER ${table}_no_truncate BEFORE TRUNCATE ON ${table} ${refuse}`),
  ];
}
