/**
 * A limit on requests at once, with a bounded queue in front of it. Pure: knows neither requests nor time.
 * Always holds: never more than `max` are inside, never more than `queueMax` wait, and whoever leaves lets the longest waiting in.
 */

/** Somebody in the queue. */
export interface Waiter {
  /** Called once, when there is room. It enters by itself, or does not and the next is called. */
  resume(): void;
}

/** A gate. */
export class Gate {
  #active = 0;
  #max = Infinity;
  readonly #queue = new Set<Waiter>();

  get active(): number {
    return this.#active;
  }

  get waiting(): number {
    return this.#queue.size;
  }

  /** True when there is room under the limit that holds now. */
  hasRoom(max: number): boolean {
    this.#max = max;
    return this.#active < max;
  }

  /** Goes in. Only after {@link hasRoom} said yes, in the same turn. */
  enter(): void {
    this.#active += 1;
  }

  /** Goes out and lets the next in. */
  leave(): void {
    this.#active -= 1;
    for (const waiter of this.#queue) {
      if (this.#active >= this.#max) return;
      this.#queue.delete(waiter);
      waiter.resume();
    }
  }

  /** Joins the queue; false when it is full. */
  wait(waiter: Waiter, queueMax: number): boolean {
    if (this.#queue.size >= queueMax) return false;
    this.#queue.add(waiter);
    return true;
  }

  /** Leaves the queue without going in. */
  giveUp(waiter: Waiter): void {
    this.#queue.delete(waiter);
  }
}
