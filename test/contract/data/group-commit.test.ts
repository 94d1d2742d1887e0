import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { VirtualClock } from '@sluice/kernel/testing/virtual-clock';
import { asBigint } from '@sluice/sdk';
import sqlite3 from 'sqlite3';
import type { BundleDataService } from '../../../plugins/system/data/adapters/data-service.js';
import { codeOfRejection, sqlitePlace, type OpenOptions, type Place, type TestDatabase } from './databases.js';

const INSERT = 'INSERT INTO core_ledger_note (id) VALUES (?)';

describe('group commit (sqlite)', () => {
  let place: Place;
  let database: TestDatabase;
  let data: BundleDataService;

  async function open(options?: OpenOptions): Promise<void> {
    database = await place.open(options);
    data = database.service('core.ledger');
    await data.execute('CREATE TABLE core_ledger_note (id bigint PRIMARY KEY)');
    // The first unit of a bundle never shares a commit, as nothing is known about how long its units take.
    await data.unitOfWork(async () => undefined);
  }

  beforeEach(() => void (place = sqlitePlace()));
  afterEach(async () => {
    await database.close();
    await place.dispose();
  });

  it('shares one commit among the units that waited, and resolves each only then', async () => {
    await open({ clock: new VirtualClock() });
    const commits = countCommits(place);
    const visible: bigint[][] = [];
    const ids = Array.from({ length: 10 }, (_, index) => index + 1);
    await Promise.all(
      ids.map(async (id) => {
        await data.unitOfWork(async (unit) => void (await unit.execute(INSERT, [id])));
        visible.push(await readByOther(place));
      }),
    );
    assert.equal(commits(), 1);
    assert.deepEqual(visible, new Array(10).fill(ids.map(BigInt)));
  });

  it('takes back only the unit that failed', async () => {
    await open({ clock: new VirtualClock() });
    const outcomes = await Promise.all(
      [1, 2, 3, 4, 5, 6].map((id) =>
        codeOfRejection(
          data.unitOfWork(async (unit) => {
            await unit.execute(INSERT, [id]);
            await unit.execute(INSERT, [id + 100]);
            if (id % 2 === 0) throw new Error(`unit ${id}`);
          }),
        ),
      ),
    );
    assert.deepEqual(outcomes, ['fulfilled', 'unit 2', 'fulfilled', 'unit 4', 'fulfilled', 'unit 6']);
    assert.deepEqual(await readByOther(place), [1n, 3n, 5n, 101n, 103n, 105n]);
  });

  it('keeps the group when the first unit fails, and when every unit fails', async () => {
    await open({ clock: new VirtualClock() });
    const run = (id: number, fails: boolean) =>
      codeOfRejection(
        data.unitOfWork(async (unit) => {
          await unit.execute(INSERT, [id]);
          if (fails) throw new Error('fails');
        }),
      );
    assert.deepEqual(await Promise.all([run(1, true), run(2, false), run(3, true)]), ['fails', 'fulfilled', 'fails']);
    assert.deepEqual(await Promise.all([run(4, true), run(5, true)]), ['fails', 'fails']);
    assert.deepEqual(await readByOther(place), [2n]);
  });

  it('shows a later unit what an earlier one of the group did', async () => {
    await open({ clock: new VirtualClock() });
    const count = () =>
      data.unitOfWork(async (unit) => {
        const [row] = await unit.query('SELECT count(*) AS n FROM core_ledger_note');
        await unit.execute(INSERT, [Number(row?.['n']) + 1]);
      });
    await Promise.all([count(), count(), count(), count()]);
    assert.deepEqual(await readByOther(place), [1n, 2n, 3n, 4n]);
  });

  it('answers single statements inside a group after its commit, and a failing read harms no unit', async () => {
    await open({ clock: new VirtualClock() });
    const commits = countCommits(place);
    const insert = (id: number) => data.unitOfWork(async (unit) => void (await unit.execute(INSERT, [id])));
    const results = await Promise.all([
      insert(1),
      insert(2),
      codeOfRejection(data.query('SELECT abs(-9223372036854775807 - 1) FROM core_ledger_note')),
      data.query('SELECT count(*) AS n FROM core_ledger_note').then((rows) => rows[0]?.['n']),
      data.execute(INSERT, [3]),
      codeOfRejection(data.execute(INSERT, [3])),
      insert(4),
    ]);
    assert.deepEqual(results, [undefined, undefined, 'DATA_STATEMENT_FAILED', 2, 1, 'DATA_UNIQUE', undefined]);
    assert.deepEqual(await readByOther(place), [1n, 2n, 3n, 4n]);
    assert.equal(commits(), 1);
  });

  it('rejects every unit of the group when the commit fails, and goes on afterwards', async () => {
    await open({ clock: new VirtualClock() });
    await data.execute('CREATE TABLE core_ledger_child (parent bigint REFERENCES core_ledger_note (id) DEFERRABLE INITIALLY DEFERRED)');
    const outcomes = await Promise.all([
      codeOfRejection(data.unitOfWork(async (unit) => void (await unit.execute(INSERT, [1])))),
      codeOfRejection(data.unitOfWork(async (unit) => void (await unit.execute('INSERT INTO core_ledger_child VALUES (99)')))),
    ]);
    assert.deepEqual(outcomes, ['DATA_COMMIT_FAILED', 'DATA_COMMIT_FAILED']);
    const alone = data.unitOfWork(async (unit) => void (await unit.execute('INSERT INTO core_ledger_child VALUES (99)')));
    assert.equal(await codeOfRejection(alone), 'DATA_FOREIGN_KEY');
    await data.unitOfWork(async (unit) => void (await unit.execute(INSERT, [2])));
    assert.deepEqual(await readByOther(place), [2n]);
    assert.deepEqual(database.warnings, ['commit failed', 'commit failed']);
  });

  it('rejects the finished units, to be run again, when an interrupted write ends the shared transaction', async () => {
    const clock = new VirtualClock();
    await open({ clock });
    const many =
      'INSERT INTO core_ledger_note WITH RECURSIVE n(i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM n WHERE i < ?) SELECT i FROM n';
    // Run once to have it prepared: one that is cut while it is being prepared never begins.
    await codeOfRejection(data.unitOfWork((unit) => unit.execute(many, [101n]).then(() => Promise.reject(new Error('only prepared')))));
    let started!: () => void;
    const running = new Promise<void>((resolve) => (started = resolve));
    const quick = codeOfRejection(data.unitOfWork(async (unit) => void (await unit.execute(INSERT, [1]))));
    const endless = codeOfRejection(
      data.unitOfWork(
        (unit) => {
          const writing = unit.execute(many, [2n ** 62n]);
          started();
          return writing;
        },
        { timeoutMs: 1_000 },
      ),
    );
    await running;
    await clock.advance(1_000);
    assert.deepEqual([await quick, await endless], ['DATA_COMMIT_FAILED', 'DATA_UNIT_TIMEOUT']);
    assert.deepEqual(await readByOther(place), []);
  });

  it('lets no unit of a bundle join whose units take long', async () => {
    const clock = new VirtualClock();
    await open({ clock });
    const slow = database.service('business.report');
    await slow.unitOfWork(() => clock.advance(50));
    const commits = countCommits(place);
    await Promise.all([
      data.unitOfWork(async (unit) => void (await unit.execute(INSERT, [1]))),
      slow.unitOfWork(async (unit) => void (await unit.execute(INSERT, [2]))),
    ]);
    assert.equal(commits(), 2);
  });

  it('commits a group that has lasted its time although more units wait', async () => {
    const clock = new VirtualClock();
    await open({ clock, settings: { groupTimeMs: 5 } });
    const commits = countCommits(place);
    await Promise.all(
      [1, 2, 3, 4].map((id) =>
        data.unitOfWork(async (unit) => {
          await unit.execute(INSERT, [id]);
          await clock.advance(3);
        }),
      ),
    );
    assert.equal(commits(), 2);
  });

  it('names the bundle that holds the writer when a wait is over', async () => {
    const clock = new VirtualClock();
    await open({ clock, settings: { waitTimeoutMs: 500 } });
    let release!: () => void;
    let entered!: () => void;
    const inside = new Promise<void>((resolve) => (entered = resolve));
    const holding = database.service('business.report').unitOfWork(async () => {
      entered();
      await new Promise<void>((resolve) => (release = resolve));
    });
    await inside;
    const waiting = data.execute(INSERT, [1]);
    waiting.catch(() => undefined);
    await clock.advance(500);
    await assert.rejects(waiting, (error: Error & { code: string; details: object; retryable: boolean }) => {
      assert.deepEqual(
        [error.code, error.retryable, error.details],
        ['DATA_WRITER_TIMEOUT', true, { bundle: 'core.ledger', waitMs: 500, holder: 'business.report', heldMs: 500, waiting: 0 }],
      );
      assert.match(error.message, /held by bundle 'business.report' for 500 ms/);
      return true;
    });
    release();
    await holding;
  });

  it('refuses a unit when too many wait already', async () => {
    await open({ settings: { waitingMax: 2 } });
    const outcomes = await Promise.all([1, 2, 3, 4].map((id) => codeOfRejection(data.execute(INSERT, [id]))));
    assert.deepEqual(outcomes, ['fulfilled', 'fulfilled', 'fulfilled', 'DATA_WRITER_QUEUE_FULL']);
  });

  it('takes turns with a second connection of the same process on the file', async () => {
    await open();
    const second = await place.open();
    const other = second.service('core.ledger');
    const ids = Array.from({ length: 40 }, (_, index) => index);
    await Promise.all(ids.map((id) => (id % 2 === 0 ? data : other).unitOfWork(async (unit) => void (await unit.execute(INSERT, [id])))));
    await second.close();
    assert.deepEqual(await readByOther(place), ids.map(BigInt));
  });
});

/** Counts commits where they count: in the write-ahead log, whose frames carry the database size when they end a transaction. */
function countCommits(place: Place): () => number {
  const before = commitFrames(place);
  return () => commitFrames(place) - before;
}

function commitFrames(place: Place): number {
  const log = readFileSync(`${place.name}-wal`);
  const frameBytes = 24 + log.readUInt32BE(8);
  let commits = 0;
  for (let at = 32; at + frameBytes <= log.length; at += frameBytes) if (log.readUInt32BE(at + 4) > 0) commits += 1;
  return commits;
}

/** What another connection sees, which is what is committed. */
async function readByOther(place: Place): Promise<bigint[]> {
  const other = new sqlite3.Database(place.name, sqlite3.OPEN_READONLY);
  const rows = await new Promise<{ id: number }[]>((resolve, reject) =>
    other.all('SELECT id FROM core_ledger_note ORDER BY id', (error: Error | null, found: { id: number }[]) =>
      error === null ? resolve(found) : reject(error),
    ),
  );
  await new Promise<void>((resolve) => other.close(() => resolve()));
  return rows.map((row) => asBigint(row.id));
}
