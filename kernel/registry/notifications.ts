/**
 * Everything the registry tells others, in order: callbacks of trackers, events, objects given back to factories.
 * Told only after the change is complete. A change made by a callback is told after those already waiting, so that
 * everyone hears the same order. A callback that throws is reported and stops nothing.
 */
import { messageOf } from '@sluice/sdk';
import type { Filter, NormalisedProperties } from '../model/index.js';
import type { ServiceRecord } from './record.js';
import type { RegistryOptions, ServiceEvent, ServiceEventType } from './types.js';

/** Callbacks told in one go. More means that callbacks answer changes with changes without end; the rest is dropped. */
const NOTIFICATIONS_MAX = 200_000;

interface Listener {
  readonly tell: (event: ServiceEvent) => void;
  readonly filter: Filter | null;
  active: boolean;
}

export class Notifications {
  private listeners: readonly Listener[] = [];
  private waiting: (() => void)[] = [];
  private telling = false;
  private holds = 0;

  constructor(private readonly warn: RegistryOptions['warn']) {}

  get listenerCount(): number {
    return this.listeners.length;
  }

  /** Adds a callback to be told at the end of the current change. */
  add(what: string, callback: () => void): void {
    this.waiting.push(() => this.guard(what, callback));
  }

  /** Adds an event. `before` are the properties before the change, for `MODIFIED` only. */
  addEvent(type: ServiceEventType, record: ServiceRecord, generation: number, before?: NormalisedProperties): void {
    const listeners = this.listeners;
    if (listeners.length === 0) return;
    const event = Object.freeze({ type, view: record.view(), generation });
    const after = listeners.some(({ filter }) => filter !== null) ? record.normalised() : undefined;
    this.waiting.push(() => {
      for (const listener of listeners) {
        if (!listener.active) continue;
        const told = after === undefined || listener.filter === null ? event : seenThrough(listener.filter, event, after, before);
        if (told !== undefined) this.guard(`listener of ${type}`, () => listener.tell(told));
      }
    });
  }

  /** Lets everything wait until the matching {@link release}: a switch is told only when all of it has happened. */
  hold(): void {
    this.holds += 1;
  }

  release(): void {
    this.holds -= 1;
    this.tell();
  }

  /** Tells what waits, unless an outer change is telling already. */
  tell(): void {
    if (this.telling || this.holds > 0 || this.waiting.length === 0) return;
    this.telling = true;
    try {
      for (let at = 0; at < this.waiting.length; at += 1) {
        if (at >= NOTIFICATIONS_MAX) {
          const dropped = this.waiting.length - at;
          this.warn('SERVICE_CHANGES_UNBOUNDED', `Callbacks kept changing services; ${dropped} notifications were dropped`, {
            limit: NOTIFICATIONS_MAX,
          });
          break;
        }
        this.waiting[at]?.();
      }
    } finally {
      this.waiting = [];
      this.telling = false;
    }
  }

  addListener(tell: (event: ServiceEvent) => void, filter: Filter | null): () => void {
    const listener: Listener = { tell, filter, active: true };
    this.listeners = [...this.listeners, listener];
    return () => {
      listener.active = false;
      this.listeners = this.listeners.filter((other) => other !== listener);
    };
  }

  /** Runs code of others; what it throws is reported. */
  guard(what: string, callback: () => void): void {
    try {
      callback();
    } catch (error) {
      this.warn('SERVICE_CALLBACK_FAILED', `A callback failed and was passed over: ${what}: ${messageOf(error)}`, { what, error });
    }
  }
}

/** The event as a listener with a filter sees it: `MODIFIED_ENDMATCH` once when a service stops to match, nothing while it does not. */
function seenThrough(
  filter: Filter,
  event: ServiceEvent,
  after: NormalisedProperties,
  before: NormalisedProperties | undefined,
): ServiceEvent | undefined {
  if (filter.matchesNormalised(after)) return event;
  if (before === undefined || !filter.matchesNormalised(before)) return undefined;
  return { ...event, type: 'MODIFIED_ENDMATCH' };
}
