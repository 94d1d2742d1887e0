/**
 * Bundle `system.events`: connects publishing, the handlers that bundles register, and the outbox.
 * A handler that could get no events refuses the deploy that brings it.
 */
import { randomUUID } from 'node:crypto';
import {
  defineBundle,
  Entries,
  EventBacklog,
  EventHandler,
  Events,
  Framework,
  HealthCheck,
  localContract,
  Outbox,
  SluiceError,
  type BundleContext,
  type EventBacklogService,
  type HealthCheckService,
  type OutboxService,
} from '@sluice/sdk';
import { StateFile } from './adapters/state-file.js';
import { DurablePump, type PumpSettings } from './domain/durable-pump.js';
import { HandlerTable, type TableLimits } from './domain/handler-table.js';
import type { CurrentRevision } from './domain/ownership.js';
import { Subscriptions } from './domain/subscriptions.js';
import { checkHandlers } from './domain/topics.js';
import { TransientEvents } from './domain/transient-events.js';

/** Configuration of this bundle, as its manifest describes it. */
export interface EventsConfig extends TableLimits, PumpSettings {
  readonly absentHandlerMs: number;
}

/** Where two revisions of this bundle meet: the one that leaves tells the one that comes when its deliveries are over. */
const Handover = localContract<{ takeAfter(over: Promise<void>): void }>('system.events.Handover', '1.0.0', ['takeAfter']);

const pumps = new WeakMap<BundleContext<EventsConfig>, DurablePump>();

export default defineBundle<EventsConfig>({
  provides: [Events, EventBacklog, HealthCheck, Handover],
  requires: [
    Framework,
    Entries,
    { contract: EventHandler, optional: true },
    { contract: Outbox, optional: true },
    { contract: Handover, optional: true },
  ],

  async activate(context) {
    const { clock, log, config } = context;
    const table = new HandlerTable({ clock, log, entries: context.reference(Entries) }, config);
    const subscriptions = await loadSubscriptions(context);
    const outbox = context.optional(Outbox);
    const pump = new DurablePump(
      { clock, log, table, subscriptions, outbox: () => outbox.get(), currentRevision: currentRevision(context) },
      config,
    );
    pumps.set(context, pump);
    table.listener = {
      durableAdded: (id, bundle, topic) => {
        subscriptions.added(id, bundle, topic);
        pump.handlerCame(id);
      },
      removed: (id) => subscriptions.removed(id),
    };
    context.onConfigChange((next) => {
      table.setLimits(next);
      pump.configure(next);
    });
    context.publish(EventHandler, { prepare: (handlers) => checkHandlers(handlers), publish: () => undefined });
    context.track(EventHandler, {
      added: (handler, view) => table.add(handler, view),
      removed: (handler, view) => table.remove(handler, view),
    });
    trackCommits(context, pump);
    meetOtherRevisions(context, pump);
    context.register(Events, new TransientEvents({ table, log, now: () => clock.now(), newId: randomUUID }));
    context.register(
      EventBacklog,
      backlogOf(() => outbox.get()),
    );
    context.register(
      HealthCheck,
      healthCheckOf(() => outbox.get(), subscriptions),
    );
    pump.kick();
  },

  // Not in an undo: waiting for deliveries needs timers, which a closing scope no longer gives.
  async deactivate(context) {
    await pumps.get(context)?.stop();
  },
});

function loadSubscriptions(context: BundleContext<EventsConfig>): Promise<Subscriptions> {
  const framework = context.reference(Framework);
  return Subscriptions.load({
    port: new StateFile(framework.dataFolder('events'), 'handlers.json'),
    log: context.log,
    monotonic: () => context.clock.monotonic(),
    absentHandlerMs: () => context.config.absentHandlerMs,
    presenceOf: (bundle) => {
      const found = framework.bundles().find((one) => one.symbolicName === bundle);
      return found === undefined ? 'absent' : found.state === 'ACTIVE' ? 'active' : 'stopped';
    },
  });
}

// Before its switch and after the next one, a revision is not what the framework lists under its name.
function currentRevision(context: BundleContext<EventsConfig>): () => CurrentRevision {
  const framework = context.reference(Framework);
  const { symbolicName, digest } = context.bundle;
  return () => {
    const current = framework.bundles().find((one) => one.symbolicName === symbolicName)?.digest;
    return current === undefined ? 'none' : current === digest ? 'own' : 'other';
  };
}

// Tracked, not referenced: a replaced data bundle tells of no more commits.
function trackCommits(context: BundleContext<EventsConfig>, pump: DurablePump): void {
  const undos = new Map<OutboxService, () => void>();
  context.track(Outbox, {
    added: (service) => {
      undos.set(service, service.onCommitted(pump.kick));
      pump.kick();
    },
    removed: (service) => {
      undos.get(service)?.();
      undos.delete(service);
    },
  });
}

// A revision sees the service of another one only in the switch to it. Before, each sees but its own.
function meetOtherRevisions(context: BundleContext<EventsConfig>, pump: DurablePump): void {
  const own = { takeAfter: (over: Promise<void>) => pump.handedOver(over) };
  context.register(Handover, own);
  context.track(Handover, {
    added: (other) => {
      if (other !== own) other.takeAfter(pump.idle());
    },
  });
}

function backlogOf(outbox: () => OutboxService | undefined): EventBacklogService {
  const present = (): OutboxService => {
    const service = outbox();
    if (service !== undefined) return service;
    throw new SluiceError('SERVICE_UNAVAILABLE', 'No bundle keeps durable events', {
      remedy: 'Start system.data.',
      retryable: true,
      httpStatus: 503,
    });
  };
  return {
    pending: () => present().pending(),
    parked: (limit) => present().parked(limit),
    release: (id) => present().release(id),
  };
}

/** Parked events shown by the health check. */
const PARKED_SHOWN_MAX = 20;

function healthCheckOf(outbox: () => OutboxService | undefined, subscriptions: Subscriptions): HealthCheckService {
  return {
    name: 'durable-events',
    async check() {
      const absent = subscriptions.absent();
      const parked = (await outbox()?.parked(PARKED_SHOWN_MAX)) ?? [];
      if (absent.length === 0 && parked.length === 0) return { status: 'OK' };
      const parts = [
        ...(parked.length === 0 ? [] : [`${parked.length}${parked.length === PARKED_SHOWN_MAX ? ' or more' : ''} parked events`]),
        ...(absent.length === 0 ? [] : [`events wait for ${absent.join(', ')}`]),
      ];
      return {
        status: 'WARN',
        message: parts.join('; '),
        details: { absent, parked: parked.map(({ id, topic, reason, parkedAt }) => ({ id, topic, reason, parkedAt })) },
      };
    },
  };
}
