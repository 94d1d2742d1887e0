/** What operators rely on: health, copies of a live database, an orderly end, and services that leave nothing behind. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { settle, VirtualClock } from '@sluice/kernel/testing/virtual-clock';
import { databaseHealth } from '../../../plugins/system/data/adapters/health.js';
import { FileTurn } from '../../../plugins/system/data/adapters/sqlite/turns.js';
import { SqliteEngine } from '../../../plugins/system/data/adapters/sqlite/engine.js';
import { DEFAULT_SETTINGS } from '../../../plugins/system/data/domain/settings.js';
import { codeOfRejection, onEachDatabase, openPlace, sqlitePlace, type Place } from './databases.js';

/** Cycles of taking and giving back a service; a leak of one each would be plain. */
const CYCLES = 100;

onEachDatabase('database in operation', (fresh) => {
  it('is healthy when a real query answers', async () => {
    const { engine, dialect } = await fresh();
    const health = databaseHealth({ engine, clock: new VirtualClock(), settings: DEFAULT_SETTINGS });
    const result = await health.check(AbortSignal.timeout(5_000));
    assert.deepEqual([health.name, health.tags, result.status], ['database', ['readiness'], 'OK']);
    assert.deepEqual([result.details?.['dialect'], result.details?.['waiting'], result.details?.['pingMs']], [dialect, 0, 0]);
  });

  it('is critical once it is closed', async () => {
    const { engine } = await fresh();
    await engine.close();
    const result = await databaseHealth({ engine, clock: new VirtualClock(), settings: DEFAULT_SETTINGS }).check(
      AbortSignal.timeout(5_000),
    );
    assert.equal(result.status, 'CRITICAL');
  });

  it('is temporarily unavailable while one bundle holds everything, and names it', async () => {
    const clock = new VirtualClock();
    const database = await fresh({ clock, settings: { connectionsMax: 1 } });
    let entered!: () => void;
    let release!: () => void;
    const inside = new Promise<void>((resolve) => (entered = resolve));
    const holding = database.service('business.report').unitOfWork(async (unit) => {
      await unit.query('SELECT 1 AS a');
      entered();
      await new Promise<void>((resolve) => (release = resolve));
    });
    await inside;
    const checking = databaseHealth({ engine: database.engine, clock, settings: DEFAULT_SETTINGS }).check(AbortSignal.timeout(5_000));
    await clock.advance(1_000);
    const { status, message, details } = await checking;
    release();
    await holding;
    assert.deepEqual([status, details?.['holder']], ['TEMPORARILY_UNAVAILABLE', { bundle: 'business.report', heldMs: 0 }]);
    assert.match(message ?? '', /business\.report/);
  });

  it('warns when more than half of the places to wait are taken', async () => {
    const database = await fresh({ settings: { connectionsMax: 1, waitingMax: 4 } });
    const data = database.service('core.ledger');
    const queries = Array.from({ length: 4 }, () => data.query('SELECT 1 AS a'));
    await reachTheQueue();
    const checked = await databaseHealth({ engine: database.engine, clock: new VirtualClock(), settings: { waitingMax: 4 } }).check(
      AbortSignal.timeout(5_000),
    );
    await Promise.all(queries);
    assert.deepEqual([checked.status, checked.message], ['WARN', '3 units of work wait for the database']);
  });

  it('forgets a consumer with its models when it is given back', async () => {
    const database = await fresh();
    const refs: WeakRef<object>[] = [];
    for (let cycle = 0; cycle < CYCLES; cycle += 1) refs.push(...(await useAndGiveBack(database)));
    await collect();
    const alive = refs.filter((ref) => ref.deref() !== undefined).length;
    // The newest may still be on the stack of the collector.
    assert.ok(alive <= 4, `${alive} of ${refs.length} objects of ${CYCLES} consumers are still alive`);
  });
});

