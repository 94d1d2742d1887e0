/**
 * Stands in for `system.events` without a database: transient events, in virtual time, with a record of what was published. Passes the same
 * contract suite as the real one as far as it goes. Durable events need the outbox: use the real bundles for them.
 */
import { defineBundle, EventHandler, Events, SluiceError, type EventHandlerService, type EventMessage } from '@sluice/sdk';
import type { TestBundle } from '../test-bundle.js';

/** The stand-in. */
export interface FakeEvents {
  readonly bundle: TestBundle;
  /** Everything published, in order. */
  readonly published: readonly EventMessage[];
}

const TOPIC = /^[\w.-]+(\/[\w.-]+)*$/;

/** Makes one. Deploy its `bundle` first. */
export function fakeEvents(): FakeEvents {
  const published: EventMessage[] = [];
  const handlers = new Set<EventHandlerService>();
  const definition = defineBundle({
    provides: [Events],
    requires: [{ contract: EventHandler, optional: true }],
    activate(context) {
      context.track(EventHandler, {
        added: (handler) => void handlers.add(handler),
        removed: (handler) => void handlers.delete(handler),
      });
      const publish = async (topic: string, key: string, payload: unknown): Promise<void> => {
        if (!TOPIC.test(topic)) throw new SluiceError('EVENT_TOPIC_INVALID', `Cannot publish to '${topic}'`);
        const event = { id: `event-${published.length + 1}`, topic, key, payload: structuredClone(payload), at: context.clock.now() };
        published.push(event);
        const owed = [...handlers].filter((handler) => handler.delivery === 'transient' && takes(handler.topic, topic));
        // One handler that fails is its own affair.
        await Promise.allSettled(owed.map(async (handler) => handler.handle(event)));
      };
      context.register(Events, { publish, post: (topic, key, payload) => void publish(topic, key, payload).catch(() => undefined) });
    },
  });
  return { bundle: { symbolicName: 'system.events', definition }, published };
}

function takes(pattern: string, topic: string): boolean {
  if (pattern === '*') return true;
  return pattern.endsWith('/*') ? topic.startsWith(pattern.slice(0, -1)) : pattern === topic;
}
