/** Promises of transient events: topics, order per key, bounds, limits, isolation of payloads, switches. */
import { deepStrictEqual as equal, rejects, throws } from 'node:assert';
import { codeOf, isSluiceError } from '@sluice/sdk';
import fc from 'fast-check';
import { settle } from '@sluice/kernel/testing/virtual-clock';
import { HandlerSlot } from '../../../../plugins/system/events/domain/handler-slot.js';
import { checkHandlers, isTopic, matchesTopic } from '../../../../plugins/system/events/domain/topics.js';
import { TransientEvents } from '../../../../plugins/system/events/domain/transient-events.js';
import { Recorder, setupTable, viewOf } from './event-bench.js';

function setup(limits = {}) {
  const bench = setupTable(limits);
  let id = 0;
  const events = new TransientEvents({ table: bench.table, log: bench.log, now: () => bench.clock.now(), newId: () => `e${++id}` });
  return { ...bench, events };
}

describe('system.events topics', () => {
  it('matches a topic, everything below one, or all', () => {
    const patterns = ['bank/transfer/posted', 'bank/transfer/*', 'bank/*', '*', 'bank/transfers/*', 'bank/transfer'];
    const topics = ['bank/transfer/posted', 'bank/transfer', 'bank/transfer/a/b', 'bank'];
    equal(
      topics.map((topic) => patterns.filter((pattern) => matchesTopic(pattern, topic))),
      [
        ['bank/transfer/posted', 'bank/transfer/*', 'bank/*', '*'],
        ['bank/*', '*', 'bank/transfer'],
        ['bank/transfer/*', 'bank/*', '*'],
        ['*'],
      ],
    );
  });

  it('refuses what is no topic', () => {
    equal(['a', 'a/b-c/d.e_f', '', '/a', 'a/', 'a//b', 'a/*', 'a b', 'x'.repeat(201)].map(isTopic), [
      true,
      true,
      ...Array<boolean>(7).fill(false),
    ]);
  });

  it('refuses handlers that could get nothing, with all mistakes, and two of one name', () => {
    throws(
      () => checkHandlers([{ service: { topic: 'a//b', name: '', delivery: 'sometimes', timeoutMs: 0 } as never, view: viewOf('b') }]),
      (error) => isSluiceError(error) && error.code === 'EVENT_HANDLER_INVALID' && (error.details['mistakes'] as string[]).length === 5,
    );
    const [one, two] = [new Recorder('a', 'same'), new Recorder('b', 'same')];
    checkHandlers([
      { service: one, view: viewOf('b', '1.0.0') },
      { service: two, view: viewOf('b', '2.0.0') },
      { service: two, view: viewOf('c', '1.0.0') },
    ]);
    throws(
      () => checkHandlers([one, two].map((service) => ({ service, view: viewOf('b') }))),
      (error) => codeOf(error) === 'EVENT_HANDLER_INVALID',
    );
  });
});

