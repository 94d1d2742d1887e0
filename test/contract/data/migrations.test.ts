import assert from 'node:assert/strict';
import type { Migration } from '@sluice/sdk';
import { codeOfRejection, onEachDatabase, type TestDatabase } from './databases.js';

const ACCOUNTS: Migration = {
  name: '0001-accounts',
  phase: 'expand',
  up: async (db) => void (await db.execute(`CREATE TABLE ${db.table('account')} (id bigint PRIMARY KEY)`)),
  down: async (db) => void (await db.execute(`DROP TABLE ${db.table('account')}`)),
};
const LABELS: Migration = {
  name: '0002-labels',
  phase: 'expand',
  up: async (db) => void (await db.execute(`ALTER TABLE ${db.table('account')} ADD COLUMN label text`)),
  down: async (db) => void (await db.execute(`ALTER TABLE ${db.table('account')} DROP COLUMN label`)),
};
const NO_LABELS: Migration = { name: '0003-no-labels', phase: 'contract', up: LABELS.down, down: LABELS.up };

onEachDatabase('migrations', (fresh, place) => {
  it('apply what is pending, once, and record it with a digest of the statements', async () => {
    const database = await fresh();
    const data = database.service('core.ledger');
    const first = await data.migrate([ACCOUNTS]);
    const second = await data.migrate([ACCOUNTS, LABELS]);
    const third = await data.migrate([ACCOUNTS, LABELS]);
    assert.deepEqual([first, second, third], [['0001-accounts'], ['0002-labels'], []]);
    const rows = await data.query('SELECT bundle, name, phase, digest FROM sluice_migration ORDER BY name');
    assert.deepEqual(
      rows.map((row) => ({ ...row, digest: /^[0-9a-f]{64}$/.test(String(row['digest'])) })),
      [
        { bundle: 'core.ledger', name: '0001-accounts', phase: 'expand', digest: true },
        { bundle: 'core.ledger', name: '0002-labels', phase: 'expand', digest: true },
      ],
    );
  });

  it('leave nothing behind when a later step of the same call fails', async () => {
    const data = (await fresh()).service('core.ledger');
    const broken: Migration = {
      ...LABELS,
      up: async (db) => {
        await LABELS.up(db);
        await db.execute('INSERT INTO nowhere VALUES (1)');
      },
    };
    await assert.rejects(data.migrate([ACCOUNTS, broken]), (error: Error & { code: string; details: Record<string, unknown> }) => {
      assert.deepEqual(
        [error.code, error.details['migration'], error.details['bundle']],
        ['MIGRATION_FAILED', '0002-labels', 'core.ledger'],
      );
      return true;
    });
    assert.deepEqual(await data.query('SELECT name FROM sluice_migration'), []);
    assert.equal(await codeOfRejection(data.query('SELECT 1 FROM core_ledger_account')), 'DATA_STATEMENT_FAILED');
    assert.deepEqual(await data.migrate([ACCOUNTS, LABELS]), ['0001-accounts', '0002-labels']);
  });

  it('ask the data first', async () => {
    const data = (await fresh()).service('core.ledger');
    await data.migrate([ACCOUNTS]);
    await data.execute('INSERT INTO core_ledger_account VALUES (1)');
    const checked: Migration = {
      ...LABELS,
      check: async (db) => {
        const rows = await db.query(`SELECT id FROM ${db.table('account')}`);
        if (rows.length > 0) throw new Error(`${rows.length} accounts have no label`);
      },
    };
    await assert.rejects(data.migrate([ACCOUNTS, checked]), /the data does not allow it: 1 accounts have no label/);
    assert.equal(await codeOfRejection(data.migrate([ACCOUNTS, checked])), 'MIGRATION_CHECK_FAILED');
    await data.execute('DELETE FROM core_ledger_account');
    assert.deepEqual(await data.migrate([ACCOUNTS, checked]), ['0002-labels']);
  });

  it('are applied once when two revisions call at the same time', async () => {
    const one = await fresh();
    const two = await place().open();
    try {
      const results = await Promise.all([one, two].map((database) => database.service('core.ledger').migrate([ACCOUNTS, LABELS])));
      assert.deepEqual(results.flat().sort(), ['0001-accounts', '0002-labels']);
    } finally {
      await two.close();
    }
  });

  it('run contract steps on a first installation, and leave them for later on any other', async () => {
    const database = await fresh();
    const first = database.service('core.ledger');
    assert.deepEqual(await first.migrate([ACCOUNTS, LABELS, NO_LABELS]), ['0001-accounts', '0002-labels', '0003-no-labels']);
    const second = database.service('platform.limit');
    await second.migrate([ACCOUNTS]);
    assert.deepEqual(await second.migrate([ACCOUNTS, LABELS, NO_LABELS]), ['0002-labels']);
    const later: Migration = { ...LABELS, name: '0004-more' };
    assert.equal(await codeOfRejection(second.migrate([ACCOUNTS, LABELS, NO_LABELS, later])), 'MIGRATION_CONTRACT_EARLY');
    database.allowContract();
    assert.deepEqual(await second.migrate([ACCOUNTS, LABELS, NO_LABELS]), ['0003-no-labels']);
  });

  it('refuse a bundle that is older than its contracted schema, and accept one older than an expanded one', async () => {
    const data = (await fresh()).service('core.ledger');
    await data.migrate([ACCOUNTS, LABELS]);
    assert.deepEqual(await data.migrate([ACCOUNTS]), []);
    const other = await contracted(data);
    assert.equal(await codeOfRejection(other.migrate([ACCOUNTS, LABELS])), 'MIGRATION_SCHEMA_AHEAD');
  });

  it('refuse what is not expand in an expand step, and tables of others', async () => {
    const database = await fresh();
    const data = database.service('core.ledger');
    await data.migrate([ACCOUNTS, LABELS]);
    const statements = [
      'DROP TABLE core_ledger_account',
      'ALTER TABLE core_ledger_account DROP COLUMN label',
      'ALTER TABLE core_ledger_account RENAME COLUMN label TO name',
      'ALTER TABLE core_ledger_account ADD COLUMN strict_one text NOT NULL',
      'CREATE TABLE platform_limit_use (id bigint)',
      'CREATE INDEX core_ledger_i ON sluice_outbox (at)',
      "ALTER TABLE core_ledger_account ADD COLUMN lenient text NOT NULL DEFAULT 'drop table'",
    ];
    const causes: string[] = [];
    for (const [index, sql] of statements.entries()) {
      const step: Migration = {
        name: `1000-${index}`,
        phase: 'expand',
        up: async (db) => void (await db.execute(sql)),
        down: async () => undefined,
      };
      causes.push(
        await data.migrate([ACCOUNTS, LABELS, step]).then(
          () => 'applied',
          (error) => error.details.causeCode,
        ),
      );
    }
    assert.deepEqual(causes, [...new Array(4).fill('MIGRATION_NOT_EXPAND'), 'DATA_TABLE_FOREIGN', 'DATA_TABLE_FOREIGN', 'applied']);
  });

  it('refuse names that are double, unsorted or late, and calls inside a unit of work', async () => {
    const data = (await fresh()).service('core.ledger');
    const codes = [
      await codeOfRejection(data.migrate([ACCOUNTS, ACCOUNTS])),
      await codeOfRejection(data.migrate([LABELS, ACCOUNTS])),
      await codeOfRejection(data.unitOfWork(() => data.migrate([ACCOUNTS]))),
      await codeOfRejection(data.migrate([ACCOUNTS, LABELS])),
      await codeOfRejection(data.migrate([ACCOUNTS, { ...LABELS, name: '0001-z' }, LABELS])),
    ];
    assert.deepEqual(codes, ['MIGRATION_INVALID', 'MIGRATION_INVALID', 'MIGRATION_INVALID', 'fulfilled', 'MIGRATION_OUT_OF_ORDER']);
  });

  it('go back with their way down, newest first', async () => {
    const data = (await fresh()).service('core.ledger');
    await data.migrate([ACCOUNTS, LABELS]);
    assert.deepEqual(await data.revert([ACCOUNTS, LABELS]), ['0002-labels']);
    await data.execute('INSERT INTO core_ledger_account VALUES (1)');
    assert.deepEqual(Object.keys((await data.query('SELECT * FROM core_ledger_account'))[0] as object), ['id']);
    assert.deepEqual(await data.revert([ACCOUNTS, LABELS], 5), ['0001-accounts']);
    assert.deepEqual(await data.revert([ACCOUNTS, LABELS]), []);
  });
});

/** A second bundle service whose schema was contracted by a newer version. */
async function contracted(data: ReturnType<TestDatabase['service']>): Promise<ReturnType<TestDatabase['service']>> {
  await data.revert([ACCOUNTS, LABELS], 2);
  await data.migrate([ACCOUNTS, LABELS, NO_LABELS]);
  return data;
}
