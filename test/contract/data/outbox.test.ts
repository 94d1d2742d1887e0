import assert from 'node:assert/strict';
import { VirtualClock } from '@sluice/kernel/testing/virtual-clock';
import { SqlOutbox } from '../../../plugins/system/data/adapters/outbox.js';
import { SharedExecutor } from '../../../plugins/system/data/adapters/shared-executor.js';
import type { DataClock } from '../../../plugins/system/data/domain/settings.js';
import { codeOfRejection, onEachDatabase, type TestDatabase } from './databases.js';

onEachDatabase('outbox', (fresh) => {
  it('holds the events of committed units only, in the order of their ids', async () => {
    const clock = new VirtualClock(1_000);
    const { data, outbox } = parts(await fresh({ clock }), clock);
    await data.unitOfWork(async (unit) => {
      await unit.emit('bank/posted', 'a', { amount: '12', list: [1, null, 'é?'] });
      await unit.emit('bank/posted', 'b', null);
    });
    await codeOfRejection(
      data.unitOfWork(async (unit) => {
        await unit.emit('bank/posted', 'a', 'lost');
        throw new Error('no');
      }),
    );
    await data.unitOfWork((unit) => unit.emit('bank/posted', 'a', 3));
    const events = await outbox.take(10);
    assert.deepEqual(
      events.map(({ topic, key, payload, at }) => ({ topic, key, payload, at })),
      [
        { topic: 'bank/posted', key: 'a', payload: { amount: '12', list: [1, null, 'é?'] }, at: 1_000 },
        { topic: 'bank/posted', key: 'b', payload: null, at: 1_000 },
        { topic: 'bank/posted', key: 'a', payload: 3, at: 1_000 },
      ],
    );
    assert.deepEqual(
      [...events].sort((a, b) => Number(BigInt(a.id) - BigInt(b.id))),
      events,
    );
    assert.equal(await outbox.pending(), 3);
  });

  it('gives each event until it is done or parked, and passes over keys on request', async () => {
    const { data, outbox } = parts(await fresh());
    await data.unitOfWork(async (unit) => {
      for (const key of ['a', 'b', 'a', 'c']) await unit.emit('t', key, key);
    });
    const [a1, b, a2, c] = await outbox.take(10);
    const keys = async (...except: string[]) => (await outbox.take(10, except)).map((event) => event.key);
    assert.deepEqual(
      [await keys('a'), await keys('a', 'c'), (await outbox.take(2)).map((event) => event.id)],
      [['b', 'c'], ['b'], [a1?.id, b?.id]],
    );
    await outbox.done([a1?.id as string, c?.id as string]);
    await outbox.done([]);
    await outbox.park(b?.id as string, 'no handler can read it');
    assert.deepEqual([(await outbox.take(10)).map((event) => event.id), await outbox.pending()], [[a2?.id], 1]);
    const parked = await data.query('SELECT parked_reason FROM sluice_outbox WHERE parked_at IS NOT NULL');
    assert.deepEqual(parked, [{ parked_reason: 'no handler can read it' }]);
  });

  it('remembers what a handler handled, in the unit that handled it', async () => {
    const { data, outbox } = parts(await fresh());
    const marks = [
      await outbox.markHandled('notice', '7'),
      await outbox.markHandled('notice', '7'),
      await outbox.markHandled('points', '7'),
    ];
    await codeOfRejection(
      data.unitOfWork(async () => {
        marks.push(await outbox.markHandled('notice', '8'));
        throw new Error('the handler failed');
      }),
    );
    assert.deepEqual(marks, [true, false, true, true]);
    assert.deepEqual([await outbox.isHandled('notice', '7'), await outbox.isHandled('notice', '8')], [true, false]);
  });

  it('is swept of what is old, but keeps the mark of an event that may come again', async () => {
    const clock = new VirtualClock(1_000);
    const { data, outbox } = parts(await fresh({ clock }), clock);
    await data.unitOfWork((unit) => unit.emit('t', 'a', 1));
    await data.unitOfWork((unit) => unit.emit('t', 'a', 2));
    const [first, second] = await outbox.take(10);
    for (const event of [first, second]) await outbox.markHandled('notice', event?.id as string);
    await outbox.done([first?.id as string]);
    assert.equal(await outbox.sweep(1_000), 0);
    await clock.advance(5_000);
    assert.equal(await outbox.sweep(2_000), 2);
    assert.deepEqual(
      [
        await outbox.isHandled('notice', first?.id as string),
        await outbox.isHandled('notice', second?.id as string),
        await outbox.pending(),
      ],
      [false, true, 1],
    );
  });

  it('calls back after commits that left events, outside of the unit', async () => {
    const database = await fresh();
    const { data, outbox } = parts(database);
    const seen: unknown[] = [];
    const undo = outbox.onCommitted(() => seen.push(database.units.current()));
    await data.unitOfWork((unit) => unit.emit('t', 'a', 1));
    await data.unitOfWork((unit) => unit.query('SELECT 1 AS a'));
    await codeOfRejection(data.unitOfWork((unit) => unit.emit('t', 'a', 1).then(() => Promise.reject(new Error('no')))));
    undo();
    await data.unitOfWork((unit) => unit.emit('t', 'a', 2));
    assert.deepEqual(seen, [undefined]);
  });

  it('refuses payloads that are no plain, bounded data', async () => {
    const { data } = parts(await fresh());
    const payloads: unknown[] = [undefined, () => 1, { amount: 1n }, 'x'.repeat(300_000)];
    const codes: string[] = [];
    for (const payload of payloads) codes.push(await codeOfRejection(data.unitOfWork((unit) => unit.emit('t', 'a', payload))));
    assert.deepEqual(codes, new Array(4).fill('DATA_EVENT_INVALID'));
  });
});

function parts(database: TestDatabase, clock: Pick<DataClock, 'now'> = Date) {
  const db = new SharedExecutor('system.data', database.engine, database.units);
  const onEvents = (callback: () => void) => database.units.onEvents(callback);
  return { data: database.service('core.ledger'), outbox: new SqlOutbox({ db, dialect: database.dialect, clock, onEvents }) };
}
