/** The data bundle in the real kernel: one service per consumer, swaps of both sides, settings, backup. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BackupSource, ConfigSource, Data, defineBundle, type DataService, type Migration } from '@sluice/sdk';
import { TestRuntime, type TestBundle } from '@sluice/kernel/testing';
import dataBundle from '../../../plugins/system/data/activator.js';
import { systemBundle } from '../system/system-bundle.js';
import { codeOfRejection, openPlace } from './databases.js';

const NOTES: Migration = {
  name: '0001-notes',
  phase: 'expand',
  up: async (db) => void (await db.execute(`CREATE TABLE ${db.table('note')} (id bigint PRIMARY KEY, label text)`)),
  down: async (db) => void (await db.execute(`DROP TABLE ${db.table('note')}`)),
};
const NO_LABELS: Migration = {
  name: '0002-no-labels',
  phase: 'contract',
  up: async (db) => void (await db.execute(`ALTER TABLE ${db.table('note')} DROP COLUMN label`)),
  down: async (db) => void (await db.execute(`ALTER TABLE ${db.table('note')} ADD COLUMN label text`)),
};

describe('system.data in the kernel', () => {
  let runtime: TestRuntime;
  beforeEach(async () => {
    runtime = await TestRuntime.boot({ time: 'real' });
    await runtime.deploy(systemBundle('data', dataBundle));
  });
  afterEach(() => runtime.stop());

  it('gives each consumer a service of its own, named after it', async () => {
    const seen = new Map<string, DataService>();
    await runtime.deploy(consumer('core.ledger', '1.0.0', seen), consumer('platform.limit', '1.0.0', seen));
    assert.deepEqual(
      [...seen].map(([name, data]) => [name, data.table('note')]),
      [
        ['core.ledger 1.0.0', 'core_ledger_note'],
        ['platform.limit 1.0.0', 'platform_limit_note'],
      ],
    );
  });

  it('expands at a swap and contracts only when no older revision lives and the operator said so', async () => {
    const seen = new Map<string, DataService>();
    const columns = async () => Object.keys((await runtime.service(Data).query('SELECT * FROM core_ledger_note'))[0] as object);
    await runtime.deploy(consumer('core.ledger', '1.0.0', seen, [NOTES]));
    await runtime.service(Data).execute("INSERT INTO core_ledger_note VALUES (1, 'a')");
    await runtime.deploy(consumer('core.ledger', '1.1.0', seen, [NOTES, NO_LABELS]));
    assert.deepEqual(await columns(), ['id', 'label']);
    await runtime.deploy(systemBundle('data', dataBundle, { contractMigrations: ['core.ledger'] }, '1.0.1'));
    await runtime.deploy(consumer('core.ledger', '1.2.0', seen, [NOTES, NO_LABELS]));
    assert.deepEqual(await columns(), ['id', 'label'], 'revision 1.1.0 lives while 1.2.0 starts');
    await runtime.kernel.stop('core.ledger', { actor: 'test' });
    await runtime.kernel.start('core.ledger', { actor: 'test' });
    assert.deepEqual(await columns(), ['id']);
  });

  it('serves through a swap of itself, and ends models of its old revision with a clear word', async () => {
    const seen = new Map<string, DataService>();
    await runtime.deploy(consumer('core.ledger', '1.0.0', seen, [NOTES]));
    const data = seen.get('core.ledger 1.0.0') as DataService;
    const Note = data.define('Note', { id: data.bigint('id', { primaryKey: true }), label: data.types.TEXT });
    await Note.create({ id: 1n, label: 'before' });
    const writing = runtime.entry('core.ledger', () => write(data, 200));
    await runtime.deploy(systemBundle('data', dataBundle, {}, '1.0.1'));
    await writing;
    const [row] = await data.query('SELECT count(*) AS n FROM core_ledger_note');
    assert.deepEqual([Number(row?.['n']), await codeOfRejection(Note.count())], [201, 'DATA_CLOSED']);
  });

  it('copies itself for a backup', async () => {
    const seen = new Map<string, DataService>();
    await runtime.deploy(consumer('core.ledger', '1.0.0', seen, [NOTES]));
    await write(seen.get('core.ledger 1.0.0') as DataService, 3);
    const folder = mkdtempSync(join(tmpdir(), 'sluice-backup-'));
    try {
      const [source] = runtime.services(BackupSource);
      await source?.backup(folder);
      const copy = await openPlace('sqlite', join(folder, 'bank.sqlite'));
      const rows = await copy.service('core.ledger').query('SELECT id FROM core_ledger_note ORDER BY id');
      await copy.close();
      assert.deepEqual([source?.name, rows], ['db', [{ id: 1000 }, { id: 1001 }, { id: 1002 }]]);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('refuses to change its database under its consumers, and takes new limits at once', async () => {
    const stored: Record<string, unknown> = {};
    runtime.provide(ConfigSource, {
      layers: () => Promise.resolve([{ layer: 'runtime' as const, values: { ...stored } }]),
      watch: () => () => undefined,
      set: (_bundle: string, values: Readonly<Record<string, unknown>>) => Promise.resolve(void Object.assign(stored, values)),
      history: () => Promise.resolve([]),
      resolve: (_bundle: string, values: Readonly<Record<string, unknown>>) => Promise.resolve(values),
    });
    const data = runtime.service(Data);
    assert.equal(await codeOfRejection(runtime.kernel.configSet('system.data', { waitingMax: 1 }, 'test')), 'fulfilled');
    const outcomes = await Promise.all([1, 2, 3].map(() => codeOfRejection(data.query('SELECT 1 AS a'))));
    assert.deepEqual(outcomes, ['fulfilled', 'fulfilled', 'DATA_WRITER_QUEUE_FULL']);
    assert.equal(await codeOfRejection(runtime.kernel.configSet('system.data', { file: 'other.sqlite' }, 'test')), 'DATA_SETTING_FIXED');
  });
});

/** A bundle that migrates when it starts and shows the test its service. */
function consumer(name: string, version: string, seen: Map<string, DataService>, migrations: readonly Migration[] = []): TestBundle {
  const definition = defineBundle({
    requires: [Data],
    async activate(context) {
      const data = context.reference(Data);
      await data.migrate(migrations);
      seen.set(`${name} ${version}`, data);
    },
  });
  return { symbolicName: name, version, definition };
}

async function write(data: DataService, count: number): Promise<void> {
  for (let id = 1_000; id < 1_000 + count; id += 1) {
    await data.unitOfWork(async (unit) => void (await unit.execute('INSERT INTO core_ledger_note (id) VALUES (?)', [id])));
  }
}
