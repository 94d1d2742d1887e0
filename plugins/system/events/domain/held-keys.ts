/**
 * Keys that are under way or wait, and how the first event of each has fared. A held key is passed over when events are taken,
 * which is what keeps its events in order.
 */
import type { Clock, Timer } from '@sluice/sdk';

interface Held {
  readonly timer: Timer | null;
  /** Handlers the first event waits for. */
  readonly handlers: readonly string[];
}

/** Holds keys. */
export class HeldKeys {
  readonly #clock: Pick<Clock, 'setTimeout'>;
  readonly #due: () => void;
  readonly #held = new Map<string, Held>();
  /** Failed attempts of first events that were tried and are not settled. Kept while their key is free for the next attempt. */
  readonly #failures = new Map<string, number>();
  #ended = false;

  /** @param due called when a key is free again. */
  constructor(clock: Pick<Clock, 'setTimeout'>, due: () => void) {
    this.#clock = clock;
    this.#due = due;
  }

  get size(): number {
    return this.#held.size;
  }

  keys(): readonly string[] {
    return [...this.#held.keys()];
  }

  /** True when the first event of a key was tried before. */
  wasTried(key: string): boolean {
    return this.#failures.has(key);
  }

  /** Failed attempts of the first event of a key. */
  failures(key: string): number {
    return this.#failures.get(key) ?? 0;
  }

  /** A key is under way. */
  hold(key: string): void {
    this.#held.set(key, { timer: null, handlers: [] });
  }

  release(key: string): void {
    this.#held.get(key)?.timer?.cancel();
    this.#held.delete(key);
  }

  /** The first event of a key is settled: the next one begins to count anew. */
  settled(key: string): void {
    this.#failures.delete(key);
  }

  /** An attempt failed; the key waits. */
  failed(key: string, delayMs: number): void {
    this.#failures.set(key, this.failures(key) + 1);
    this.#wait(key, delayMs, []);
  }

  /** The key waits although nobody failed, for handlers if any are named; it is looked at again after a while in any case. */
  wait(key: string, delayMs: number, handlers: readonly string[] = []): void {
    this.#failures.set(key, this.failures(key));
    this.#wait(key, delayMs, handlers);
  }

  releaseWaitingFor(handler: string): void {
    for (const [key, held] of this.#held) if (held.handlers.includes(handler)) this.release(key);
  }

  /** Ends all waiting, for good. */
  end(): void {
    this.#ended = true;
    for (const held of this.#held.values()) held.timer?.cancel();
    this.#held.clear();
    this.#failures.clear();
  }

  #wait(key: string, delayMs: number, handlers: readonly string[]): void {
    this.release(key);
    if (this.#ended) return;
    const timer = this.#clock.setTimeout(() => {
      this.#held.delete(key);
      this.#due();
    }, delayMs);
    this.#held.set(key, { timer, handlers });
  }
}
