/**
 * Whether this revision may take events. Two revisions of this bundle live while one replaces the other; only the current one takes.
 * Always holds: after it became the current one it takes nothing until the other has said that its deliveries are over, or until the
 * longest of them must be.
 */

/** Which revision is the current one: this, another, or none yet (while the bundle is being installed). */
export type CurrentRevision = 'own' | 'other' | 'none';

/** What ownership is judged by. */
export interface OwnershipFacts {
  readonly clock: { monotonic(): number };
  currentRevision(): CurrentRevision;
}

/** Judges ownership. */
export class Ownership {
  readonly #facts: OwnershipFacts;
  readonly #longestMs: () => number;
  #otherWasCurrent = false;
  #takeFrom = -Infinity;
  /** Counts hand-overs, so that a late word about an earlier one does not count for a later one. */
  #turn = 0;

  /** @param longestMs longest time a delivery may take. */
  constructor(facts: OwnershipFacts, longestMs: () => number) {
    this.#facts = facts;
    this.#longestMs = longestMs;
  }

  mayTake(): boolean {
    const { clock, currentRevision } = this.#facts;
    const current = currentRevision();
    if (current !== 'own') {
      this.#otherWasCurrent ||= current === 'other';
      return false;
    }
    if (this.#otherWasCurrent) this.#takeFrom = clock.monotonic() + this.#longestMs();
    this.#otherWasCurrent = false;
    return clock.monotonic() >= this.#takeFrom;
  }

  /** The other revision hands over. @param over resolves when its deliveries are over. @param then called after it did. */
  handedOver(over: Promise<void>, then: () => void): void {
    const turn = ++this.#turn;
    void over.then(() => {
      if (turn !== this.#turn || this.#facts.currentRevision() !== 'own') return;
      this.#otherWasCurrent = false;
      this.#takeFrom = -Infinity;
      then();
    });
  }
}
