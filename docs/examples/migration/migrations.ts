/** Steps of the schema, run once each, in order. `expand` only adds: while this bundle is swapped in, the revision before still works. */
import type { Migration } from '@sluice/sdk';

export const migrations: readonly Migration[] = [
  {
    name: '0001-notes',
    phase: 'expand',
    async up(db) {
      const id = db.dialect === 'sqlite' ? 'INTEGER PRIMARY KEY' : 'BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY';
      await db.execute(`CREATE TABLE ${db.table('note')} (id ${id}, text TEXT NOT NULL)`);
    },
    async down(db) {
      await db.execute(`DROP TABLE ${db.table('note')}`);
    },
  },
  {
    name: '0002-author',
    phase: 'expand',
    async up(db) {
      // Not NOT NULL: the revision before writes rows without it.
      await db.execute(`ALTER TABLE ${db.table('note')} ADD COLUMN author TEXT`);
    },
    async down(db) {
      await db.execute(`ALTER TABLE ${db.table('note')} DROP COLUMN author`);
    },
  },
];
