/**
 * Everything under way: counts per bundle, gates, time limits, and the wait for all of it to end.
 * Time limits cost no timer per request: requests with the same limit stand in one line in order of arrival, and one timer waits for
 * the first of them.
 */
import type { Clock, Timer } from '@sluice/sdk';
import { Gate } from '../domain/gate.js';
import type { Exchange } from './exchange.js';

/** Traffic of one bundle, over all its revisions. */
export class BundleTraffic {
  readonly gate = new Gate();
  readonly #routes = new Map<string, Gate>();

  /** Gate of a route with a limit of its own. */
  routeGate(operationId: string): Gate {
    let gate = this.#routes.get(operationId);
    if (gate === undefined) this.#routes.set(operationId, (gate = new Gate()));
    return gate;
  }
}

interface Line {
  readonly exchanges: Set<Exchange>;
  timer: Timer | null;
}

/** All requests under way. */
export class Traffic {
  readonly #clock: Clock;
  readonly #onExpired: (exchange: Exchange) => void;
  readonly #bundles = new Map<string, BundleTraffic>();
  readonly #lines = new Map<number, Line>();
  readonly #open = new Set<Exchange>();
  readonly #idle: (() => void)[] = [];

  constructor(clock: Clock, onExpired: (exchange: Exchange) => void) {
    this.#clock = clock;
    this.#onExpired = onExpired;
  }

  /** Requests under way. */
  get size(): number {
    return this.#open.size;
  }

  /** Requests under way, in order of arrival. */
  get exchanges(): Iterable<Exchange> {
    return this.#open;
  }

  bundle(symbolicName: string): BundleTraffic {
    let traffic = this.#bundles.get(symbolicName);
    if (traffic === undefined) this.#bundles.set(symbolicName, (traffic = new BundleTraffic()));
    return traffic;
  }

  /** Forgets bundles that have no routes and no requests. */
  forgetIdle(stillNeeded: ReadonlySet<string>): void {
    for (const [name, { gate }] of this.#bundles) {
      if (gate.active === 0 && gate.waiting === 0 && !stillNeeded.has(name)) this.#bundles.delete(name);
    }
  }

  /** Requests under way by bundle; bundles with none are left out. */
  counts(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const [name, { gate }] of this.#bundles) if (gate.active > 0) counts[name] = gate.active;
    return counts;
  }

  /** Takes an exchange in and watches its time limit. */
  add(exchange: Exchange, timeoutMs: number): void {
    this.#open.add(exchange);
    let line = this.#lines.get(timeoutMs);
    if (line === undefined) this.#lines.set(timeoutMs, (line = { exchanges: new Set(), timer: null }));
    line.exchanges.add(exchange);
    if (line.timer === null) this.#watch(line, timeoutMs);
  }

  /** Ends the watch on the time limit; the answer may go on as long as the client reads it. */
  unwatch(exchange: Exchange, timeoutMs: number): void {
    this.#lines.get(timeoutMs)?.exchanges.delete(exchange);
  }

  remove(exchange: Exchange): void {
    this.#open.delete(exchange);
    if (this.#open.size === 0) for (const resolve of this.#idle.splice(0)) resolve();
  }

  #watch(line: Line, delayMs: number): void {
    line.timer = this.#clock.setTimeout(() => {
      line.timer = null;
      const now = this.#clock.monotonic();
      for (const exchange of line.exchanges) {
        if (exchange.deadline > now) {
          this.#watch(line, exchange.deadline - now);
          return;
        }
        line.exchanges.delete(exchange);
        this.#onExpired(exchange);
      }
    }, delayMs);
  }

  /** Resolves when nothing is under way, or after the limit. Answers how many were still under way. */
  async whenIdle(limitMs: number): Promise<number> {
    if (this.#open.size > 0) {
      await new Promise<void>((resolve) => {
        const timer = this.#clock.setTimeout(resolve, limitMs);
        this.#idle.push(() => {
          timer.cancel();
          resolve();
        });
      });
    }
    return this.#open.size;
  }
}
