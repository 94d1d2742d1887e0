/**
 * The posting side of the ledger as statements. Owns the SQL; the money pipeline owns the transaction and runs it.
 * Hand-written, without models: the whole pipeline must keep 0.4 (SQLite) to 0.6 (PostgreSQL) of plain SQL's rate, and a
 * statement through a model alone costs several times a prepared one. A test proves that models and these statements see the same data.
 */
import { asBigint, type SqlRow, type SqlValue } from '@sluice/sdk';
import type { AccountFact, EmbeddedLedgerService, JournalDraft, LedgerLeg, SqlPart, SqlSelect } from '@sluice/core-api';
import { CoreErrors } from '@sluice/core-api';
import { checkJournal, inLockOrder } from '../domain/journal.js';
import { meaningOf } from '../domain/refusal.js';
import type { LedgerTables } from './schema-common.js';

const LEGS_PART = 'ledger_legs';

/** Statements of the embedded ledger for one dialect. */
export class EmbeddedLedgerStatements implements EmbeddedLedgerService {
  constructor(
    private readonly tables: LedgerTables,
    private readonly dialect: 'sqlite' | 'postgres',
  ) {}

  accountRows(accountNos: readonly string[], lock: boolean): SqlSelect {
    const sorted = [...new Set(accountNos)].sort();
    const lockClause = lock && this.dialect === 'postgres' ? ' FOR NO KEY UPDATE' : '';
    return {
      sql:
        `SELECT account_no AS id, customer_no AS a, kind AS b, currency AS c, state AS d, CAST(balance_minor AS TEXT) AS e,` +
        ` CAST(held_minor AS TEXT) AS f FROM ${this.tables.account}` +
        ` WHERE account_no IN (${sorted.map(() => '?').join(', ')}) ORDER BY account_no${lockClause}`,
      values: sorted,
    };
  }

  accountFact(row: SqlRow): AccountFact {
    return {
      accountNo: row.id as string,
      customerNo: row.a as string | null,
      kind: row.b as AccountFact['kind'],
      currency: row.c as string,
      state: row.d as AccountFact['state'],
      postedMinor: asBigint(row.e),
      heldMinor: asBigint(row.f),
    };
  }

  post(journal: JournalDraft): readonly SqlPart[] {
    checkJournal(journal);
    // Reading the count of the legs makes PostgreSQL write them first when it runs all parts as one statement.
    const after = this.dialect === 'postgres' ? ` FROM (SELECT count(*) AS written FROM ${LEGS_PART}) AS legs` : '';
    return [this.legs(journal), this.journalRow(journal, after)];
  }

  legRows(journalId: string): SqlSelect {
    return {
      sql:
        `SELECT account_no AS a, currency AS b, CAST(amount_minor AS TEXT) AS c, counter_account_no AS d` +
        ` FROM ${this.tables.leg} WHERE journal_id = ? ORDER BY leg_id`,
      values: [journalId],
    };
  }

  leg(row: SqlRow): LedgerLeg {
    return {
      accountNo: row.a as string,
      currency: row.b as string,
      amountMinor: asBigint(row.c),
      counterAccountNo: row.d as string | null,
    };
  }

  hold(hold: { holdId: string; orderNo: string; accountNo: string; currency: string; amountMinor: bigint }): SqlPart {
    return {
      name: 'ledger_hold',
      sql: `INSERT INTO ${this.tables.hold} (hold_id, order_no, account_no, currency, amount_minor) VALUES (?, ?, ?, ?, ?)`,
      values: [hold.holdId, hold.orderNo, hold.accountNo, hold.currency, hold.amountMinor],
      rows: 1,
      refusal: { code: CoreErrors.insufficientFunds, details: { accountNo: hold.accountNo } },
    };
  }

  release(holdId: string): SqlPart {
    return {
      name: 'ledger_release',
      sql: `UPDATE ${this.tables.hold} SET state = 'RELEASED' WHERE hold_id = ? AND state = 'HELD'`,
      values: [holdId],
      rows: 1,
      refusal: { code: CoreErrors.journalImmutable, details: { holdId } },
    };
  }

  refusalOf(message: string): ReturnType<EmbeddedLedgerService['refusalOf']> {
    const code = meaningOf(message);
    return code === undefined ? undefined : { code, details: {} };
  }

  /** The legs of a journal, in the order in which accounts are locked. */
  legs(journal: JournalDraft): SqlPart {
    const legs = inLockOrder(journal.legs);
    return {
      name: LEGS_PART,
      sql:
        `INSERT INTO ${this.tables.leg} (journal_id, account_no, currency, amount_minor, counter_account_no)` +
        ` VALUES ${legs.map(() => '(?, ?, ?, ?, ?)').join(', ')}`,
      values: legs.flatMap((leg) => [journal.journalId, leg.accountNo, leg.currency, leg.amountMinor, leg.counterAccountNo]),
      rows: legs.length,
      refusal: { code: CoreErrors.journalUnbalanced, details: { journalId: journal.journalId } },
    };
  }

  /** The row that says "posted". */
  journalRow(journal: JournalDraft, after = ''): SqlPart {
    const values: readonly SqlValue[] = [
      journal.journalId,
      journal.orderNo,
      journal.kind,
      journal.reverses,
      journal.businessDate,
      journal.bookedAt,
      journal.narrative,
      journal.legs.length,
    ];
    return {
      name: 'ledger_journal',
      sql:
        `INSERT INTO ${this.tables.journal} (journal_id, order_no, kind, reverses, business_date, booked_at, narrative, leg_count)` +
        ` SELECT CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS BIGINT),` +
        ` CAST(? AS TEXT), CAST(? AS INTEGER)${after}`,
      values,
      rows: 1,
      refusal: { code: CoreErrors.journalUnbalanced, details: { journalId: journal.journalId } },
    };
  }
}
