/**
 * The http bundle: connects route table, Koa and the listening port with the kernel. Decides nothing itself.
 * Provides the view of the routes for listings, and the meeting point of two of its own revisions; is the publisher of `Routes`.
 */
import {
  defineBundle,
  Entries,
  Framework,
  ListenSockets,
  Quiesce,
  RouteTable,
  Routes,
  Tracing,
  type BundleContext,
  type ServiceOf,
} from '@sluice/sdk';
import { HttpListener, Listener, type ListenerService } from './adapters/listener.js';
import { RequestHandler } from './adapters/request-handler.js';
import { RoutePublisher } from './adapters/route-publisher.js';
import { SchemaCache } from './domain/schema-cache.js';
import { readSettings, type HttpConfig } from './domain/settings.js';

const listeners = new WeakMap<BundleContext<HttpConfig>, HttpListener>();

export default defineBundle<HttpConfig>({
  provides: [RouteTable, Listener, Quiesce],
  requires: [
    Entries,
    Framework,
    { contract: ListenSockets, optional: true },
    { contract: Routes, optional: true },
    { contract: Listener, optional: true },
    { contract: Tracing, optional: true },
  ],

  async activate(context) {
    const settings = readSettings(context.config);
    const { clock, log } = context;
    const framework = context.reference(Framework);
    const isComplete = (): boolean => framework.phase?.() === 'running';
    const isStarting = (): boolean => framework.phase?.() === 'starting';
    const [entries, tracing] = [context.reference(Entries), context.optional(Tracing)];
    const handler = new RequestHandler({ entries, tracing, clock, log, isComplete, isStarting }, settings);
    const sockets = context.optional(ListenSockets).get();
    const listener = await HttpListener.create(handler, settings, { log, clock, sockets });
    context.own('port and connections', () => listener.close());
    listeners.set(context, listener);

    context.publish(Routes, new RoutePublisher(handler, new SchemaCache()));
    context.register(RouteTable, {
      list: () => handler.table.list(),
      addresses: () => listener.addresses(),
      inFlight: () => handler.traffic.counts(),
    });
    context.register(Quiesce, { quiesce: ({ lameDuckMs }) => listener.quiesce(lameDuckMs) });
    meetOtherRevisions(context, listener);
    context.onConfigChange(async (config) => {
      const changed = readSettings(config);
      await listener.reconfigure(changed);
      handler.settings = changed;
    });
    // With a predecessor the port is taken; it hands it over at the switch.
    if (!hasPredecessor(context, framework)) await listener.open();
  },

  async deactivate(context) {
    await listeners.get(context)?.stop();
  },
});

/** Whoever has the port gives it to the revision that appears; registering is how this one says that it appears. */
function meetOtherRevisions(context: BundleContext<HttpConfig>, listener: HttpListener): void {
  const service: ListenerService = { adopt: (offer) => listener.adopt(offer) };
  context.register(Listener, service);
  context.track(Listener, {
    added: (other) => {
      if (other !== service) listener.handOver(other);
    },
  });
}

function hasPredecessor(context: BundleContext<HttpConfig>, framework: ServiceOf<typeof Framework>): boolean {
  const { symbolicName } = context.bundle;
  return framework.bundles().some((bundle) => bundle.symbolicName === symbolicName && bundle.state === 'ACTIVE');
}
