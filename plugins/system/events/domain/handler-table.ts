/**
 * All handlers by bundle and name. Owned here: which revision's handler is current, and which handlers a topic has.
 * Always holds: at a switch the new revision's handler replaces the old one's in the same step, whatever the order of the two calls.
 */
import { messageOf, type EventHandlerService, type EventMessage, type Logger, type ServiceView } from '@sluice/sdk';
import { deliver, type DeliverySurroundings, type Outcome } from './delivery.js';
import { HandlerSlot, type SlotLimits } from './handler-slot.js';
import { checkHandler, matchesTopic } from './topics.js';

/** Limits of all handlers; they may change while running. */
export interface TableLimits extends SlotLimits {
  /** Time limit of handlers that state none. */
  readonly timeoutMs: number;
}

/** Told when the set of durable handlers changed. */
export interface TableListener {
  durableAdded(id: string, bundle: string, topic: string): void;
  removed(id: string): void;
}

/** Topics whose handlers are remembered. They are few; a publisher that invents them must not fill the memory. */
const TOPICS_REMEMBERED_MAX = 10_000;

/** Knows the handlers. */
export class HandlerTable {
  readonly #around: DeliverySurroundings & { readonly log: Pick<Logger, 'warn' | 'error'> };
  readonly #slots = new Map<string, HandlerSlot>();
  readonly #byTopic = new Map<string, readonly HandlerSlot[]>();
  #limits: TableLimits;
  listener: TableListener | null = null;

  constructor(around: DeliverySurroundings & { readonly log: Pick<Logger, 'warn' | 'error'> }, limits: TableLimits) {
    this.#around = around;
    this.#limits = limits;
  }

  setLimits(limits: TableLimits): void {
    this.#limits = limits;
  }

  /** A handler appeared, maybe in place of one of the same name. Does not throw: it runs inside a switch. */
  add(handler: EventHandlerService, view: ServiceView): void {
    try {
      checkHandler(handler, view.bundle);
    } catch (error) {
      this.#around.log.error(messageOf(error), { code: 'EVENT_HANDLER_INVALID', bundle: view.bundle });
      return;
    }
    const id = handlerId(handler, view);
    let slot = this.#slots.get(id);
    if (slot === undefined) {
      slot = new HandlerSlot(
        id,
        () => this.#limits,
        (to, event) => deliver(this.#around, to, event, this.#limits.timeoutMs),
      );
      this.#slots.set(id, slot);
    }
    slot.current = { handler, view };
    this.#byTopic.clear();
    if (handler.delivery === 'durable') this.listener?.durableAdded(id, view.bundle, handler.topic);
  }

  /** A handler was withdrawn. The next revision's may follow in the same step, so nothing ends before that step is over. */
  remove(handler: EventHandlerService, view: ServiceView): void {
    const id = handlerId(handler, view);
    const slot = this.#slots.get(id);
    if (slot === undefined || slot.current?.view.id !== view.id) return;
    slot.current = null;
    queueMicrotask(() => {
      if (slot.current !== null || this.#slots.get(id) !== slot) return;
      this.#slots.delete(id);
      this.#byTopic.clear();
      slot.dissolve();
      this.listener?.removed(id);
    });
  }

  /** The handler of an id, undefined while there is none. */
  get(id: string): HandlerSlot | undefined {
    return this.#slots.get(id);
  }

  /** Handlers of a topic, in the order in which they came. */
  of(topic: string): readonly HandlerSlot[] {
    let slots = this.#byTopic.get(topic);
    if (slots === undefined) {
      slots = [...this.#slots.values()].filter((slot) => slot.current !== null && matchesTopic(slot.current.handler.topic, topic));
      if (this.#byTopic.size >= TOPICS_REMEMBERED_MAX) this.#byTopic.clear();
      this.#byTopic.set(topic, slots);
    }
    return slots;
  }

  /** Longest time a durable delivery may take. */
  longestDurableMs(): number {
    let longest = this.#limits.timeoutMs;
    for (const { current } of this.#slots.values()) {
      if (current?.handler.delivery === 'durable') longest = Math.max(longest, current.handler.timeoutMs ?? 0);
    }
    return longest;
  }
}

/** True for a handler that is owed durable events. */
export function isDurable(slot: HandlerSlot): boolean {
  return slot.current?.handler.delivery === 'durable';
}

/** Gives an event to handlers and waits for all. */
export function pushAll(
  slots: readonly HandlerSlot[],
  event: EventMessage,
): Promise<readonly { readonly id: string; readonly outcome: Outcome }[]> {
  return Promise.all(slots.map(async (slot) => ({ id: slot.id, outcome: await slot.push(event) })));
}

function handlerId(handler: EventHandlerService, view: ServiceView): string {
  return `${view.bundle}/${handler.name}`;
}