describe('system.events publish', () => {
  it('delivers to all handlers of the topic, each as an entry of its bundle, and waits for them', async () => {
    const { events, table, entries, clock } = setup();
    const [exact, below, other] = [new Recorder('a/b', 'exact'), new Recorder('a/*', 'below'), new Recorder('x', 'other')];
    for (const [handler, bundle] of [
      [exact, 'one'],
      [below, 'two'],
      [other, 'two'],
    ] as const)
      table.add(handler, viewOf(bundle));
    await events.publish('a/b', 'k', { n: 1 });
    equal([exact.seen, below.seen, other.seen], [['k:1'], ['k:1'], []]);
    equal(entries, [
      'begin event one 1.0.0 10000',
      'begin event two 1.0.0 10000',
      'end one 1.0.0 failed=false',
      'end two 1.0.0 failed=false',
    ]);
    equal({ ...exact.events[0] }, { id: 'e1', topic: 'a/b', key: 'k', payload: { n: 1 }, at: clock.now() });
    equal(clock.pending, 0);
  });

  it('lets nobody change the payload for others', async () => {
    const { events, table } = setup();
    const payload = { list: [{ n: 1 }], bytes: new Uint8Array([1]) };
    const handler = new Recorder('a', 'h');
    table.add(handler, viewOf('one'));
    await events.publish('a', 'k', payload);
    payload.list.push({ n: 2 });
    const received = handler.events[0]?.payload as typeof payload;
    equal(received.list, [{ n: 1 }]);
    throws(() => received.list.push({ n: 3 }), TypeError);
    await rejects(events.publish('a', 'k', { run: () => 1 }), (error) => codeOf(error) === 'EVENT_PAYLOAD_INVALID');
    await rejects(events.publish('a//b', 'k', {}), (error) => codeOf(error) === 'EVENT_TOPIC_INVALID');
  });

  it('survives a payload nested deeper than the stack', async () => {
    const { events, table } = setup();
    table.add(new Recorder('a', 'h'), viewOf('one'));
    let deep: object = {};
    for (let level = 0; level < 1_000; level++) deep = { deep };
    await events.publish('a', 'k', deep);
  });

  it('names a failing and a slow handler, ends their entries, and goes on', async () => {
    const { events, table, entries, lines, clock } = setup();
    const failing = new Recorder('a', 'failing');
    failing.failure = new Error('no disk');
    const slow = new Recorder('a', 'slow', { timeoutMs: 500 });
    slow.hold = true;
    table.add(failing, viewOf('one', '1.2.0'));
    table.add(slow, viewOf('two'));
    let finished = false;
    const publishing = events.publish('a', 'k', { n: 1 }).then(() => (finished = true));
    await clock.advance(499);
    equal(finished, false);
    await clock.advance(1);
    await publishing;
    equal(lines, [
      "warn UNEXPECTED Handler 'failing' of 'one' 1.2.0 failed on 'a': no disk",
      "warn EVENT_HANDLER_TIMED_OUT Handler 'slow' of 'two' 1.0.0 failed on 'a': did not end within 500 ms and is not waited for",
    ]);
    equal(entries.slice(2), ['end one 1.2.0 failed=true', 'end two 1.0.0 failed=true']);
    slow.hold = false;
    await events.publish('a', 'k', { n: 2 });
    equal(slow.seen, ['k:1', 'k:2']);
  });

  it('refuses by name what a full queue cannot take, and gives it to the others', async () => {
    const { events, table, lines } = setup({ queueMax: 2 });
    const [stuck, fine] = [new Recorder('a', 'stuck'), new Recorder('a', 'fine')];
    stuck.hold = true;
    table.add(stuck, viewOf('one'));
    table.add(fine, viewOf('two'));
    events.post('a', 'k', { n: 1 });
    events.post('a', 'k', { n: 2 });
    await settle();
    await rejects(events.publish('a', 'k', { n: 3 }), {
      code: 'QUEUE_FULL',
      message: "Event 'a' did not reach one/stuck: the queue of each is full. Other handlers got it",
    });
    events.post('a', 'k', { n: 4 });
    await settle();
    equal([fine.seen, lines.length], [['k:1', 'k:2', 'k:3', 'k:4'], 1]);
    stuck.open.get('k')?.();
    await settle();
    equal(stuck.seen, ['k:1', 'k:2']);
  });
});

