/**
 * The tables of the ledger, in the words both dialects share. What differs (identity columns, triggers) is in
 * `schema-sqlite.ts` and `schema-postgres.ts`.
 */
import type { MigrationExecutor } from '@sluice/sdk';
import { AMOUNT_MINOR_MAX } from '../domain/journal.js';
import { Rules } from '../domain/refusal.js';

/** Full names of the ledger's tables. */
export interface LedgerTables {
  readonly account: string;
  readonly leg: string;
  readonly journal: string;
  readonly hold: string;
}

/** Names the tables by what `table(name)` gives. */
export function ledgerTables(table: (name: string) => string): LedgerTables {
  return { account: table('account'), leg: table('leg'), journal: table('journal'), hold: table('hold') };
}

const BOUND = AMOUNT_MINOR_MAX.toString();

/** Columns of the account table. The balance of a bank account stays zero here: it is the sum of its legs and is never locked. */
export function accountColumns(): string {
  return `account_no TEXT PRIMARY KEY,
    customer_no TEXT,
    kind TEXT NOT NULL,
    title TEXT NOT NULL,
    currency TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'OPEN' CHECK (state IN ('OPEN', 'FROZEN', 'CLOSED')),
    balance_minor BIGINT NOT NULL DEFAULT 0,
    held_minor BIGINT NOT NULL DEFAULT 0,
    opened_at BIGINT NOT NULL,
    CONSTRAINT ${Rules.kind} CHECK ((kind = 'CUSTOMER' AND customer_no IS NOT NULL)
      OR (kind = 'BANK' AND customer_no IS NULL AND balance_minor = 0 AND held_minor = 0)),
    CONSTRAINT ${Rules.heldNotNegative} CHECK (held_minor >= 0),
    CONSTRAINT ${Rules.funds} CHECK (balance_minor >= held_minor),
    CONSTRAINT ${Rules.bounds} CHECK (balance_minor BETWEEN -${BOUND} AND ${BOUND})`;
}

/** Columns of the leg table after its id. The deferred reference makes sure that no leg is committed without its journal row. */
export function legColumns(tables: LedgerTables): string {
  return `journal_id TEXT NOT NULL REFERENCES ${tables.journal} (journal_id) DEFERRABLE INITIALLY DEFERRED,
    account_no TEXT NOT NULL,
    currency TEXT NOT NULL,
    amount_minor BIGINT NOT NULL,
    counter_account_no TEXT,
    CONSTRAINT ${Rules.amount} CHECK (amount_minor <> 0 AND amount_minor BETWEEN -${BOUND} AND ${BOUND})`;
}

/** Columns of the journal table. Its row is written last and says "posted": a trigger sums the legs then. */
export function journalColumns(): string {
  return `journal_id TEXT PRIMARY KEY,
    order_no TEXT,
    kind TEXT NOT NULL CHECK (kind IN ('OPENING', 'ORDER', 'REVERSAL')),
    reverses TEXT,
    business_date TEXT NOT NULL,
    booked_at BIGINT NOT NULL,
    narrative TEXT NOT NULL,
    leg_count INTEGER NOT NULL`;
}

/** Columns of the hold table. */
export function holdColumns(): string {
  return `hold_id TEXT PRIMARY KEY,
    order_no TEXT NOT NULL,
    account_no TEXT NOT NULL,
    currency TEXT NOT NULL,
    amount_minor BIGINT NOT NULL,
    state TEXT NOT NULL DEFAULT 'HELD' CHECK (state IN ('HELD', 'RELEASED')),
    CONSTRAINT ${Rules.amount} CHECK (amount_minor BETWEEN 1 AND ${BOUND})`;
}

/** Indexes, the same in both dialects. The third column lets the balance of a bank account be summed from the index alone. */
export async function createIndexes(db: MigrationExecutor, tables: LedgerTables): Promise<void> {
  await db.execute(`CREATE INDEX ${tables.account}_customer ON ${tables.account} (customer_no)`);
  await db.execute(`CREATE INDEX ${tables.leg}_account ON ${tables.leg} (account_no, leg_id, amount_minor)`);
  await db.execute(`CREATE INDEX ${tables.leg}_journal ON ${tables.leg} (journal_id)`);
  await db.execute(`CREATE UNIQUE INDEX ${Rules.reverses} ON ${tables.journal} (reverses) WHERE reverses IS NOT NULL`);
}
