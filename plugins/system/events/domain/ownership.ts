/**
 * Whether this revision may take events. Two revisions of this bundle live while one replaces the other; only the current one takes.
 * Always holds: after it became the current one it waits as long as a delivery of the other may still run.
 */

/** What ownership is judged by. */
export interface OwnershipFacts {
  readonly clock: { monotonic(): number };
  owns(): boolean;
  readonly hasPredecessor: boolean;
}

/** Judges ownership. */
export class Ownership {
  readonly #facts: OwnershipFacts;
  readonly #longestMs: () => number;
  #otherWasCurrent: boolean;
  #takeFrom = -Infinity;

  /** @param longestMs longest time a delivery may take. */
  constructor(facts: OwnershipFacts, longestMs: () => number) {
    this.#facts = facts;
    this.#longestMs = longestMs;
    this.#otherWasCurrent = facts.hasPredecessor;
  }

  mayTake(): boolean {
    const { clock, owns } = this.#facts;
    if (!owns()) {
      this.#otherWasCurrent = true;
      return false;
    }
    if (this.#otherWasCurrent) this.#takeFrom = clock.monotonic() + this.#longestMs();
    this.#otherWasCurrent = false;
    return clock.monotonic() >= this.#takeFrom;
  }
}
