/** A clock whose time moves only when a test says so. Timers fire in order of time, then of creation. */
import type { Timer } from '@sluice/sdk';
import type { HostClock } from '../host/ports.js';

interface Pending {
  dueAt: number;
  readonly order: number;
  readonly periodMs: number | null;
  readonly callback: () => void;
}

/** Virtual time, starting at 2026-01-01T00:00:00Z unless told otherwise. */
export class VirtualClock implements HostClock {
  #now: number;
  readonly #startedAt: number;
  #order = 0;
  readonly #pending = new Set<Pending>();

  constructor(startAt = Date.UTC(2026, 0, 1)) {
    this.#now = startAt;
    this.#startedAt = startAt;
  }

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#now - this.#startedAt;
  }

  /** Timers waiting to fire; the leak guard compares this. */
  get pending(): number {
    return this.#pending.size;
  }

  setTimeout(callback: () => void, delayMs: number): Timer {
    return this.#add(callback, delayMs, null);
  }

  setInterval(callback: () => void, periodMs: number): Timer {
    return this.#add(callback, periodMs, Math.max(1, periodMs));
  }

  /** Immediates are real: they stand for "after this turn", not for time. */
  setImmediate(callback: () => void): Timer {
    const immediate = setImmediate(callback);
    return { cancel: () => clearImmediate(immediate) };
  }

  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) return reject(signal.reason as Error);
      const timer = this.setTimeout(() => {
        signal?.removeEventListener('abort', aborted);
        resolve();
      }, delayMs);
      const aborted = (): void => {
        timer.cancel();
        reject(signal?.reason as Error);
      };
      signal?.addEventListener('abort', aborted, { once: true });
    });
  }

  #add(callback: () => void, delayMs: number, periodMs: number | null): Timer {
    const pending: Pending = { dueAt: this.#now + Math.max(0, delayMs), order: ++this.#order, periodMs, callback };
    this.#pending.add(pending);
    return { cancel: () => void this.#pending.delete(pending) };
  }

  /** Moves time on, firing what falls due, and lets promises settle after each firing. */
  async advance(byMs: number): Promise<void> {
    const until = this.#now + byMs;
    for (;;) {
      const next = this.#earliest(until);
      if (next === null) break;
      this.#now = Math.max(this.#now, next.dueAt);
      if (next.periodMs === null) this.#pending.delete(next);
      else next.dueAt += next.periodMs;
      next.callback();
      await settle();
    }
    this.#now = until;
    await settle();
  }

  #earliest(until: number): Pending | null {
    let earliest: Pending | null = null;
    for (const pending of this.#pending) {
      if (pending.dueAt > until) continue;
      if (earliest === null || pending.dueAt < earliest.dueAt || (pending.dueAt === earliest.dueAt && pending.order < earliest.order)) {
        earliest = pending;
      }
    }
    return earliest;
  }
}

/** Lets everything that can run without time passing run. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn += 1) await new Promise<void>((resolve) => setImmediate(resolve));
}
