import assert from 'node:assert/strict';
import { VirtualClock, settle } from '@sluice/kernel/testing/virtual-clock';
import { asBigint, type UnitOfWork } from '@sluice/sdk';
import type { BundleDataService } from '../../../plugins/system/data/adapters/data-service.js';
import { codeOfRejection, onEachDatabase, type TestDatabase } from './databases.js';

const INSERT = 'INSERT INTO core_ledger_note (id) VALUES (?)';

onEachDatabase('unit of work', (fresh) => {
  it('commits when its work resolves and rolls back when it throws', async () => {
    const { data } = await withNotes(await fresh());
    const result = await data.unitOfWork(async (unit) => {
      await unit.execute(INSERT, [1]);
      return 'done';
    });
    const failed = data.unitOfWork(async (unit) => {
      await unit.execute(INSERT, [2]);
      throw new Error('no');
    });
    await assert.rejects(failed, /^Error: no$/);
    assert.deepEqual([result, await notes(data)], ['done', [1n]]);
  });

  it('joins the services of other bundles through the async context', async () => {
    const { database, data } = await withNotes(await fresh());
    const other = database.service('platform.limit');
    const failed = data.unitOfWork(async () => {
      await data.execute(INSERT, [1]);
      await other.unitOfWork(async (unit) => void (await unit.execute(INSERT, [2])));
      await other.execute(INSERT, [3]);
      assert.deepEqual(await notes(other), [1n, 2n, 3n]);
      throw new Error('all of it goes back');
    });
    await assert.rejects(failed, /all of it goes back/);
    assert.deepEqual(await notes(data), []);
  });

  it('rolls back as a whole when a joined part failed, even if the failure was swallowed', async () => {
    const { database, data } = await withNotes(await fresh());
    const other = database.service('platform.limit');
    const outer = data.unitOfWork(async (unit) => {
      await unit.execute(INSERT, [1]);
      await other
        .unitOfWork(async () => {
          throw new Error('limit exceeded');
        })
        .catch(() => undefined);
    });
    await assert.rejects(outer, (error: Error & { code: string }) => {
      assert.equal(error.code, 'DATA_UNIT_ROLLBACK_ONLY');
      assert.match(error.message, /limit exceeded/);
      return true;
    });
    assert.deepEqual(await notes(data), []);
  });

  it('can only roll back after a failed statement, on both databases', async () => {
    const { data } = await withNotes(await fresh());
    const codes: string[] = [];
    const outer = data.unitOfWork(async (unit) => {
      await unit.execute(INSERT, [1]);
      codes.push(await codeOfRejection(unit.execute(INSERT, [1])));
      codes.push(await codeOfRejection(unit.execute(INSERT, [2])));
    });
    codes.push(await codeOfRejection(outer));
    assert.deepEqual(codes, ['DATA_UNIQUE', 'DATA_UNIT_ROLLBACK_ONLY', 'DATA_UNIT_ROLLBACK_ONLY']);
    assert.deepEqual(await notes(data), []);
  });

  it('goes on after a conflict that the statement itself handles', async () => {
    const { data } = await withNotes(await fresh());
    const counts = await data.unitOfWork(async (unit) => [
      await unit.execute(`${INSERT} ON CONFLICT DO NOTHING`, [1]),
      await unit.execute(`${INSERT} ON CONFLICT DO NOTHING`, [1]),
    ]);
    assert.deepEqual(counts, [1, 0]);
  });

  it('calls back after the commit, outside of the unit, and never after a rollback', async () => {
    const { database, data } = await withNotes(await fresh());
    const seen: unknown[] = [];
    await data.unitOfWork(async (unit) => {
      unit.afterCommit(() => {
        throw new Error('not my unit any more');
      });
      unit.afterCommit(() => seen.push(database.units.current()));
      await unit.execute(INSERT, [1]);
      assert.deepEqual(seen, []);
    });
    await data
      .unitOfWork(async (unit) => {
        unit.afterCommit(() => seen.push('after a rollback'));
        throw new Error('no');
      })
      .catch(() => undefined);
    assert.deepEqual(seen, [undefined]);
    assert.deepEqual(database.warnings, ['an afterCommit callback threw']);
  });

  it('refuses calls that come after its end', async () => {
    const { data } = await withNotes(await fresh());
    let release: (() => void) | undefined;
    let kept: UnitOfWork | undefined;
    let detached: Promise<unknown> | undefined;
    let left: Promise<unknown> | undefined;
    await data.unitOfWork(async (unit) => {
      kept = unit;
      const later = new Promise<void>((resolve) => (release = resolve));
      detached = later.then(() => data.execute(INSERT, [1]));
      left = data.leave(async () => {
        await later;
        await data.execute(INSERT, [2]);
      });
      await unit.execute(INSERT, [3]);
    });
    release?.();
    const codes = [
      await codeOfRejection((kept as UnitOfWork).execute(INSERT, [4])),
      await codeOfRejection(detached as Promise<unknown>),
      await codeOfRejection(left as Promise<unknown>),
    ];
    assert.deepEqual(codes, ['DATA_UNIT_ENDED', 'DATA_UNIT_ENDED', 'fulfilled']);
    assert.deepEqual(await notes(data), [2n, 3n]);
  });

  it('rolls back when it ends before its statements do', async () => {
    const { database, data } = await withNotes(await fresh());
    const forgotten = await codeOfRejection(
      data.unitOfWork(async (unit) => {
        void unit.execute(INSERT, [1]).catch(() => undefined);
      }),
    );
    const joined = data.unitOfWork(async () => {
      void database
        .service('platform.limit')
        .unitOfWork(async (unit) => void (await unit.execute(INSERT, [2])))
        .catch(() => undefined);
    });
    assert.deepEqual([forgotten, await codeOfRejection(joined)], ['DATA_STATEMENT_NOT_AWAITED', 'DATA_STATEMENT_NOT_AWAITED']);
    assert.deepEqual(await notes(data), []);
  });

  it('is cut and rolled back when its work never ends, and the bundle is named', async () => {
    const clock = new VirtualClock();
    const { data } = await withNotes(await fresh({ clock }));
    const started = deferred<UnitOfWork>();
    const hanging = data.unitOfWork(
      async (unit) => {
        await unit.execute(INSERT, [1]);
        started.resolve(unit);
        await new Promise(() => undefined);
      },
      { timeoutMs: 1_000 },
    );
    hanging.catch(() => undefined);
    const unit = await started.promise;
    await clock.advance(1_000);
    await assert.rejects(hanging, (error: Error & { code: string; details: object }) => {
      assert.deepEqual(
        [error.code, error.details],
        ['DATA_UNIT_TIMEOUT', { bundle: 'core.ledger', timeoutMs: 1_000, heldMs: 1_000, statementsUnderWay: 0 }],
      );
      return true;
    });
    assert.equal(await codeOfRejection(unit.execute(INSERT, [2])), 'DATA_UNIT_ENDED');
    await data.unitOfWork(async (next) => void (await next.execute(INSERT, [3])));
    assert.deepEqual(await notes(data), [3n]);
  });

  it('stops a statement that runs on when the unit is cut', async () => {
    const clock = new VirtualClock();
    const { data } = await withNotes(await fresh({ clock, settings: { statementTimeoutMs: 60_000 } }));
    const endless =
      data.dialect === 'sqlite'
        ? 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n'
        : 'SELECT pg_sleep(60)';
    const started = deferred<void>();
    const hanging = data.unitOfWork(
      (unit) => {
        const running = unit.query(endless);
        started.resolve();
        return running;
      },
      { timeoutMs: 1_000 },
    );
    hanging.catch(() => undefined);
    await started.promise;
    await beforeStatement(data);
    await clock.advance(1_000);
    assert.equal(await codeOfRejection(hanging), 'DATA_UNIT_TIMEOUT');
    await data.unitOfWork(async (unit) => void (await unit.execute(INSERT, [1])));
    assert.deepEqual(await notes(data), [1n]);
  });

  it('refuses a serializable part inside a read-committed unit', async () => {
    const { data } = await withNotes(await fresh());
    const outer = data.unitOfWork(() => data.unitOfWork(async () => undefined, { isolation: 'serializable' }));
    assert.equal(await codeOfRejection(outer), 'DATA_ISOLATION_MISMATCH');
    await data.unitOfWork(() => data.unitOfWork(async (unit) => void (await unit.execute(INSERT, [1]))), { isolation: 'serializable' });
    assert.deepEqual(await notes(data), [1n]);
  });

  it('runs again from its beginning after a serialisation failure, at most five times', async () => {
    const { data } = await withNotes(await fresh());
    let runs = 0;
    const conflict = Object.assign(new Error('could not serialize'), { code: '40001' });
    const result = await data.unitOfWork(async (unit) => {
      runs += 1;
      await unit.execute(INSERT, [runs]);
      if (runs < 3) throw conflict;
      return runs;
    });
    assert.deepEqual([result, await notes(data)], [3, [3n]]);
    runs = 0;
    const hopeless = data.unitOfWork(async () => {
      runs += 1;
      throw conflict;
    });
    await assert.rejects(hopeless, /could not serialize/);
    assert.equal(runs, 5);
  });

  it('may send its commit with the last statements, which then alone decide', async () => {
    const { data } = await withNotes(await fresh());
    const seen: string[] = [];
    const codes: string[] = [];
    await data.unitOfWork(async (unit) => {
      unit.afterCommit(() => seen.push('committed'));
      await unit.query('SELECT id FROM core_ledger_note');
      const last = [unit.execute(INSERT, [1]), unit.execute(INSERT, [2])];
      unit.finish();
      codes.push(await codeOfRejection(unit.execute(INSERT, [3])));
      await Promise.all(last);
    });
    const failed = data.unitOfWork(async (unit) => {
      unit.afterCommit(() => seen.push('not committed'));
      const last = [unit.execute(INSERT, [4]), unit.execute(INSERT, [1])];
      unit.finish();
      await Promise.all(last);
    });
    codes.push(await codeOfRejection(failed));
    assert.deepEqual([codes, seen, await notes(data)], [['DATA_UNIT_ENDED', 'DATA_UNIQUE'], ['committed'], [1n, 2n]]);
  });

  it('sends no commit behind a statement or an event that could not be sent', async () => {
    const { data } = await withNotes(await fresh());
    const starts: ((unit: UnitOfWork) => Promise<unknown>)[] = [
      (unit) => unit.execute(INSERT, []),
      (unit) => unit.execute('COMMIT'),
      (unit) => unit.emit('bank/posted', 'a', { amount: 1n }),
    ];
    const codes: string[] = [];
    for (const start of starts) {
      const failed = data.unitOfWork(async (unit) => {
        const last = [unit.execute(INSERT, [1]), start(unit)];
        unit.finish();
        await Promise.all(last);
      });
      codes.push(await codeOfRejection(failed));
    }
    assert.deepEqual([codes, await notes(data)], [['DATA_VALUES_MISMATCH', 'DATA_STATEMENT_REFUSED', 'DATA_EVENT_INVALID'], []]);
  });

  it('tells the truth when the work fails after its commit was sent', async () => {
    const { data } = await withNotes(await fresh());
    let runs = 0;
    const failed = data.unitOfWork(async (unit) => {
      runs += 1;
      const last = unit.execute(INSERT, [runs]);
      unit.finish();
      await last;
      throw Object.assign(new Error('too late'), { code: '40001' });
    });
    const code = await codeOfRejection(failed);
    // SQLite commits when the work has resolved, so there it is still time.
    const expected = data.dialect === 'sqlite' ? ['40001', 5, []] : ['DATA_COMMIT_FAILED', 1, [1n]];
    assert.deepEqual([code, runs, await notes(data)], expected);
  });

  it('lets a statement outside wait for the unit and see only what was committed', async () => {
    const { data } = await withNotes(await fresh());
    const written = deferred<void>();
    const release = deferred<void>();
    const unit = data.unitOfWork(async (open) => {
      await open.execute(INSERT, [1]);
      written.resolve();
      await release.promise;
    });
    await written.promise;
    // SQLite answers after the unit, PostgreSQL before: neither shows a row that could still go back.
    const outside = notes(data);
    if (data.dialect === 'postgres') assert.deepEqual(await outside, []);
    release.resolve();
    await unit;
    if (data.dialect === 'sqlite') assert.deepEqual(await outside, [1n]);
  });

  it('refuses everything once the database is closed, after letting what waits finish', async () => {
    const { database, data } = await withNotes(await fresh());
    const written = deferred<void>();
    const release = deferred<void>();
    const unit = data.unitOfWork(async (open) => {
      await open.execute(INSERT, [1]);
      written.resolve();
      await release.promise;
    });
    await written.promise;
    const closing = database.engine.close();
    assert.equal(await codeOfRejection(data.execute(INSERT, [2])), 'DATA_CLOSED');
    release.resolve();
    await Promise.all([unit, closing]);
    assert.equal(await codeOfRejection(data.unitOfWork(async () => undefined)), 'DATA_CLOSED');
  });
});

async function withNotes(database: TestDatabase): Promise<{ database: TestDatabase; data: BundleDataService }> {
  const data = database.service('core.ledger');
  await data.execute('CREATE TABLE core_ledger_note (id bigint PRIMARY KEY)');
  return { database, data };
}

async function notes(data: BundleDataService): Promise<bigint[]> {
  return (await data.query('SELECT id FROM core_ledger_note ORDER BY id')).map((row) => asBigint(row['id']));
}

/** Waits until PostgreSQL runs the statement of a unit: a request to cancel what has not begun would be lost. */
async function beforeStatement(data: BundleDataService): Promise<void> {
  if (data.dialect === 'sqlite') return;
  const running = "SELECT 1 FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%pg_sleep(60)%' AND pid <> pg_backend_pid()";
  while ((await data.query(running)).length === 0) await settle();
}

function deferred<T>(): { promise: Promise<T>; resolve(value: T): void } {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((done) => (resolve = done));
  return { promise, resolve };
}
