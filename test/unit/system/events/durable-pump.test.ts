/** Promises of durable events: at least once, in order per key, retried, parked, owed over restarts, taken by one revision only. */
import { deepStrictEqual as equal } from 'node:assert';
import { settle } from '@sluice/kernel/testing/virtual-clock';
import { DurablePump, type PumpSettings } from '../../../../plugins/system/events/domain/durable-pump.js';
import type { CurrentRevision } from '../../../../plugins/system/events/domain/ownership.js';
import { afterFailure } from '../../../../plugins/system/events/domain/retries.js';
import { Subscriptions, type BundlePresence, type StatePort } from '../../../../plugins/system/events/domain/subscriptions.js';
import { Recorder, setupTable, viewOf } from './event-bench.js';
import { MemoryOutbox } from './memory-outbox.js';

class State implements StatePort {
  text: string | null = null;
  failure: Error | null = null;
  async read(): Promise<string | null> {
    return this.text;
  }
  async write(text: string): Promise<void> {
    if (this.failure !== null) throw this.failure;
    this.text = text;
  }
}

const SETTINGS: PumpSettings = {
  attemptsMax: 3,
  retryMinMs: 1_000,
  retryMaxMs: 60_000,
  deliveriesMax: 8,
  pollMs: 1_000,
  keepDeliveredMs: 86_400_000,
};

async function setup(shared: { outbox?: MemoryOutbox; state?: State; settings?: Partial<PumpSettings>; current?: CurrentRevision } = {}) {
  const bench = setupTable();
  const outbox = shared.outbox ?? new MemoryOutbox();
  const state = shared.state ?? new State();
  const presence = new Map<string, BundlePresence>();
  const facts = { current: shared.current ?? ('own' as CurrentRevision), outboxThere: true };
  const subscriptions = await Subscriptions.load({
    port: state,
    log: bench.log,
    monotonic: () => bench.clock.monotonic(),
    presenceOf: (bundle) => presence.get(bundle) ?? 'active',
    absentHandlerMs: () => 60_000,
  });
  const pump = new DurablePump(
    {
      clock: bench.clock,
      log: bench.log,
      table: bench.table,
      subscriptions,
      outbox: () => (facts.outboxThere ? outbox : undefined),
      currentRevision: () => facts.current,
    },
    { ...SETTINGS, ...shared.settings },
  );
  bench.table.listener = {
    durableAdded: (id, bundle, topic) => {
      subscriptions.added(id, bundle, topic);
      pump.handlerCame(id);
    },
    removed: (id) => subscriptions.removed(id),
  };
  const unwatch = outbox.onCommitted(pump.kick);
  pump.kick();
  const durable = (topic: string, name: string, bundle = 'one', version = '1.0.0') => {
    const handler = new Recorder(topic, name, { delivery: 'durable' });
    const view = viewOf(bundle, version);
    bench.table.add(handler, view);
    return { handler, view, withdraw: () => bench.table.remove(handler, view) };
  };
  const stop = async (): Promise<void> => {
    unwatch();
    await pump.stop();
  };
  // What is under way settles before time moves on, as it does outside of tests.
  const run = async (ms: number): Promise<void> => {
    await settle();
    await bench.clock.advance(ms);
  };
  await settle();
  return { ...bench, outbox, state, presence, facts, subscriptions, pump, durable, stop, run };
}

describe('system.events durable delivery', () => {
  it('delivers committed events to every durable handler, marks each, and is done', async () => {
    const { outbox, durable } = await setup();
    const [a, b] = [durable('t/*', 'a'), durable('t/x', 'b')];
    outbox.emit('t/x', 'k', { n: 1 });
    outbox.emit('t/y', 'k', { n: 2 });
    await settle();
    equal([a.handler.seen, b.handler.seen], [['k:1', 'k:2'], ['k:1']]);
    equal([...outbox.marks].sort(), ['one/a#1', 'one/a#2', 'one/b#1']);
    equal(outbox.waiting, []);
  });

  it('gives them to transient handlers too, once, and does not wait for those', async () => {
    const { outbox, durable, table, run } = await setup();
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
    const { outbox } = await setup();
    outbox.emit('nobody', 'k');
    await settle();
    equal(outbox.waiting, []);
  });

  it('finds events that no commit told of, within the poll period', async () => {
    const { outbox, durable, clock, stop, run } = await setup();
    const { handler } = durable('t', 'a');
    await settle();
    outbox.rows.push({ id: '1', topic: 't', key: 'k', payload: { n: 1 }, at: 1, done: false, parked: null });
    await run(1_000);
    equal(handler.seen, ['k:1']);
    await stop();
    equal(clock.pending, 0);
  });

  it('keeps the order of a key and does not let one key hold up another', async () => {
    const { outbox, durable } = await setup();
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
    const { outbox, durable } = await setup({ settings: { deliveriesMax: 5 } });
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
    const { outbox, durable, run } = await setup();
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
    const { outbox, durable, lines, run } = await setup();
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
    const { outbox, durable, run } = await setup();
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
    const { outbox, durable, run } = await setup();
    const { handler } = durable('t', 'a');
    handler.hold = true;
    outbox.emit('t', 'k', { n: 1 });
    await run(10_000);
    handler.hold = false;
    await run(1_000);
    equal([handler.seen, outbox.waiting], [['k:1', 'k:1'], []]);
  });
});

describe('system.events owed events', () => {
  it('keeps events for a handler whose bundle is stopped, and delivers them when it is back', async () => {
    const { outbox, durable, presence, run } = await setup();
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
    const first = await setup();
    first.durable('t', 'a');
    await settle();
    await first.stop();
    first.outbox.emit('t', 'k', { n: 1 });
    const second = await setup(first);
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
    const { durable } = await setup({ outbox, state });
    const [a, b] = [durable('t', 'a').handler, durable('t', 'b').handler];
    await settle();
    equal([a.seen, b.seen, outbox.waiting], [[], ['k:1'], []]);
  });

  it('forgets handlers of uninstalled bundles at once, and of running bundles after a while', async () => {
    const { outbox, durable, presence, state, lines, run } = await setup();
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
    const { outbox, durable, presence, run } = await setup();
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
    const { outbox, durable, state, lines, run } = await setup();
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
    const { outbox, durable, lines, facts, run } = await setup();
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
    const { outbox, durable, run } = await setup({ settings: { attemptsMax: 1 } });
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
    const { outbox, clock, stop, run } = await setup();
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
    const { outbox, durable, facts, run } = await setup({ current: 'other' });
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
    const { outbox, durable, run, facts } = await setup({ current: 'none' });
    const { handler } = durable('t', 'a');
    outbox.emit('t', 'k', { n: 1 });
    await run(1_000);
    equal(handler.seen, []);
    facts.current = 'own';
    await run(1_000);
    equal(handler.seen, ['k:1']);
  });

  it('takes events as soon as the other revision says that its deliveries are over', async () => {
    const { outbox, durable, run, facts, pump } = await setup({ current: 'other' });
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
    const { outbox, durable, run, facts, pump } = await setup();
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
    const { outbox, durable, facts, run } = await setup();
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
    const { outbox, durable, clock, pump, run } = await setup();
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
