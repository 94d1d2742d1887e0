/** The ledger's tables and triggers on PostgreSQL. The triggers, not the code above them, are the last guard of the books. */
import type { MigrationExecutor } from '@sluice/sdk';
import { Rules } from '../domain/refusal.js';
import { accountColumns, createIndexes, holdColumns, journalColumns, legColumns, type LedgerTables } from './schema-common.js';

/** Creates everything. */
export async function createPostgres(db: MigrationExecutor, tables: LedgerTables): Promise<void> {
  // Room on each page lets a changed balance stay there (heap-only updates touch no index).
  await db.execute(`CREATE TABLE ${tables.account} (${accountColumns()}) WITH (fillfactor = 70)`);
  await db.execute(`CREATE TABLE ${tables.journal} (${journalColumns()})`);
  await db.execute(`CREATE TABLE ${tables.leg} (leg_id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, ${legColumns(tables)})`);
  await db.execute(`CREATE TABLE ${tables.hold} (${holdColumns()})`);
  await createIndexes(db, tables);
  for (const statement of [...functions(tables), ...triggers(tables)]) await db.execute(statement);
}

/** Drops what `DROP TABLE` leaves. */
export async function dropPostgresFunctions(db: MigrationExecutor, tables: LedgerTables): Promise<void> {
  for (const name of functionNames(tables)) await db.execute(`DROP FUNCTION IF EXISTS ${name}()`);
}

function functionNames({ leg, journal, hold, account }: LedgerTables): readonly string[] {
  return [`${leg}_apply`, `${journal}_balanced`, `${hold}_apply`, `${hold}_release`, `${account}_refuse`];
}

function functions(tables: LedgerTables): readonly string[] {
  const { account, leg, journal, hold } = tables;
  const define = (name: string, body: string, declare = ''): string =>
    `CREATE FUNCTION ${name}() RETURNS trigger LANGUAGE plpgsql AS $body$ ${declare} BEGIN ${body} END $body$`;
  const raise = (rule: string): string => `RAISE EXCEPTION '${rule}' USING ERRCODE = 'check_violation';`;
  return [
    // A leg moves the balance by itself, so that no balance can differ from the sum of its legs. The lock keeps another
    // transaction from adding a leg to a journal that is posted but not yet committed. One statement for the usual case.
    define(
      `${leg}_apply`,
      `IF NOT pg_try_advisory_xact_lock(hashtextextended(NEW.journal_id, 0)) THEN ${raise(Rules.lateLeg)} END IF;
       UPDATE ${account} SET balance_minor = balance_minor + NEW.amount_minor
         WHERE account_no = NEW.account_no AND currency = NEW.currency AND kind = 'CUSTOMER'
           AND (state = 'OPEN' OR (state = 'FROZEN' AND NEW.amount_minor > 0))
           AND NOT EXISTS (SELECT 1 FROM ${journal} WHERE journal_id = NEW.journal_id);
       IF NOT FOUND THEN
         IF EXISTS (SELECT 1 FROM ${journal} WHERE journal_id = NEW.journal_id) THEN ${raise(Rules.lateLeg)} END IF;
         IF EXISTS (SELECT 1 FROM ${account} WHERE account_no = NEW.account_no AND state = 'FROZEN') THEN ${raise(Rules.accountFrozen)} END IF;
         PERFORM 1 FROM ${account} WHERE account_no = NEW.account_no AND currency = NEW.currency AND state = 'OPEN' AND kind = 'BANK';
         IF NOT FOUND THEN ${raise(Rules.accountUnfit)} END IF;
       END IF;
       RETURN NEW;`,
    ),
    define(
      `${journal}_balanced`,
      `SELECT coalesce(sum(legs), 0), coalesce(bool_and(total = 0), false) INTO found_legs, balanced FROM (
         SELECT count(*) AS legs, sum(amount_minor) AS total FROM ${leg} WHERE journal_id = NEW.journal_id GROUP BY currency) AS sums;
       IF NOT balanced OR found_legs <> NEW.leg_count OR found_legs < 2 THEN ${raise(Rules.unbalanced)} END IF;
       RETURN NULL;`,
      'DECLARE found_legs BIGINT; balanced BOOLEAN;',
    ),
    define(
      `${hold}_apply`,
      `UPDATE ${account} SET held_minor = held_minor + NEW.amount_minor
         WHERE account_no = NEW.account_no AND currency = NEW.currency AND state = 'OPEN' AND kind = 'CUSTOMER' AND NEW.state = 'HELD';
       IF NOT FOUND THEN
         IF EXISTS (SELECT 1 FROM ${account} WHERE account_no = NEW.account_no AND state = 'FROZEN') THEN ${raise(Rules.accountFrozen)} END IF;
         ${raise(Rules.accountUnfit)}
       END IF;
       RETURN NEW;`,
    ),
    define(
      `${hold}_release`,
      `IF OLD.state <> 'HELD' OR NEW.state <> 'RELEASED' OR NEW.hold_id <> OLD.hold_id OR NEW.order_no <> OLD.order_no
         OR NEW.account_no <> OLD.account_no OR NEW.amount_minor <> OLD.amount_minor THEN ${raise(Rules.immutable)} END IF;
       UPDATE ${account} SET held_minor = held_minor - OLD.amount_minor WHERE account_no = OLD.account_no;
       RETURN NEW;`,
    ),
    define(`${account}_refuse`, raise(Rules.immutable)),
  ];
}

function triggers({ account, leg, journal, hold }: LedgerTables): readonly string[] {
  const refuse = `EXECUTE FUNCTION ${account}_refuse()`;
  return [
    `CREATE TRIGGER ${leg}_apply BEFORE INSERT ON ${leg} FOR EACH ROW EXECUTE FUNCTION ${leg}_apply()`,
    `CREATE TRIGGER ${journal}_balanced AFTER INSERT ON ${journal} FOR EACH ROW EXECUTE FUNCTION ${journal}_balanced()`,
    `CREATE TRIGGER ${hold}_apply BEFORE INSERT ON ${hold} FOR EACH ROW EXECUTE FUNCTION ${hold}_apply()`,
    `CREATE TRIGGER ${hold}_release BEFORE UPDATE ON ${hold} FOR EACH ROW EXECUTE FUNCTION ${hold}_release()`,
    `CREATE TRIGGER ${account}_identity BEFORE UPDATE OF account_no, customer_no, kind, currency ON ${account} FOR EACH ROW ${refuse}`,
    ...[leg, journal].map((table) => `CREATE TRIGGER ${table}_no_update BEFORE UPDATE ON ${table} FOR EACH ROW ${refuse}`),
    ...[leg, journal, hold, account].map((table) => `CREATE TRIGGER ${table}_no_delete BEFORE DELETE ON ${table} FOR EACH ROW ${refuse}`),
    ...[leg, journal, hold, account].map((table) => `CREATE TRIGGER ${table}_no_truncate BEFORE TRUNCATE ON ${table} ${refuse}`),
  ];
}