describe('a live SQLite database', () => {
  let place: Place;
  let folder: string;
  beforeEach(() => {
    place = sqlitePlace();
    folder = mkdtempSync(join(tmpdir(), 'sluice-backup-'));
  });
  afterEach(async () => {
    await place.dispose();
    rmSync(folder, { recursive: true, force: true });
  });

  it('is copied whole while units of work go on', async () => {
    const database = await place.open();
    const data = database.service('core.ledger');
    await data.execute('CREATE TABLE core_ledger_pair (id bigint PRIMARY KEY, a bigint NOT NULL, b bigint NOT NULL, filler text)');
    await data.execute(
      'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) INSERT INTO core_ledger_pair SELECT i, 50, 50, hex(zeroblob(250)) FROM n',
    );
    const backing = { up: true };
    let units = 0;
    const writing = (async () => {
      while (backing.up) {
        const id = 1 + (units++ % 20_000);
        await data.unitOfWork(async (unit) => {
          await unit.execute('UPDATE core_ledger_pair SET a = a - 1 WHERE id = ?', [id]);
          await unit.execute('UPDATE core_ledger_pair SET b = b + 1 WHERE id = ?', [id]);
        });
      }
    })();
    await database.engine.backup(folder);
    backing.up = false;
    await writing;
    const copy = await openPlace('sqlite', join(folder, 'bank.sqlite'));
    const [row] = await copy.service('core.ledger').query('SELECT count(*) AS n, sum(a + b) AS total FROM core_ledger_pair');
    await copy.close();
    await database.close();
    assert.deepEqual(row, { n: 20_000, total: 2_000_000 });
    assert.ok(units > 0);
  });

  it('refuses to be copied over something', async () => {
    const database = await place.open();
    writeFileSync(join(folder, 'bank.sqlite'), 'something else');
    assert.equal(await codeOfRejection(database.engine.backup(folder)), 'DATA_BACKUP_FAILED');
    await database.close();
  });

  it('is one file again after it was closed', async () => {
    const database = await place.open();
    await database.service('core.ledger').execute('CREATE TABLE core_ledger_note (id bigint PRIMARY KEY)');
    await database.close();
    assert.throws(() => readFileSync(`${place.name}-wal`), { code: 'ENOENT' });
    assert.match(readFileSync(place.name).toString('latin1'), /core_ledger_note/);
  });

  it('is refused when its file is no database, or its folder is absent', async () => {
    writeFileSync(place.name, 'this is no database, and long enough to be looked at as one');
    const log = { info: () => undefined, warn: () => undefined };
    const parts = { clock: new VirtualClock(), settings: DEFAULT_SETTINGS, log };
    assert.equal(await codeOfRejection(SqliteEngine.open(place.name, parts)), 'DATA_OPEN_FAILED');
    assert.equal(await codeOfRejection(SqliteEngine.open(join(folder, 'absent', 'bank.sqlite'), parts)), 'DATA_OPEN_FAILED');
  });

  it('gives turns in the order they were asked for, and forgets the file with its last user', async () => {
    const [one, two] = [new FileTurn(place.name), new FileTurn(place.name)];
    const seen: string[] = [];
    assert.equal(one.enter(), undefined);
    const waiting = [two, one, two].map(async (turn, index) => {
      await turn.enter();
      seen.push(`turn ${index}`);
      turn.leave();
    });
    assert.deepEqual(seen, []);
    two.schemaChanged();
    one.leave();
    await Promise.all(waiting);
    assert.deepEqual([seen, one.schemaEpoch], [['turn 0', 'turn 1', 'turn 2'], 1]);
    one.close();
    two.close();
    const later = new FileTurn(place.name);
    assert.equal(later.schemaEpoch, 0);
    later.close();
  });
});

type Database = Awaited<ReturnType<Place['open']>>;

/** In a function of its own, so that nothing of it stays on the stack. */
async function useAndGiveBack(database: Database): Promise<WeakRef<object>[]> {
  const data = database.ownService('core.ledger');
  const Note = data.define('Note', { id: data.bigint('id', { primaryKey: true }) });
  await data.unitOfWork(async (unit) => void (await unit.query('SELECT 1 AS a')));
  await Note.count().catch(() => undefined);
  const refs = [new WeakRef<object>(Note), new WeakRef<object>(data.sequelize)];
  await data.close();
  return refs;
}

async function collect(): Promise<void> {
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc') as () => void;
  for (let round = 0; round < 10; round += 1) {
    await settle();
    gc();
  }
}

/** Lets calls reach the queue, but not their answers. */
async function reachTheQueue(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
}
