/** The pump of durable events and its surroundings for tests. */
import { settle } from '@sluice/kernel/testing/virtual-clock';
import { DurablePump, type PumpSettings } from '../../../../plugins/system/events/domain/durable-pump.js';
import type { CurrentRevision } from '../../../../plugins/system/events/domain/ownership.js';
import { Subscriptions, type BundlePresence, type StatePort } from '../../../../plugins/system/events/domain/subscriptions.js';
import { Recorder, setupTable, viewOf } from './event-bench.js';
import { MemoryOutbox } from './memory-outbox.js';

/** State in memory. */
export class State implements StatePort {
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

/** Settings of the pump in tests. */
export const SETTINGS: PumpSettings = {
  attemptsMax: 3,
  retryMinMs: 1_000,
  retryMaxMs: 60_000,
  deliveriesMax: 8,
  pollMs: 1_000,
  keepDeliveredMs: 86_400_000,
};

/** A pump on virtual time, over an outbox and a state that several may share. */
export async function setupPump(
  shared: { outbox?: MemoryOutbox; state?: State; settings?: Partial<PumpSettings>; current?: CurrentRevision } = {},
) {
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
