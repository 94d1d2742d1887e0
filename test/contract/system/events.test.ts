/** The event bundle in the real kernel: swaps of handlers, of itself and of the data bundle; durable events from a real database. */
import { deepStrictEqual as equal, rejects } from 'node:assert';
import {
  codeOf,
  Data,
  defineBundle,
  EventBacklog,
  EventHandler,
  Events,
  Framework,
  Health,
  Outbox,
  type DataService,
  type EventHandlerService,
} from '@sluice/sdk';
import { settle, TestRuntime, type TestBundle } from '@sluice/kernel/testing';
import dataBundle from '../../../plugins/system/data/activator.js';
import eventsBundle from '../../../plugins/system/events/activator.js';
import healthBundle from '../../../plugins/system/health/activator.js';
import { MemoryOutbox } from '../../unit/system/events/memory-outbox.js';
import { systemBundle } from './system-bundle.js';

/** What handlers saw, and whoever waits for it. */
class Seen {
  readonly events: string[] = [];
  readonly #waiting = new Set<() => void>();

  add(text: string): void {
    this.events.push(text);
    for (const check of this.#waiting) check();
  }

  /** Resolves when so many events were seen. */
  async until(count: number): Promise<void> {
    if (this.events.length >= count) return;
    await new Promise<void>((resolve) => {
      const check = (): void => {
        if (this.events.length < count) return;
        this.#waiting.delete(check);
        resolve();
      };
      this.#waiting.add(check);
    });
  }
}

/** A bundle with one handler that notes its version. */
function listener(
  version: string,
  seen: Seen,
  more: Partial<EventHandlerService> & { before?: (id: string) => void | Promise<void> } = {},
): TestBundle {
  const { before, ...handler } = more;
  const definition = defineBundle({
    provides: [EventHandler],
    activate(context) {
      context.register(EventHandler, {
        topic: 'bank/*',
        name: 'listener',
        delivery: 'durable',
        async handle(event) {
          await before?.(event.id);
          seen.add(`${version} ${event.key}:${(event.payload as { n: number }).n}`);
        },
        ...handler,
      });
    },
  });
  return { symbolicName: 'business.listener', version, definition };
}

describe('system.events in the kernel', () => {
  let runtime: TestRuntime;
  beforeEach(async () => void (runtime = await TestRuntime.boot()));
  afterEach(() => runtime.stop());

  it('gives transient events to the handlers of the moment, as entries, and follows swaps', async () => {
    const seen = new Seen();
    await runtime.deploy(systemBundle('events', eventsBundle), listener('1.0.0', seen, { delivery: 'transient' }));
    const events = runtime.service(Events);
    await events.publish('bank/x', 'k', { n: 1 });
    await runtime.deploy(listener('1.1.0', seen, { delivery: 'transient' }));
    await events.publish('bank/x', 'k', { n: 2 });
    await runtime.deploy(systemBundle('events', eventsBundle, {}, '1.1.0'));
    await events.publish('bank/x', 'k', { n: 3 });
    await runtime.kernel.stop('business.listener', { actor: 'test' });
    await events.publish('bank/x', 'k', { n: 4 });
    equal([seen.events, runtime.kernel.status().entries], [['1.0.0 k:1', '1.1.0 k:2', '1.1.0 k:3'], 0]);
  });

  it('lets the event under way end with the old revision and gives the next one to the new', async () => {
    const seen = new Seen();
    let end: () => void = () => undefined;
    const held = { delivery: 'transient' as const, before: () => new Promise<void>((resolve) => (end = resolve)) };
    await runtime.deploy(systemBundle('events', eventsBundle), listener('1.0.0', seen, held));
    const events = runtime.service(Events);
    events.post('bank/x', 'k', { n: 1 });
    events.post('bank/x', 'k', { n: 2 });
    await settle();
    const swapping = runtime.deploy(listener('1.1.0', seen, { delivery: 'transient' }));
    await settle();
    end();
    await swapping;
    await settle();
    equal(seen.events, ['1.0.0 k:1', '1.1.0 k:2']);
  });

  it('refuses a bundle whose handler could get no events', async () => {
    await runtime.deploy(systemBundle('events', eventsBundle));
    await rejects(
      runtime.deploy(listener('1.0.0', new Seen(), { topic: 'bank//x' })),
      (error) => codeOf(error) === 'EVENT_HANDLER_INVALID',
    );
  });

  it('hands durable events over between two revisions of itself without a pause, a second delivery or a loss', async () => {
    const outbox = new MemoryOutbox();
    const undo = runtime.provide(Outbox, outbox);
    const seen = new Seen();
    const begun = new Seen();
    let end: () => void = () => undefined;
    const held = {
      before: (id: string) => {
        begun.add(id);
        return id === '1' ? new Promise<void>((resolve) => (end = resolve)) : undefined;
      },
    };
    await runtime.deploy(systemBundle('events', eventsBundle), listener('1.0.0', seen, held));
    outbox.emit('bank/x', 'k', { n: 1 });
    outbox.emit('bank/x', 'k', { n: 2 });
    await begun.until(1);
    let swapping: Promise<unknown> = Promise.resolve();
    await new Promise<void>((switched) => {
      const progress = ({ phase }: { phase: string }): void => void (phase === 'switch' && switched());
      swapping = runtime.tryDeploy([systemBundle('events', eventsBundle, {}, '1.1.0')], { progress });
    });
    outbox.emit('bank/x', 'other', { n: 3 });
    await settle();
    equal([begun.events, seen.events], [['1'], []], 'the new revision waits for the delivery of the old one');
    end();
    await swapping;
    await seen.until(3);
    equal(
      [begun.events.toSorted(), seen.events.toSorted()],
      [
        ['1', '2', '3'],
        ['1.0.0 k:1', '1.0.0 k:2', '1.0.0 other:3'],
      ],
    );
    equal(runtime.virtual.monotonic(), 0, 'no time had to pass');
    undo();
  });

  it('keeps durable events of a stopped bundle, tells so in its health, and delivers them after the start', async () => {
    const outbox = new MemoryOutbox();
    const undo = runtime.provide(Outbox, outbox);
    const seen = new Seen();
    await runtime.deploy(systemBundle('events', eventsBundle), systemBundle('health', healthBundle), listener('1.0.0', seen));
    await runtime.kernel.stop('business.listener', { actor: 'test' });
    outbox.emit('bank/x', 'k', { n: 1 });
    for (let minute = 0; minute < 5; minute++) await runtime.virtual.advance(60_000);
    equal(outbox.waiting, ['1']);
    const { checks } = await runtime.service(Health).report({ bundle: 'system.events' });
    equal(
      checks.map(({ status, message }) => [status, message]),
      [['WARN', 'events wait for business.listener/listener']],
    );
    await runtime.kernel.start('business.listener', { actor: 'test' });
    await seen.until(1);
    await settle();
    equal([seen.events, outbox.waiting], [['1.0.0 k:1'], []]);
    undo();
  });
});

describe('system.events over a real outbox', () => {
  let runtime: TestRuntime;
  let data: DataService;
  beforeEach(async () => {
    runtime = await TestRuntime.boot({ time: 'real' });
    await runtime.deploy(
      systemBundle('data', dataBundle),
      systemBundle('events', eventsBundle, { retryMinMs: 10, attemptsMax: 2, pollMs: 100 }),
    );
    data = runtime.service(Data);
  });
  afterEach(() => runtime.stop());

  const emit = (key: string, ...numbers: readonly number[]): Promise<void> =>
    data.unitOfWork(async (unit) => {
      for (const n of numbers) await unit.emit('bank/posted', key, { n });
    });

  it('delivers what was committed, in order per key, and nothing that was rolled back', async () => {
    const seen = new Seen();
    await runtime.deploy(listener('1.0.0', seen));
    await emit('a', 1, 2);
    await data
      .unitOfWork(async (unit) => {
        await unit.emit('bank/posted', 'a', { n: 99 });
        throw new Error('no');
      })
      .catch(() => undefined);
    await emit('b', 1);
    await emit('a', 3);
    await seen.until(4);
    const of = (key: string): string[] => seen.events.filter((event) => event.includes(` ${key}:`));
    equal([of('a'), of('b')], [['1.0.0 a:1', '1.0.0 a:2', '1.0.0 a:3'], ['1.0.0 b:1']]);
  });

  it('goes on while handler, event bundle and data bundle are swapped under a stream of events', async () => {
    const seen = new Seen();
    await runtime.deploy(listener('1.0.0', seen));
    const rounds = 6;
    for (let round = 1; round <= rounds; round++) {
      await emit('a', round * 10 + 1);
      const swap = [
        listener(`1.${round}.0`, seen),
        systemBundle('events', eventsBundle, { pollMs: 100 }, `1.${round}.0`),
        systemBundle('data', dataBundle, {}, `1.${round}.0`),
      ];
      const swapping = runtime.deploy(swap[round % 3] as TestBundle);
      await emit('a', round * 10 + 2);
      await swapping;
    }
    await seen.until(rounds * 2);
    const numbers = seen.events.map((event) => Number(event.split(':')[1]));
    const expected = Array.from({ length: rounds }, (_, index) => [(index + 1) * 10 + 1, (index + 1) * 10 + 2]).flat();
    equal([...new Set(numbers)], expected, 'each once or more, first deliveries in order');
    // What was handled is marked and done a moment later.
    while ((await runtime.service(EventBacklog).pending()) > 0) await settle();
  });

  it('parks a poison event, lists it, and delivers it after its release', async () => {
    const seen = new Seen();
    let poison = true;
    await runtime.deploy(
      listener('1.0.0', seen, {
        before: (id) => {
          if (poison && id === '1') throw new Error('cannot parse');
        },
      }),
    );
    await emit('a', 1, 2);
    await seen.until(1);
    const backlog = runtime.service(EventBacklog);
    const parked = await backlog.parked(10);
    equal(
      parked.map(({ id, topic, key, payload, reason }) => ({ id, topic, key, payload, reason })),
      [
        {
          id: '1',
          topic: 'bank/posted',
          key: 'a',
          payload: { n: 1 },
          reason: '2 attempts failed; business.listener/listener: UNEXPECTED, cannot parse',
        },
      ],
    );
    poison = false;
    equal([await backlog.release('1'), await backlog.release('1')], [true, false]);
    await seen.until(2);
    equal(seen.events, ['1.0.0 a:2', '1.0.0 a:1']);
  });

  it("delivers events of before a handler's bundle was installed to nobody, and remembers handlers", async () => {
    await emit('a', 1);
    const seen = new Seen();
    const backlog = runtime.service(EventBacklog);
    while ((await backlog.pending()) > 0) await settle();
    await runtime.deploy(listener('1.0.0', seen));
    await emit('a', 2);
    await seen.until(1);
    equal(seen.events, ['1.0.0 a:2']);
    equal(runtime.service(Framework).bundles().length, 3);
  });
});
