/** Opens accounts and posts journals outside of the money pipeline: openings, migrations. */
import type { Clock, DataService, ServiceOf, UnitOfWork } from '@sluice/sdk';
import type { AccountView, JournalDraft, LedgerBooks, NewAccount } from '@sluice/core-api';
import { checkJournal, inLockOrder } from '../domain/journal.js';
import type { EmbeddedLedgerStatements } from './embedded-ledger.js';
import type { LedgerTables } from './schema-common.js';

/** Rows of one statement: far below the 32,766 bound values that SQLite allows. */
const ROWS_PER_STATEMENT = 500;

/** Write side of the ledger for bundles that set up books. */
export class Books implements ServiceOf<typeof LedgerBooks> {
  constructor(
    private readonly data: DataService,
    private readonly tables: LedgerTables,
    private readonly statements: EmbeddedLedgerStatements,
    private readonly clock: Pick<Clock, 'now'>,
  ) {}

  async openAccounts(accounts: readonly NewAccount[]): Promise<number> {
    return this.data.unitOfWork(async (unit) => {
      let opened = 0;
      for (const chunk of chunks(accounts)) opened += await this.open(unit, chunk);
      return opened;
    });
  }

  async post(journal: JournalDraft): Promise<null> {
    checkJournal(journal);
    const legs = inLockOrder(journal.legs);
    await this.data.unitOfWork(async (unit) => {
      for (const chunk of chunks(legs)) {
        const part = this.statements.legs({ ...journal, legs: [...chunk] });
        await unit.execute(part.sql, part.values);
      }
      const row = this.statements.journalRow(journal);
      await unit.execute(row.sql, row.values);
    });
    return null;
  }

  async setState(accountNo: string, state: AccountView['state']): Promise<boolean> {
    const empty = state === 'CLOSED' ? ' AND balance_minor = 0 AND held_minor = 0' : '';
    const sql = `UPDATE ${this.tables.account} SET state = ? WHERE account_no = ? AND kind = 'CUSTOMER'${empty}`;
    return (await this.data.execute(sql, [state, accountNo])) === 1;
  }

  private open(unit: UnitOfWork, accounts: readonly NewAccount[]): Promise<number> {
    const openedAt = this.clock.now();
    return unit.execute(
      `INSERT INTO ${this.tables.account} (account_no, customer_no, kind, title, currency, opened_at)
       VALUES ${accounts.map(() => '(?, ?, ?, ?, ?, ?)').join(', ')} ON CONFLICT (account_no) DO NOTHING`,
      accounts.flatMap((account) => [account.accountNo, account.customerNo, account.kind, account.title, account.currency, openedAt]),
    );
  }
}

function chunks<T>(items: readonly T[]): readonly (readonly T[])[] {
  const parts: T[][] = [];
  for (let start = 0; start < items.length; start += ROWS_PER_STATEMENT) parts.push(items.slice(start, start + ROWS_PER_STATEMENT));
  return parts;
}
