/** Tables of customers, logins and sessions. */
import type { Migration } from '@sluice/sdk';

/** Full names of the tables. */
export interface CustomerTables {
  readonly customer: string;
  readonly credential: string;
  readonly session: string;
}

/** Names the tables by what `table(name)` gives. */
export function customerTables(table: (name: string) => string): CustomerTables {
  return { customer: table('customer'), credential: table('credential'), session: table('session') };
}

/** All migrations of this bundle, oldest first. */
export const customerMigrations: readonly Migration[] = [
  {
    name: '0001-customers',
    phase: 'expand',
    async up(db) {
      const { customer, credential, session } = customerTables((name) => db.table(name));
      await db.execute(
        `CREATE TABLE ${customer} (customer_no TEXT PRIMARY KEY, name TEXT NOT NULL, pinyin TEXT NOT NULL, created_at BIGINT NOT NULL)`,
      );
      // A login is locked while `failures` has reached the limit and the last attempt is not long enough ago: nothing else to keep in step.
      await db.execute(
        `CREATE TABLE ${credential} (login TEXT PRIMARY KEY, customer_no TEXT NOT NULL REFERENCES ${customer} (customer_no),
           password_hash TEXT NOT NULL, failures INTEGER NOT NULL DEFAULT 0 CHECK (failures >= 0), attempted_at BIGINT NOT NULL DEFAULT 0)`,
      );
      await db.execute(
        `CREATE TABLE ${session} (token_hash TEXT PRIMARY KEY, customer_no TEXT NOT NULL, channel TEXT NOT NULL,
           opened_at BIGINT NOT NULL, seen_at BIGINT NOT NULL, ended_at BIGINT)`,
      );
      await db.execute(`CREATE INDEX ${session}_seen ON ${session} (seen_at)`);
    },
    async down(db) {
      const { customer, credential, session } = customerTables((name) => db.table(name));
      for (const table of [session, credential, customer]) await db.execute(`DROP TABLE ${table}`);
    },
  },
];
