/** The ledger's tables and triggers on SQLite. The triggers, not the code above them, are the last guard of the books. */
import type { MigrationExecutor } from '@sluice/sdk';
import { Rules } from '../domain/refusal.js';
import { accountColumns, createIndexes, holdColumns, journalColumns, legColumns, type LedgerTables } from './schema-common.js';

/** Creates everything. */
export async function createSqlite(db: MigrationExecutor, tables: LedgerTables): Promise<void> {
  await db.execute(`CREATE TABLE ${tables.account} (${accountColumns()})`);
  await db.execute(`CREATE TABLE ${tables.journal} (${journalColumns()})`);
  await db.execute(`CREATE TABLE ${tables.leg} (leg_id INTEGER PRIMARY KEY, ${legColumns(tables)})`);
  await db.execute(`CREATE TABLE ${tables.hold} (${holdColumns()})`);
  await createIndexes(db, tables);
  for (const trigger of triggers(tables)) await db.execute(trigger);
}

function triggers(tables: LedgerTables): readonly string[] {
  const { account, leg, journal, hold } = tables;
  const fit = `SELECT 1 FROM ${account} WHERE account_no = NEW.account_no AND currency = NEW.currency AND state <> 'CLOSED'`;
  const frozen = `SELECT 1 FROM ${account} WHERE account_no = NEW.account_no AND state = 'FROZEN'`;
  return [
    // A leg moves the balance by itself, so that no balance can differ from the sum of its legs.
    `CREATE TRIGGER ${leg}_apply AFTER INSERT ON ${leg} BEGIN
       SELECT RAISE(ABORT, '${Rules.lateLeg}') WHERE EXISTS (SELECT 1 FROM ${journal} WHERE journal_id = NEW.journal_id);
       SELECT RAISE(ABORT, '${Rules.accountUnfit}') WHERE NOT EXISTS (${fit});
       SELECT RAISE(ABORT, '${Rules.accountFrozen}') WHERE NEW.amount_minor < 0 AND EXISTS (${frozen});
       UPDATE ${account} SET balance_minor = balance_minor + NEW.amount_minor WHERE account_no = NEW.account_no AND kind = 'CUSTOMER';
     END`,
    `CREATE TRIGGER ${journal}_balanced AFTER INSERT ON ${journal} BEGIN
       SELECT RAISE(ABORT, '${Rules.unbalanced}') WHERE NEW.leg_count < 2
         OR (SELECT COUNT(*) FROM ${leg} WHERE journal_id = NEW.journal_id) <> NEW.leg_count
         OR EXISTS (SELECT 1 FROM ${leg} WHERE journal_id = NEW.journal_id GROUP BY currency HAVING SUM(amount_minor) <> 0);
     END`,
    `CREATE TRIGGER ${hold}_apply AFTER INSERT ON ${hold} BEGIN
       SELECT RAISE(ABORT, '${Rules.accountUnfit}') WHERE NEW.state <> 'HELD' OR NOT EXISTS (${fit} AND kind = 'CUSTOMER');
       SELECT RAISE(ABORT, '${Rules.accountFrozen}') WHERE EXISTS (${frozen});
       UPDATE ${account} SET held_minor = held_minor + NEW.amount_minor WHERE account_no = NEW.account_no;
     END`,
    `CREATE TRIGGER ${hold}_release AFTER UPDATE ON ${hold} BEGIN
       SELECT RAISE(ABORT, '${Rules.immutable}') WHERE OLD.state <> 'HELD' OR NEW.state <> 'RELEASED' OR NEW.hold_id <> OLD.hold_id
         OR NEW.order_no <> OLD.order_no OR NEW.account_no <> OLD.account_no OR NEW.amount_minor <> OLD.amount_minor;
       UPDATE ${account} SET held_minor = held_minor - OLD.amount_minor WHERE account_no = OLD.account_no;
     END`,
    `CREATE TRIGGER ${account}_identity BEFORE UPDATE OF account_no, customer_no, kind, currency ON ${account} BEGIN
       SELECT RAISE(ABORT, '${Rules.immutable}');
     END`,
    ...[leg, journal].map(
      (table) => `CREATE TRIGGER ${table}_no_update BEFORE UPDATE ON ${table} BEGIN SELECT RAISE(ABORT, '${Rules.immutable}'); END`,
    ),
    ...[leg, journal, hold, account].map(
      (table) => `CREATE TRIGGER ${table}_no_delete BEFORE DELETE ON ${table} BEGIN SELECT RAISE(ABORT, '${Rules.immutable}'); END`,
    ),
  ];
}
