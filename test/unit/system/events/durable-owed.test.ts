/** Promises of durable events over time: owed over stops and restarts, through trouble of the outbox, taken by one revision only. */
import { deepStrictEqual as equal } from 'node:assert';
import { settle } from '@sluice/kernel/testing/virtual-clock';
import { MemoryOutbox } from './memory-outbox.js';
import { SETTINGS, setupPump, State } from './pump-bench.js';

describe('system.events owed events', () => {
  it('keeps events for a handler whose bundle is stopped, and delivers them when it is back', async () => {
    const { outbox, durable, presence, run } = await setupPump();
    const first = durable('t', 'a');
    const other = durable('t', 'b', 'two').handler;
    await settle();
    first.withdraw();
    presence.set('one', 'stopped');
    await settle();
    outbox.emit('t', 'k', { n: 1 });
    outbox.emit('u', 'free', { n: 2 });
    await run(600_000);
    equal([outbox.waiting, other.seen, await outbox.parked(1)], [['1'], ['k:1'], []]);
    presence.set('one', 'active');
    const second = durable('t', 'a', 'one', '2.0.0');
    await settle();
    equal([first.handler.seen, second.handler.seen, other.seen, outbox.waiting], [[], ['k:1'], ['k:1'], []]);
  });

  it('keeps events for handlers of before a restart that have not come yet', async () => {
    const first = await setupPump();
    first.durable('t', 'a');
    await settle();
    await first.stop();
    first.outbox.emit('t', 'k', { n: 1 });
    const second = await setupPump(first);
    second.presence.set('one', 'stopped');
    await second.run(5_000);
    equal(first.outbox.waiting, ['1']);
    const { handler } = second.durable('t', 'a');
    await settle();
    equal([handler.seen, first.outbox.waiting], [['k:1'], []]);
  });

  it('does not deliver twice what was handled before a crash, and delivers what was not', async () => {
    const outbox = new MemoryOutbox();
    outbox.emit('t', 'k', { n: 1 });
    await outbox.markHandled('one/a', '1');
    const state = new State();
    state.text = JSON.stringify({ handlers: { 'one/a': { bundle: 'one', topic: 't' }, 'one/b': { bundle: 'one', topic: 't' } } });
    const { durable } = await setupPump({ outbox, state });
    const [a, b] = [durable('t', 'a').handler, durable('t', 'b').handler];
    await settle();
    equal([a.seen, b.seen, outbox.waiting], [[], ['k:1'], []]);
  });

  it('forgets handlers of uninstalled bundles at once, and of running bundles after a while', async () => {
    const { outbox, durable, presence, state, lines, run } = await setupPump();
    const [gone, dropped] = [durable('t', 'a', 'gone'), durable('t', 'b', 'renamed')];
    await settle();
    gone.withdraw();
    dropped.withdraw();
    await settle();
    presence.set('gone', 'absent');
    outbox.emit('t', 'k', { n: 1 });
    await run(50_000);
    equal(JSON.parse(state.text ?? ''), { handlers: { 'renamed/b': { bundle: 'renamed', topic: 't' } } });
    equal(outbox.waiting, ['1']);
    await run(20_000);
    equal([JSON.parse(state.text ?? ''), outbox.waiting], [{ handlers: {} }, []]);
    equal(lines.filter((line) => line.includes('EVENT_HANDLER_DROPPED')).length, 1);
  });

  it('never parks an event while somebody who is owed it is not there', async () => {
    const { outbox, durable, presence, run } = await setupPump();
    const away = durable('t', 'away', 'two');
    const { handler } = durable('t', 'a');
    await settle();
    away.withdraw();
    presence.set('two', 'stopped');
    handler.failure = new Error('always');
    await settle();
    outbox.emit('t', 'k', { n: 1 });
    await run(600_000);
    equal([await outbox.parked(1), outbox.waiting], [[], ['1']]);
  });

  it('delivers nothing before it is written down who is owed it', async () => {
    const { outbox, durable, state, lines, run } = await setupPump();
    state.failure = new Error('disk full');
    const { handler } = durable('t', 'a');
    outbox.emit('t', 'k', { n: 1 });
    await run(5_000);
    equal([handler.seen, lines.length], [[], 1]);
    state.failure = null;
    await run(1_000);
    equal(handler.seen, ['k:1']);
  });
});

