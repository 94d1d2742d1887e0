/**
 * What the money pipeline needs of a ledger that lives in the platform's own database: statements as data. The ledger owns
 * its tables and writes the statements, the pipeline runs them inside its one transaction. So no bundle but the pipeline
 * ever holds an open transaction, and the tables stay the ledger's secret.
 */
import { localContract, type SqlRow, type SqlValue } from '@sluice/sdk';
import type { JournalDraft, LedgerLeg } from './ledger.js';
import type { CoreErrorCode } from './errors.js';

/**
 * One INSERT or UPDATE as data, without RETURNING. On PostgreSQL the pipeline joins all parts of a batch into one statement
 * (`WITH name AS (sql RETURNING 1) ...`), so a part may read the row count of an earlier one by its name; on SQLite it runs
 * them one after another.
 */
export interface SqlPart {
  /** Unique in its batch; a plain SQL name. */
  readonly name: string;
  /** With `?` placeholders. */
  readonly sql: string;
  readonly values: readonly SqlValue[];
  /** How many rows must be changed; any other number refuses the batch with {@link refusal}. */
  readonly rows: number;
  /** What it means when the number of rows differs. */
  readonly refusal: SqlRefusal;
}

/** Why the database refused a batch. */
export interface SqlRefusal {
  readonly code: string;
  readonly details: Readonly<Record<string, unknown>>;
}

/** A SELECT as data. */
export interface SqlSelect {
  readonly sql: string;
  readonly values: readonly SqlValue[];
}

/** An account as the pipeline sees it inside its transaction. */
export interface AccountFact {
  readonly accountNo: string;
  readonly customerNo: string | null;
  readonly kind: 'CUSTOMER' | 'BANK';
  readonly currency: string;
  readonly state: 'OPEN' | 'FROZEN' | 'CLOSED';
  /** Zero for accounts of the bank: their balance is the sum of their legs and is not read here. */
  readonly postedMinor: bigint;
  readonly heldMinor: bigint;
}

/** The posting side of the embedded ledger. All methods are pure. */
export interface EmbeddedLedgerService {
  /**
   * Reads accounts as text columns `id, a, b, c, d, e, f`, by ascending number.
   * @param lock takes row locks, in ascending order of the numbers (SQLite has only one writer and needs none).
   */
  accountRows(accountNos: readonly string[], lock: boolean): SqlSelect;
  /** Reads one row of {@link accountRows}. */
  accountFact(row: SqlRow): AccountFact;
  /** Posts a journal: first the legs, then the journal row whose trigger sums them. Legs are taken in order of their accounts. */
  post(journal: JournalDraft): readonly SqlPart[];
  /** The legs of a journal as text columns, for its reversal. */
  legRows(journalId: string): SqlSelect;
  /** Reads one row of {@link legRows}. */
  leg(row: SqlRow): LedgerLeg;
  /** Sets part of a balance aside. */
  hold(hold: { holdId: string; orderNo: string; accountNo: string; currency: string; amountMinor: bigint }): SqlPart;
  /** Frees what was set aside; a hold is freed once. */
  release(holdId: string): SqlPart;
  /** What an error of the database means, or undefined when it is not about the ledger's rules. */
  refusalOf(message: string): { code: CoreErrorCode; details: Readonly<Record<string, unknown>> } | undefined;
}

/** Contract of the embedded ledger. */
export const EmbeddedLedger = localContract<EmbeddedLedgerService>('core.ledger.Embedded', '1.0.0', [
  'accountRows',
  'accountFact',
  'post',
  'legRows',
  'leg',
  'hold',
  'release',
  'refusalOf',
]);
