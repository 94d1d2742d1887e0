/** Promises of durable events: at least once, in order per key, retried, parked. */
import { deepStrictEqual as equal } from 'node:assert';
import { settle } from '@sluice/kernel/testing/virtual-clock';
import { afterFailure } from '../../../../plugins/system/events/domain/retries.js';
import { Recorder, viewOf } from './event-bench.js';
import { setupPump } from './pump-bench.js';

describe('system.events durable delivery', () => {
  it('delivers committed events to every durable handler, marks each, and is done', async () => {
    const { outbox, durable } = await setupPump();
    const [a, b] = [durable('t/*', 'a'), durable('t/x', 'b')];
    outbox.emit('t/x', 'k', { n: 1 });
    outbox.emit('t/y', 'k', { n: 2 });
    await settle();
    equal([a.handler.seen, b.handler.seen], [['k:1', 'k:2'], ['k:1']]);
    equal([...outbox.marks].sort(), ['one/a#1', 'one/a#2', 'one/b#1']);
    equal(outbox.waiting, []);
  });

  it('gives them to transient handlers too, once, and does not wait for those', async () => {
    const { outbox, durable, table, run } = await setupPump();
    const transient = new Recorder('t', 'transient');
    transient.hold = true;
    table.add(transient, viewOf('two'));
    const { handler } = durable('t', 'a');
    handler.failure = new Error('first time');
    outbox.emit('t', 'k', { n: 1 });
    await settle();
    handler.failure = null;
    await run(1_000);
    equal([transient.seen, handler.seen, outbox.waiting], [['k:1'], ['k:1', 'k:1'], []]);
  });

  it('is done at once with events nobody is owed', async () => {
    const { outbox } = await setupPump();
    outbox.emit('nobody', 'k');
    await settle();
    equal(outbox.waiting, []);
  });

  it('finds events that no commit told of, within the poll period', async () => {
    const { outbox, durable, clock, stop, run } = await setupPump();
    const { handler } = durable('t', 'a');
    await settle();
    outbox.rows.push({ id: '1', topic: 't', key: 'k', payload: { n: 1 }, at: 1, done: false, parked: null });
    await run(1_000);
    equal(handler.seen, ['k:1']);
    await stop();
    equal(clock.pending, 0);
  });

  it('keeps the order of a key and does not let one key hold up another', async () => {
    const { outbox, durable } = await setupPump();
    const { handler } = durable('t', 'a');
    handler.hold = true;
    for (const [key, n] of [
      ['x', 1],
      ['x', 2],
      ['y', 1],
      ['x', 3],
      ['y', 2],
    ] as const)
      outbox.emit('t', key, { n });
    await settle();
    equal(handler.seen, ['x:1', 'y:1']);
    handler.hold = false;
    handler.open.get('y')?.();
    await settle();
    equal(handler.seen, ['x:1', 'y:1', 'y:2']);
    handler.open.get('x')?.();
    await settle();
    equal(handler.seen, ['x:1', 'y:1', 'y:2', 'x:2', 'x:3']);
    equal(outbox.waiting, []);
  });

  it('works on a bounded number of keys and gets through a long outbox in few statements', async () => {
    const { outbox, durable } = await setupPump({ settings: { deliveriesMax: 5 } });
    const { handler } = durable('t', 'a');
    for (let index = 0; index < 500; index++)
      outbox.rows.push({
        id: String(index + 1),
        topic: 't',
        key: `k${index % 50}`,
        payload: { n: index },
        at: 1,
        done: false,
        parked: null,
      });
    outbox.emit('t', 'last', { n: 500 });
    for (let turn = 0; turn < 200 && outbox.waiting.length > 0; turn++) await settle();
    equal([handler.seen.length, outbox.waiting], [501, []]);
    equal(outbox.doneCalls < 501, true, `${outbox.doneCalls} statements`);
  });
});

describe('system.events retries', () => {
  it('doubles the wait up to a limit, then parks', () => {
    const settings = { attemptsMax: 6, retryMinMs: 100, retryMaxMs: 1_000 };
    equal(
      [1, 2, 3, 4, 5, 6, 7].map((attempts) => afterFailure(attempts, settings)),
      [100, 200, 400, 800, 1_000, 'park', 'park'],
    );
  });

  it('tries again after a wait, only where it failed, before anything later of the key', async () => {
    const { outbox, durable, run } = await setupPump();
    const [good, bad] = [durable('t', 'good').handler, durable('t', 'bad').handler];
    bad.failure = new Error('busy');
    outbox.emit('t', 'k', { n: 1 });
    outbox.emit('t', 'k', { n: 2 });
    outbox.emit('t', 'other', { n: 9 });
    await run(999);
    equal(
      [good.seen, bad.seen],
      [
        ['k:1', 'other:9'],
        ['k:1', 'other:9'],
      ],
    );
    bad.failure = null;
    await run(1);
    equal(
      [good.seen, bad.seen],
      [
        ['k:1', 'other:9', 'k:2'],
        ['k:1', 'other:9', 'k:1', 'k:2', 'other:9'],
      ],
    );
    equal(outbox.waiting, []);
  });

  it('parks a poison event with its reason after the last attempt, and the key moves on', async () => {
    const { outbox, durable, lines, run } = await setupPump();
    const { handler } = durable('t', 'a');
    handler.failure = new Error('cannot parse');
    outbox.emit('t', 'k', { n: 1 });
    outbox.emit('t', 'k', { n: 2 });
    await run(1_000);
    handler.handle = function (event) {
      this.seen.push(`${event.key}:${(event.payload as { n: number }).n}`);
      if ((event.payload as { n: number }).n === 1) throw new Error('cannot parse');
    };
    await run(2_000);
    equal(handler.seen, ['k:1', 'k:1', 'k:1', 'k:2']);
    equal(await outbox.parked(10), [
      {
        id: '1',
        topic: 't',
        key: 'k',
        payload: { n: 1 },
        at: 1,
        parkedAt: 2,
        reason: '3 attempts failed; one/a: UNEXPECTED, cannot parse',
      },
    ]);
    equal(lines.at(-1), "error EVENT_PARKED Event 1 of 't' is parked after 3 attempts: one/a: UNEXPECTED, cannot parse");
    await outbox.release('1');
    handler.handle = (event) => void handler.seen.push(`again ${event.id}`);
    await run(1_000);
    equal([handler.seen.at(-1), outbox.waiting], ['again 1', []]);
  });

  it('counts attempts of each event for itself', async () => {
    const { outbox, durable, run } = await setupPump();
    const { handler } = durable('t', 'a');
    for (const n of [1, 2, 3]) outbox.emit('t', 'k', { n });
    handler.handle = (event) => {
      handler.seen.push(event.id);
      if (handler.seen.filter((id) => id === event.id).length < 3) throw new Error('twice');
    };
    await run(60_000);
    equal([handler.seen, await outbox.parked(1)], [['1', '1', '1', '2', '2', '2', '3', '3', '3'], []]);
  });

  it('takes a handler that exceeds its time limit for failed', async () => {
    const { outbox, durable, run } = await setupPump();
    const { handler } = durable('t', 'a');
    handler.hold = true;
    outbox.emit('t', 'k', { n: 1 });
    await run(10_000);
    handler.hold = false;
    await run(1_000);
    equal([handler.seen, outbox.waiting], [['k:1', 'k:1'], []]);
  });
});
