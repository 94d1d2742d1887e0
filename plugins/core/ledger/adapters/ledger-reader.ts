/** The read side of the ledger. Every answer is one statement, so it shows one moment. */
import { asBigint, type DataService, type ServiceOf, type SqlRow, type SqlValue } from '@sluice/sdk';
import type { AccountView, CurrencyTotal, HistoryEntry, HistoryPage, Ledger, LedgerVerdict } from '@sluice/core-api';
import type { LedgerTables } from './schema-common.js';

/** Most names in one list of a verdict: enough to see what is wrong, whatever is wrong. */
const NAMES_MAX = 100;

/** Reads accounts, history and totals. */
export class LedgerReader implements ServiceOf<typeof Ledger> {
  constructor(
    private readonly data: Pick<DataService, 'query'>,
    private readonly tables: LedgerTables,
  ) {}

  async find(accountNo: string): Promise<AccountView | null> {
    return (await this.accounts('account_no = ?', [accountNo]))[0] ?? null;
  }

  async findAll(accountNos: readonly string[]): Promise<AccountView[]> {
    if (accountNos.length === 0) return [];
    return this.accounts(`account_no IN (${accountNos.map(() => '?').join(', ')})`, accountNos);
  }

  async ofCustomer(customerNo: string): Promise<AccountView[]> {
    return this.accounts('customer_no = ?', [customerNo]);
  }

  async history(accountNo: string, page: { limit: number; before?: string | undefined }): Promise<HistoryPage> {
    const { leg, journal } = this.tables;
    // One row more than asked tells whether there is a next page.
    const rows = await this.data.query(
      `SELECT CAST(l.leg_id AS TEXT) AS sequence, l.journal_id, j.order_no, j.booked_at, j.business_date,
         CAST(l.amount_minor AS TEXT) AS amount, l.currency, l.counter_account_no, j.narrative
       FROM ${leg} l JOIN ${journal} j ON j.journal_id = l.journal_id
       WHERE l.account_no = ? AND l.leg_id < CAST(? AS BIGINT) ORDER BY l.leg_id DESC LIMIT ?`,
      [accountNo, page.before ?? '999999999999999999', page.limit + 1],
    );
    const entries = rows.slice(0, page.limit).map(historyEntry);
    return { entries, next: rows.length > page.limit ? (entries.at(-1)?.sequence ?? null) : null };
  }

  async balanceAt(accountNo: string, businessDate: string): Promise<bigint | null> {
    const { account, leg, journal } = this.tables;
    const rows = await this.data.query(
      `SELECT CAST(COALESCE(SUM(CASE WHEN j.business_date <= ? THEN l.amount_minor END), 0) AS TEXT) AS balance
       FROM ${account} a LEFT JOIN ${leg} l ON l.account_no = a.account_no LEFT JOIN ${journal} j ON j.journal_id = l.journal_id
       WHERE a.account_no = ? GROUP BY a.account_no`,
      [businessDate, accountNo],
    );
    return rows[0] === undefined ? null : asBigint(rows[0].balance);
  }

  async totals(): Promise<CurrencyTotal[]> {
    const { account, leg } = this.tables;
    const rows = await this.data.query(
      `SELECT currency, CAST(SUM(customers) AS TEXT) AS customers, CAST(SUM(bank) AS TEXT) AS bank FROM (
         SELECT currency, SUM(balance_minor) AS customers, 0 AS bank FROM ${account} WHERE kind = 'CUSTOMER' GROUP BY currency
         UNION ALL
         SELECT l.currency, 0 AS customers, SUM(l.amount_minor) AS bank
           FROM ${leg} l JOIN ${account} a ON a.account_no = l.account_no WHERE a.kind = 'BANK' GROUP BY l.currency
       ) parts GROUP BY currency ORDER BY currency`,
    );
    return rows.map((row) => {
      const customersMinor = asBigint(row.customers);
      const bankMinor = asBigint(row.bank);
      return { currency: row.currency as string, customersMinor, bankMinor, sumMinor: customersMinor + bankMinor };
    });
  }

  async verify(): Promise<LedgerVerdict> {
    const { account, leg, journal } = this.tables;
    const names = async (sql: string): Promise<string[]> =>
      (await this.data.query(`${sql} LIMIT ${NAMES_MAX}`)).map((row) => row.name as string);
    return {
      unbalancedJournals: await names(
        `SELECT j.journal_id AS name FROM ${journal} j LEFT JOIN ${leg} l ON l.journal_id = j.journal_id
         GROUP BY j.journal_id, l.currency HAVING COUNT(l.leg_id) = 0 OR SUM(l.amount_minor) <> 0`,
      ),
      differingAccounts: await names(
        `SELECT a.account_no AS name FROM ${account} a LEFT JOIN ${leg} l ON l.account_no = a.account_no
         WHERE a.kind = 'CUSTOMER' GROUP BY a.account_no, a.balance_minor HAVING COALESCE(SUM(l.amount_minor), 0) <> a.balance_minor`,
      ),
      overdrawnAccounts: await names(
        `SELECT account_no AS name FROM ${account} WHERE kind = 'CUSTOMER' AND (balance_minor < held_minor OR held_minor < 0)`,
      ),
      totals: await this.totals(),
    };
  }

  private async accounts(condition: string, values: readonly SqlValue[]): Promise<AccountView[]> {
    const rows = await this.data.query(
      `SELECT a.account_no, a.customer_no, a.kind, a.title, a.currency, a.state, a.opened_at, CAST(a.held_minor AS TEXT) AS held,
         CAST(CASE WHEN a.kind = 'BANK'
           THEN (SELECT COALESCE(SUM(l.amount_minor), 0) FROM ${this.tables.leg} l WHERE l.account_no = a.account_no)
           ELSE a.balance_minor END AS TEXT) AS posted
       FROM ${this.tables.account} a WHERE a.${condition} ORDER BY a.account_no`,
      values,
    );
    return rows.map(accountView);
  }
}

function accountView(row: SqlRow): AccountView {
  const postedMinor = asBigint(row.posted);
  const heldMinor = asBigint(row.held);
  return {
    accountNo: row.account_no as string,
    customerNo: row.customer_no as string | null,
    kind: row.kind as AccountView['kind'],
    title: row.title as string,
    currency: row.currency as string,
    state: row.state as AccountView['state'],
    postedMinor,
    heldMinor,
    availableMinor: postedMinor - heldMinor,
    openedAt: Number(row.opened_at),
  };
}

function historyEntry(row: SqlRow): HistoryEntry {
  const amount = asBigint(row.amount);
  return {
    sequence: row.sequence as string,
    journalId: row.journal_id as string,
    orderNo: row.order_no as string | null,
    bookedAt: Number(row.booked_at),
    businessDate: row.business_date as string,
    side: amount < 0n ? 'DEBIT' : 'CREDIT',
    amountMinor: amount < 0n ? -amount : amount,
    currency: row.currency as string,
    counterAccountNo: row.counter_account_no as string | null,
    narrative: row.narrative as string,
  };
}
