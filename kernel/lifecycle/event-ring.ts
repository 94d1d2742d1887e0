/** The last events of the system, for a diagnosis of what led up to something. */
import type { KernelEvent } from './kernel-state.js';

/** Events kept; some 200 bytes each. */
const EVENTS_MAX = 1_000;

/** A bounded list, newest last. */
export class EventRing {
  readonly #events: KernelEvent[] = [];
  #next = 0;

  readonly add = (event: KernelEvent): void => {
    this.#events[this.#next] = event;
    this.#next = (this.#next + 1) % EVENTS_MAX;
  };

  /** Oldest first. */
  list(): readonly KernelEvent[] {
    return [...this.#events.slice(this.#next), ...this.#events.slice(0, this.#next)];
  }
}
