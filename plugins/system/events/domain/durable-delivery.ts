/**
 * One attempt to deliver one durable event to everybody who is owed it. Handlers that handled it before are passed over.
 * Always holds: a handler's mark is written before the event can count as delivered; the handler may run twice only when the
 * process ends between its run and its mark.
 */
import type { EventMessage, OutboxEvent, OutboxService } from '@sluice/sdk';
import { isDurable, type HandlerTable } from './handler-table.js';
import { frozenCopy } from './payload.js';
import type { Subscriptions } from './subscriptions.js';

/** What an attempt came to. */
export type Attempt =
  | { readonly kind: 'delivered' }
  /** Nobody failed, but handlers that are owed the event are not there. */
  | { readonly kind: 'absent'; readonly handlers: readonly string[] }
  | { readonly kind: 'failed'; readonly reason: string; readonly absent: readonly string[] };

type Result =
  { readonly id: string; readonly kind: 'handled' | 'absent' } | { readonly id: string; readonly kind: 'failed'; readonly reason: string };

/** Delivers one event once. Rejects only when the outbox fails. @param first true for the first attempt since the start. */
export async function attempt(
  event: OutboxEvent,
  first: boolean,
  parts: { readonly outbox: OutboxService; readonly table: HandlerTable; readonly subscriptions: Subscriptions },
): Promise<Attempt> {
  const { table, subscriptions } = parts;
  const { id, topic, key, at } = event;
  const message: EventMessage = Object.freeze({ id, topic, key, payload: frozenCopy(topic, event.payload), at });
  // Transient handlers get it beside the others and are not waited for: nothing is owed to them.
  if (first) for (const slot of table.of(topic)) if (!isDurable(slot)) void slot.push(message);
  const results = await Promise.all(subscriptions.owed(topic).map((handler) => toHandler(handler, message, parts)));
  const absent = results.filter((result) => result.kind === 'absent').map((result) => result.id);
  const failed = results.flatMap((result) => (result.kind === 'failed' ? [`${result.id}: ${result.reason}`] : []));
  if (failed.length > 0) return { kind: 'failed', reason: failed.join('; '), absent };
  return absent.length > 0 ? { kind: 'absent', handlers: absent } : { kind: 'delivered' };
}

async function toHandler(
  id: string,
  message: EventMessage,
  { outbox, table }: { outbox: OutboxService; table: HandlerTable },
): Promise<Result> {
  const slot = table.get(id);
  if (slot === undefined || slot.current === null) return { id, kind: 'absent' };
  if (await outbox.isHandled(id, message.id)) return { id, kind: 'handled' };
  const outcome = await slot.push(message);
  switch (outcome.kind) {
    case 'handled':
      await outbox.markHandled(id, message.id);
      return { id, kind: 'handled' };
    case 'gone':
      return { id, kind: 'absent' };
    case 'full':
      return { id, kind: 'failed', reason: 'QUEUE_FULL, its queue is full' };
    case 'failed':
      return { id, kind: 'failed', reason: `${outcome.code}, ${outcome.reason}` };
  }
}