describe('system.events order', () => {
  it('runs events of one key in order and other keys beside them, up to a limit', async () => {
    const { events, table } = setup({ parallelMax: 2 });
    const handler = new Recorder('a', 'h');
    handler.hold = true;
    table.add(handler, viewOf('one'));
    for (const [key, n] of [
      ['x', 1],
      ['x', 2],
      ['y', 1],
      ['z', 1],
    ] as const)
      events.post('a', key, { n });
    await settle();
    equal(handler.seen, ['x:1', 'y:1']);
    handler.open.get('x')?.();
    await settle();
    equal(handler.seen, ['x:1', 'y:1', 'z:1']);
    handler.open.get('y')?.();
    await settle();
    equal(handler.seen, ['x:1', 'y:1', 'z:1', 'x:2']);
  });

  it('keeps the order of every key and loses nothing, whatever ends when', async () => {
    const step = fc.oneof(fc.record({ push: fc.constantFrom('a', 'b', 'c') }), fc.record({ finish: fc.nat(5) }));
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), fc.integer({ min: 1, max: 3 }), async (steps, parallelMax) => {
        const running: { key: string; end: () => void }[] = [];
        const started = new Map<string, number[]>();
        const slot = new HandlerSlot(
          's',
          () => ({ queueMax: 100, parallelMax }),
          (_to, event) => {
            started.set(event.key, [...(started.get(event.key) ?? []), event.payload as number]);
            equal(
              running.some((one) => one.key === event.key),
              false,
              'two events of one key at once',
            );
            return new Promise((resolve) => {
              const one = { key: event.key, end: () => (running.splice(running.indexOf(one), 1), resolve({ kind: 'handled' })) };
              running.push(one);
              equal(running.length <= parallelMax, true, 'too many at once');
            });
          },
        );
        slot.current = { handler: new Recorder('t', 'h'), view: viewOf('one') };
        const pushed = new Map<string, number[]>();
        for (const [index, one] of steps.entries()) {
          if ('push' in one) {
            pushed.set(one.push, [...(pushed.get(one.push) ?? []), index]);
            void slot.push({ id: String(index), topic: 't', key: one.push, payload: index, at: 0 });
          } else running[one.finish % Math.max(1, running.length)]?.end();
          await Promise.resolve();
        }
        for (; running.length > 0; await settle()) running[0]?.end();
        equal(Object.fromEntries(started), Object.fromEntries(pushed));
        equal(slot.size, 0);
      }),
      { numRuns: 60 },
    );
  });
});

describe('system.events switch', () => {
  for (const order of ['old first', 'new first']) {
    it(`gives waiting events to the new revision, in order (${order})`, async () => {
      const { events, table, entries } = setup();
      const [old, next] = [new Recorder('a', 'h'), new Recorder('a', 'h')];
      const [oldView, nextView] = [viewOf('one', '1.0.0'), viewOf('one', '2.0.0')];
      old.hold = true;
      table.add(old, oldView);
      for (const n of [1, 2, 3]) events.post('a', 'k', { n });
      await settle();
      if (order === 'old first') table.remove(old, oldView);
      table.add(next, nextView);
      if (order === 'new first') table.remove(old, oldView);
      await settle();
      equal([old.seen, next.seen], [['k:1'], []]);
      old.open.get('k')?.();
      await settle();
      equal([old.seen, next.seen], [['k:1'], ['k:2', 'k:3']]);
      equal(
        entries.filter((text) => text.startsWith('begin')),
        ['begin event one 1.0.0 10000', 'begin event one 2.0.0 10000', 'begin event one 2.0.0 10000'],
      );
    });
  }

  it('lets go of events whose handler is withdrawn for good, so that nobody waits for them', async () => {
    const { events, table } = setup();
    const handler = new Recorder('a', 'h');
    handler.hold = true;
    const view = viewOf('one');
    table.add(handler, view);
    events.post('a', 'k', { n: 1 });
    const waiting = events.publish('a', 'k', { n: 2 });
    await settle();
    table.remove(handler, view);
    await waiting;
    await events.publish('a', 'k', { n: 3 });
    equal([handler.seen, table.get('one/h')], [['k:1'], undefined]);
  });

  it('ignores a handler that could get nothing, and says so', async () => {
    const { events, table, lines } = setup();
    table.add(new Recorder('a//b', 'h'), viewOf('one'));
    await events.publish('a/b', 'k', {});
    equal(lines, ["error EVENT_HANDLER_INVALID Cannot use event handler 'h' of 'one': found topic 'a//b', expected 'a/b', 'a/*' or '*'"]);
  });
});
