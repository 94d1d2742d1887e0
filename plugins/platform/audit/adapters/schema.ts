/**
 * Tables of the audit: entries, and the end of the chain.
 * Always holds, by triggers: an entry is never changed or removed; it is sealed once; the chain only grows.
 */
import type { Migration, MigrationExecutor } from '@sluice/sdk';
import { GENESIS } from '../domain/chain.js';

/** Full names of the tables. */
export interface AuditTables {
  readonly entry: string;
  readonly head: string;
}

/** Names the tables by what `table(name)` gives. */
export function auditTables(table: (name: string) => string): AuditTables {
  return { entry: table('entry'), head: table('head') };
}

/** What the triggers raise. */
const IMMUTABLE = 'platform_audit_immutable';

/** Columns whose content is sealed. */
export const CONTENT_COLUMNS = ['at', 'actor', 'channel', 'action', 'subject', 'outcome', 'detail'] as const;

/** All migrations of this bundle, oldest first. */
export const auditMigrations: readonly Migration[] = [
  {
    name: '0001-audit',
    phase: 'expand',
    async up(db) {
      const tables = auditTables((name) => db.table(name));
      for (const statement of [...tableStatements(db, tables), ...guards(db, tables)]) await db.execute(statement);
    },
    async down(db) {
      const { entry, head } = auditTables((name) => db.table(name));
      for (const table of [entry, head]) await db.execute(`DROP TABLE ${table}`);
      if (db.dialect === 'postgres') await db.execute(`DROP FUNCTION IF EXISTS ${entry}_refuse()`);
    },
  },
];

function tableStatements(db: MigrationExecutor, { entry, head }: AuditTables): readonly string[] {
  const identity = db.dialect === 'sqlite' ? 'INTEGER PRIMARY KEY' : 'BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY';
  return [
    `CREATE TABLE ${entry} (
       entry_id ${identity},
       at BIGINT NOT NULL,
       actor TEXT NOT NULL,
       channel TEXT NOT NULL,
       action TEXT NOT NULL,
       subject TEXT NOT NULL,
       outcome TEXT NOT NULL,
       detail TEXT NOT NULL,
       seal_no BIGINT,
       seal_hash TEXT)`,
    `CREATE UNIQUE INDEX ${entry}_seal ON ${entry} (seal_no) WHERE seal_no IS NOT NULL`,
    // What waits for the sealer is found whatever order transactions committed in: a number that commits late is still in here.
    `CREATE INDEX ${entry}_unsealed ON ${entry} (entry_id) WHERE seal_no IS NULL`,
    `CREATE INDEX ${entry}_subject ON ${entry} (subject)`,
    `CREATE TABLE ${head} (id INTEGER PRIMARY KEY CHECK (id = 1), seal_no BIGINT NOT NULL, hash TEXT NOT NULL)`,
    `INSERT INTO ${head} (id, seal_no, hash) VALUES (1, ${GENESIS.sealNo}, '${GENESIS.hash}')`,
  ];
}

function guards(db: MigrationExecutor, { entry, head }: AuditTables): readonly string[] {
  const changed = ['entry_id', ...CONTENT_COLUMNS].map((column) => `NEW.${column} <> OLD.${column}`);
  const wrongUpdate = `OLD.seal_no IS NOT NULL OR NEW.seal_no IS NULL OR NEW.seal_hash IS NULL OR ${changed.join(' OR ')}`;
  const rules = [
    { name: `${entry}_no_update`, when: `UPDATE ON ${entry}`, condition: wrongUpdate },
    { name: `${entry}_born_unsealed`, when: `INSERT ON ${entry}`, condition: 'NEW.seal_no IS NOT NULL OR NEW.seal_hash IS NOT NULL' },
    { name: `${entry}_no_delete`, when: `DELETE ON ${entry}`, condition: '1 = 1' },
    { name: `${head}_grows`, when: `UPDATE ON ${head}`, condition: 'NEW.seal_no <= OLD.seal_no' },
    { name: `${head}_no_delete`, when: `DELETE ON ${head}`, condition: '1 = 1' },
  ];
  if (db.dialect === 'sqlite') {
    return rules.map(
      ({ name, when, condition }) =>
        `CREATE TRIGGER ${name} BEFORE ${when} WHEN ${condition} BEGIN SELECT RAISE(ABORT, '${IMMUTABLE}'); END`,
    );
  }
  const refuse = `EXECUTE FUNCTION ${entry}_refuse()`;
  return [
    `CREATE FUNCTION ${entry}_refuse() RETURNS trigger LANGUAGE plpgsql AS $body$
       BEGIN RAISE EXCEPTION '${IMMUTABLE}' USING ERRCODE = 'check_violation'; END $body$`,
    ...rules.map(({ name, when, condition }) => `CREATE TRIGGER ${name} BEFORE ${when} FOR EACH ROW WHEN (${condition}) ${refuse}`),
    ...[entry, head].map((table) => `CREATE TRIGGER ${table}_no_truncate BEFORE TRUNCATE ON ${table} ${refuse}`),
  ];
}
