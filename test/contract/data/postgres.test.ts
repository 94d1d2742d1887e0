/** What only a server can do to its clients: deadlocks, lost races, cut connections, full pools. */
import assert from 'node:assert/strict';
import { VirtualClock } from '@sluice/kernel/testing/virtual-clock';
import { asBigint, type UnitOfWork } from '@sluice/sdk';
import { needServer, POSTGRES_URL } from '../../support/servers.js';
import type { BundleDataService } from '../../../plugins/system/data/adapters/data-service.js';
import { PostgresEngine } from '../../../plugins/system/data/adapters/postgres/engine.js';
import { DEFAULT_SETTINGS } from '../../../plugins/system/data/domain/settings.js';
import { codeOfRejection, postgresPlace, type OpenOptions, type Place, type TestDatabase } from './databases.js';

const ADD = 'UPDATE core_ledger_account SET balance = balance + 1 WHERE id = ?';

describe('PostgreSQL under its clients', function () {
  this.timeout(20_000);
  let place: Place;
  let database: TestDatabase;
  let data: BundleDataService;

  before(async function () {
    await needServer(this, 'PostgreSQL', POSTGRES_URL);
  });
  beforeEach(async () => void (place = await postgresPlace()));
  afterEach(async () => {
    await database.close();
    await place.dispose();
  });

  async function open(options?: OpenOptions): Promise<void> {
    database = await place.open(options);
    data = database.service('core.ledger');
    await data.execute('CREATE TABLE core_ledger_account (id bigint PRIMARY KEY, balance bigint NOT NULL)');
    await data.execute('INSERT INTO core_ledger_account VALUES (1, 0), (2, 0)');
  }

  async function balances(): Promise<bigint[]> {
    return (await data.query('SELECT balance FROM core_ledger_account ORDER BY id')).map((row) => asBigint(row['balance']));
  }

  it('runs the victim of a deadlock again', async () => {
    await open({ settings: { lockTimeoutMs: 10_000, statementTimeoutMs: 10_000 } });
    const meet = barrier(2);
    let runs = 0;
    const crossing = (first: number, second: number) =>
      data.unitOfWork(async (unit) => {
        runs += 1;
        await unit.execute(ADD, [first]);
        if (runs <= 2) await meet();
        await unit.execute(ADD, [second]);
      });
    await Promise.all([crossing(1, 2), crossing(2, 1)]);
    assert.deepEqual([runs, await balances()], [3, [2n, 2n]]);
  });

  it('runs a serializable unit again that lost a race, also when only the commit shows it', async () => {
    await open();
    const meet = barrier(2);
    let runs = 0;
    const both = (id: number) =>
      data.unitOfWork(
        async (unit) => {
          runs += 1;
          const [row] = await unit.query('SELECT sum(balance) AS total FROM core_ledger_account');
          if (runs <= 2) await meet();
          await unit.execute('UPDATE core_ledger_account SET balance = ? WHERE id = ?', [asBigint(row?.['total']) + 1n, id]);
        },
        { isolation: 'serializable' },
      );
    await Promise.all([both(1), both(2)]);
    assert.ok(runs >= 3, `the units ran ${runs} times`);
    assert.deepEqual(new Set(await balances()), new Set([1n, 2n]));
  });

  it('fails the unit whose connection is cut, and serves the next over a new one', async () => {
    await open({ settings: { connectionsMax: 2 } });
    const failed = data.unitOfWork(async (unit) => {
      await unit.execute(ADD, [1]);
      const [row] = await unit.query('SELECT pg_backend_pid() AS pid');
      await data.leave(() => data.query('SELECT pg_terminate_backend(?)', [row?.['pid'] as number]));
      await unit.execute(ADD, [2]);
    });
    assert.equal(await codeOfRejection(failed), 'DATA_CONNECTION_LOST');
    for (let use = 0; use < 4; use += 1) await data.unitOfWork(async (unit) => void (await unit.execute(ADD, [1])));
    assert.deepEqual(await balances(), [4n, 0n]);
  });

  it('drops an idle connection that the server closed', async () => {
    await open({ settings: { connectionsMax: 2 } });
    const pids = await Promise.all([1, 2].map(() => data.query('SELECT pg_backend_pid() AS pid, pg_sleep(0.05)')));
    const [first, second] = pids.map((rows) => rows[0]?.['pid'] as number);
    assert.notEqual(first, second);
    await data.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = ANY (?::int[]) AND pid <> pg_backend_pid()', [
      `{${first},${second}}`,
    ]);
    await database.service('core.ledger').query('SELECT pg_sleep(0.05)');
    assert.deepEqual(await balances(), [0n, 0n]);
  });

  it('names the bundle that has held a connection longest when a wait is over', async () => {
    const clock = new VirtualClock();
    await open({ clock, settings: { connectionsMax: 1, waitTimeoutMs: 500 } });
    const inside = deferred<UnitOfWork>();
    const release = deferred<void>();
    const holding = database.service('business.report').unitOfWork(async (unit) => {
      inside.resolve(unit);
      await release.promise;
    });
    await inside.promise;
    const waiting = data.query('SELECT 1');
    waiting.catch(() => undefined);
    await clock.advance(500);
    await assert.rejects(waiting, (error: Error & { code: string; details: object }) => {
      assert.deepEqual(
        [error.code, error.details],
        ['DATA_POOL_TIMEOUT', { bundle: 'core.ledger', waitMs: 500, holder: 'business.report', heldMs: 500, waiting: 0 }],
      );
      return true;
    });
    release.resolve();
    await holding;
    assert.deepEqual(await balances(), [0n, 0n]);
  });

  it('refuses a use when too many wait already', async () => {
    await open({ settings: { connectionsMax: 1, waitingMax: 2 } });
    const outcomes = await Promise.all([1, 2, 3, 4].map(() => codeOfRejection(data.execute(ADD, [1]))));
    assert.deepEqual(outcomes, ['fulfilled', 'fulfilled', 'fulfilled', 'DATA_POOL_QUEUE_FULL']);
  });

  it('gives up a statement and a lock after their times', async () => {
    await open({ settings: { statementTimeoutMs: 200, lockTimeoutMs: 50 } });
    const held = deferred<void>();
    const release = deferred<void>();
    const holding = data.unitOfWork(async (unit) => {
      await unit.execute(ADD, [1]);
      held.resolve();
      await release.promise;
    });
    await held.promise;
    const codes = [await codeOfRejection(data.execute(ADD, [1])), await codeOfRejection(data.query('SELECT pg_sleep(5)'))];
    release.resolve();
    await holding;
    assert.deepEqual(codes, ['DATA_LOCK_TIMEOUT', 'DATA_STATEMENT_TIMEOUT']);
  });

  it('does not leave a failed statement of a pipeline unnoticed', async () => {
    await open();
    const failed = data.unitOfWork(async (unit) => {
      await Promise.allSettled([
        unit.execute(ADD, [1]),
        unit.execute('INSERT INTO core_ledger_account VALUES (1, 0)'),
        unit.execute(ADD, [2]),
      ]);
    });
    assert.equal(await codeOfRejection(failed), 'DATA_UNIT_ROLLBACK_ONLY');
    assert.deepEqual(await balances(), [0n, 0n]);
  });

  it('says that it cannot connect without showing the password', async () => {
    await open();
    const log = { info: () => undefined, warn: () => undefined };
    const parts = { clock: new VirtualClock(), settings: DEFAULT_SETTINGS, log };
    await assert.rejects(PostgresEngine.open('postgres://sluice:hush@127.0.0.1:1/none', parts), (error: Error & { code: string }) => {
      assert.equal(error.code, 'DATA_CONNECTION_FAILED');
      assert.doesNotMatch(JSON.stringify([error.message, error]), /hush/);
      return true;
    });
  });

  it('does not copy itself and says what does', async () => {
    await open();
    assert.match((await database.engine.backup('/nowhere'))?.elsewhere ?? '', /pg_dump/);
  });
});

/** Lets so many callers pass at once. */
function barrier(count: number): () => Promise<void> {
  let waiting = 0;
  const all = deferred<void>();
  return async () => {
    if (++waiting >= count) all.resolve();
    await all.promise;
  };
}

function deferred<T>(): { promise: Promise<T>; resolve(value: T): void } {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((done) => (resolve = done));
  return { promise, resolve };
}
