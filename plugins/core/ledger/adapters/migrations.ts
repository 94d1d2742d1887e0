/** The schema of the ledger, step by step. */
import type { Migration } from '@sluice/sdk';
import { ledgerTables } from './schema-common.js';
import { createPostgres, dropPostgresFunctions } from './schema-postgres.js';
import { createSqlite } from './schema-sqlite.js';

/** All migrations of this bundle, oldest first. */
export const ledgerMigrations: readonly Migration[] = [
  {
    name: '0001-books',
    phase: 'expand',
    async up(db) {
      const tables = ledgerTables((name) => db.table(name));
      await (db.dialect === 'sqlite' ? createSqlite(db, tables) : createPostgres(db, tables));
    },
    async down(db) {
      const tables = ledgerTables((name) => db.table(name));
      for (const table of [tables.hold, tables.leg, tables.journal, tables.account]) await db.execute(`DROP TABLE ${table}`);
      if (db.dialect === 'postgres') await dropPostgresFunctions(db, tables);
    },
  },
];