describe('system.events outbox trouble', () => {
  it('waits while the outbox fails or is not there, says so once, and goes on by itself', async () => {
    const { outbox, durable, lines, facts, run } = await setupPump();
    const { handler } = durable('t', 'a');
    await settle();
    outbox.failure = new Error('database is locked');
    outbox.emit('t', 'k', { n: 1 });
    await run(10_000);
    facts.outboxThere = false;
    await run(10_000);
    equal(
      [handler.seen, lines],
      [[], ['warn EVENT_OUTBOX_TROUBLE Durable events wait: database is locked. Delivery goes on by itself when the cause is gone']],
    );
    facts.outboxThere = true;
    outbox.failure = null;
    await run(2_000);
    equal([handler.seen, outbox.waiting], [['k:1'], []]);
  });

  it('delivers again when the mark could not be written, without counting it as a failed attempt', async () => {
    const { outbox, durable, run } = await setupPump({ settings: { attemptsMax: 1 } });
    const { handler } = durable('t', 'a');
    const { markHandled } = outbox;
    outbox.markHandled = () => Promise.reject(new Error('database is locked'));
    outbox.emit('t', 'k', { n: 1 });
    await settle();
    outbox.markHandled = markHandled;
    await run(2_000);
    equal([handler.seen, outbox.waiting, await outbox.parked(1)], [['k:1', 'k:1'], [], []]);
  });

  it('sweeps what was delivered once an hour', async () => {
    const { outbox, clock, stop, run } = await setupPump();
    const startedAt = clock.now();
    await run(3 * 3_600_000 + 60_000);
    equal(
      outbox.sweeps.map((at) => Math.floor((at - startedAt + SETTINGS.keepDeliveredMs) / 3_600_000)),
      [1, 2, 3],
    );
    await stop();
  }).timeout(60_000);
});

describe('system.events ownership', () => {
  it('takes nothing while another revision is the current one, and waits for its deliveries afterwards', async () => {
    const { outbox, durable, facts, run } = await setupPump({ current: 'other' });
    facts.current = 'other';
    const { handler } = durable('t', 'a');
    outbox.emit('t', 'k', { n: 1 });
    await run(5_000);
    equal(handler.seen, []);
    facts.current = 'own';
    await run(10_000);
    equal(handler.seen, []);
    await run(2_000);
    equal(handler.seen, ['k:1']);
  });

  it('takes events at once when it is the first revision ever', async () => {
    const { outbox, durable, run, facts } = await setupPump({ current: 'none' });
    const { handler } = durable('t', 'a');
    outbox.emit('t', 'k', { n: 1 });
    await run(1_000);
    equal(handler.seen, []);
    facts.current = 'own';
    await run(1_000);
    equal(handler.seen, ['k:1']);
  });

  it('takes events as soon as the other revision says that its deliveries are over', async () => {
    const { outbox, durable, run, facts, pump } = await setupPump({ current: 'other' });
    facts.current = 'other';
    const { handler } = durable('t', 'a');
    outbox.emit('t', 'k', { n: 1 });
    await run(1_000);
    let over: () => void = () => undefined;
    pump.handedOver(new Promise((resolve) => (over = resolve)));
    facts.current = 'own';
    await run(3_000);
    equal(handler.seen, []);
    over();
    await settle();
    equal(handler.seen, ['k:1']);
  });

  it('is idle when the event under way is over, and takes no further one after the switch', async () => {
    const { outbox, durable, run, facts, pump } = await setupPump();
    const { handler } = durable('t', 'a');
    handler.hold = true;
    outbox.emit('t', 'k', { n: 1 });
    outbox.emit('t', 'k', { n: 2 });
    await settle();
    facts.current = 'other';
    let idle = false;
    void pump.idle().then(() => (idle = true));
    await run(2_000);
    equal(idle, false);
    handler.open.get('k')?.();
    await settle();
    equal([idle, handler.seen, outbox.waiting], [true, ['k:1'], ['2']]);
  });

  it('stops between two events of a key when it is no longer the current one', async () => {
    const { outbox, durable, facts, run } = await setupPump();
    const { handler } = durable('t', 'a');
    handler.hold = true;
    outbox.rows.push({ id: '1', topic: 't', key: 'k', payload: { n: 1 }, at: 1, done: false, parked: null });
    outbox.emit('t', 'k', { n: 2 });
    await settle();
    facts.current = 'other';
    handler.open.get('k')?.();
    await run(5_000);
    equal([handler.seen, outbox.waiting], [['k:1'], ['2']]);
  });

  it('waits for deliveries under way when it stops, in bounded time', async () => {
    const { outbox, durable, clock, pump, run } = await setupPump();
    const { handler } = durable('t', 'a');
    handler.hold = true;
    outbox.emit('t', 'k', { n: 1 });
    await settle();
    let stopped = false;
    const stopping = pump.stop().then(() => (stopped = true));
    await run(1_000);
    equal(stopped, false);
    handler.open.get('k')?.();
    await stopping;
    equal([outbox.waiting, clock.pending], [[], 0]);
  });
});
