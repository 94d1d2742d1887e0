/**
 * Bundle `core.ledger`: the embedded double-entry ledger. Creates its tables, opens the bank's own accounts, offers reading,
 * book-keeping, and statements for the money pipeline.
 * Always holds: every journal sums to zero in each currency and is never changed; the database enforces both.
 */
import { defineBundle, Data, type BundleContext } from '@sluice/sdk';
import { BANK_ACCOUNT_PURPOSES, EmbeddedLedger, Ledger, LedgerBooks, bankAccountNo } from '@sluice/core-api';
import { EmbeddedLedgerStatements } from './adapters/embedded-ledger.js';
import { Books } from './adapters/ledger-books.js';
import { LedgerReader } from './adapters/ledger-reader.js';
import { ledgerMigrations } from './adapters/migrations.js';
import { ledgerTables } from './adapters/schema-common.js';

/** Configuration of this bundle, as its manifest describes it. */
export interface LedgerConfig {
  /** Currencies in which the bank keeps accounts of its own. */
  readonly currencies: readonly string[];
}

export default defineBundle<LedgerConfig>({
  provides: [Ledger, LedgerBooks, EmbeddedLedger],
  requires: [Data],
  migrations: ledgerMigrations,

  async activate(context: BundleContext<LedgerConfig>) {
    const data = context.reference(Data);
    await data.migrate(ledgerMigrations);
    const tables = ledgerTables((name) => data.table(name));
    const statements = new EmbeddedLedgerStatements(tables, data.dialect);
    const books = new Books(data, tables, statements, context.clock);
    await books.openAccounts(bankAccounts(context.config.currencies));

    context.register(Ledger, new LedgerReader(data, tables));
    context.register(LedgerBooks, books);
    context.register(EmbeddedLedger, statements);
  },
});

function bankAccounts(currencies: readonly string[]): Parameters<Books['openAccounts']>[0] {
  return currencies.flatMap((currency) =>
    BANK_ACCOUNT_PURPOSES.map((purpose) => ({
      accountNo: bankAccountNo(purpose, currency),
      customerNo: null,
      kind: 'BANK' as const,
      title: `${purpose} ${currency}`,
      currency,
    })),
  );
}
