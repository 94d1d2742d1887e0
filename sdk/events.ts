/** Typed events: transient ones are delivered at once, durable ones at least once through the outbox, in order per key. */
import type { BundleContext } from './context.js';
import { localContract } from './contract.js';
import type { Static, TSchema } from './schema.js';
import type { Registration } from './service.js';

/** A topic and the schema of its payload. */
export interface Topic<T extends TSchema = TSchema> {
  /** Slash-separated name, e.g. `bank/transfer/posted`. */
  readonly name: string;
  readonly schema: T;
}

/** Declares a topic. */
export function topic<T extends TSchema>(name: string, schema: T): Topic<T> {
  return { name, schema };
}

/** One delivered event. */
export interface EventMessage<P = unknown> {
  /** Unique; a durable event may arrive twice with the same id. */
  readonly id: string;
  readonly topic: string;
  /** Events with the same key arrive in order. */
  readonly key: string;
  readonly payload: P;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** A whiteboard service that receives events. */
export interface EventHandlerService {
  /** Topic name; a trailing `/*` takes everything below. */
  readonly topic: string;
  /** `durable`: at least once, also after a crash, deduplicated by event id per handler name. */
  readonly delivery: 'transient' | 'durable';
  /** Stable name of the handler, the inbox key of durable events. */
  readonly name: string;
  /** Longest run in milliseconds before the handler is named as slow and given up; default 10,000. */
  readonly timeoutMs?: number;
  handle(event: EventMessage<any>): void | Promise<void>;
}

/** Whiteboard contract of event handlers. */
export const EventHandler = localContract<EventHandlerService>('sluice.events.Handler', '1.0.0', []);

/** Publishes transient events. Durable ones are written with `UnitOfWork.emit`. */
export interface EventsService {
  /** Delivers to all handlers of the topic; resolves when each has finished, failed or timed out. */
  publish(topic: string, key: string, payload: unknown): Promise<void>;
  /** Hands over without waiting. */
  post(topic: string, key: string, payload: unknown): void;
}

/** Contract of the event service. */
export const Events = localContract<EventsService>('sluice.events.Events', '1.0.0', ['publish', 'post']);

/** What durable events have come to, for tools and operators. */
export interface EventBacklogService {
  /** How many durable events wait to be delivered. */
  pending(): Promise<number>;
  /** Events given up after their last attempt, oldest first, with the reason. Their keys have moved on without them. */
  parked(limit: number): Promise<readonly (EventMessage & { readonly parkedAt: number; readonly reason: string })[]>;
  /** Lets a parked event be delivered again, out of order. False when none of this id is parked. */
  release(id: string): Promise<boolean>;
}

/** Contract of the backlog of durable events. */
export const EventBacklog = localContract<EventBacklogService>('sluice.events.Backlog', '1.0.0', ['pending', 'parked', 'release']);

/** Registers a typed handler (declare `EventHandler` in `provides`). */
export function handleEvents<T extends TSchema>(
  context: BundleContext<any>,
  of: Topic<T>,
  handler: {
    name: string;
    delivery?: 'transient' | 'durable';
    timeoutMs?: number;
    handle(event: EventMessage<Static<T>>): void | Promise<void>;
  },
): Registration {
  return context.register(EventHandler, { delivery: 'transient', ...handler, topic: of.name });
}
