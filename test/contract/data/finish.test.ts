import assert from 'node:assert/strict';
import { asBigint } from '@sluice/sdk';
import type { BundleDataService } from '../../../plugins/system/data/adapters/data-service.js';
import { codeOfRejection, onEachDatabase, type TestDatabase } from './databases.js';

const INSERT = 'INSERT INTO core_ledger_note (id) VALUES (?)';

onEachDatabase('finishing a unit of work early', (fresh) => {
  it('commits what was started, events included, in its order', async () => {
    const { database, data } = await withNotes(await fresh());
    let committed = 0;
    await data.unitOfWork(async (unit) => {
      await unit.execute(INSERT, [1]);
      unit.afterCommit(() => (committed += 1));
      const sent = [unit.execute(INSERT, [2]), unit.emit('notes', 'k', { id: 2 })];
      unit.finish();
      await Promise.all(sent);
    });
    assert.deepEqual([await notes(data), committed], [[1n, 2n], 1]);
    assert.equal((await database.service('test').query('SELECT topic FROM sluice_outbox')).length, 1);
    // The connection is clean: the next unit is a new one.
    await data.unitOfWork((unit) => unit.execute(INSERT, [3]));
    assert.deepEqual(await notes(data), [1n, 2n, 3n]);
  });

  it('commits nothing when one of the statements fails', async () => {
    const { data } = await withNotes(await fresh());
    const unit = data.unitOfWork(async (open) => {
      await open.execute(INSERT, [1]);
      const sent = [open.execute(INSERT, [1]), open.execute(INSERT, [2])];
      open.finish();
      const [failed] = (await Promise.allSettled(sent)).filter((outcome) => outcome.status === 'rejected');
      throw failed?.reason;
    });
    assert.equal(await codeOfRejection(unit), 'DATA_UNIQUE');
    assert.deepEqual(await notes(data), []);
    await data.unitOfWork((open) => open.execute(INSERT, [3]));
    assert.deepEqual(await notes(data), [3n]);
  });

  it('takes no statement afterwards', async () => {
    const { data } = await withNotes(await fresh());
    const codes: string[] = [];
    await data.unitOfWork(async (unit) => {
      const sent = unit.execute(INSERT, [1]);
      unit.finish();
      codes.push(await codeOfRejection(unit.execute(INSERT, [2])), await codeOfRejection(data.execute(INSERT, [3])));
      await sent;
    });
    assert.deepEqual(codes, ['DATA_UNIT_ENDED', 'DATA_UNIT_ENDED']);
    assert.deepEqual(await notes(data), [1n]);
  });

  it('changes nothing in a unit that was joined: the outer one goes on, and decides', async () => {
    const { database, data } = await withNotes(await fresh());
    const other = database.service('platform.limit');
    const outer = data.unitOfWork(async (unit) => {
      await other.unitOfWork(async (inner) => {
        const sent = inner.execute(INSERT, [1]);
        inner.finish();
        await sent;
      });
      await unit.execute(INSERT, [2]);
      throw new Error('no');
    });
    await assert.rejects(outer, /^Error: no$/);
    assert.deepEqual(await notes(data), []);
  });
});

async function withNotes(database: TestDatabase): Promise<{ database: TestDatabase; data: BundleDataService }> {
  const data = database.service('core.ledger');
  await data.execute('CREATE TABLE core_ledger_note (id BIGINT PRIMARY KEY)');
  return { database, data };
}

async function notes(data: BundleDataService): Promise<bigint[]> {
  return (await data.query('SELECT id FROM core_ledger_note ORDER BY id')).map((row) => asBigint(row.id));
}
