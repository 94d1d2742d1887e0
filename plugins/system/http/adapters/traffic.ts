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

/**
 * Requests in order of arrival, linked through the requests themselves: a set would hash each of them twice, at every request.
 */
class Line {
  #first: Exchange | null = null;
  #last: Exchange | null = null;
  timer: Timer | null = null;

  get first(): Exchange | null {
    return this.#first;
  }

  append(exchange: Exchange): void {
    exchange.previous = this.#last;
    if (this.#last === null) this.#first = exchange;
    else this.#last.next = exchange;
    this.#last = exchange;
  }

  remove(exchange: Exchange): void {
    const { previous, next } = exchange;
    if (previous === null) this.#first = next;
    else previous.next = next;
    if (next === null) this.#last = previous;
    else next.previous = previous;
    exchange.previous = exchange.next = null;
  }

  *[Symbol.iterator](): Iterator<Exchange> {
    for (let exchange = this.#first; exchange !== null;) {
      // The one in hand may leave the line before the next is asked for.
      const { next } = exchange;
      yield exchange;
      exchange = next;
    }
  }
}

/** All requests under way. */
export class Traffic {
  readonly #clock: Clock;
  readonly #onExpired: (exchange: Exchange) => void;
  readonly #bundles = new Map<string, BundleTraffic>();
  // By time limit, so that in each the first is the first to exceed it.
  readonly #lines = new Map<number, Line>();
  // Handler returned or given up, answer still being read.
  readonly #answering = new Line();
  readonly #idle: (() => void)[] = [];
  #size = 0;

  constructor(clock: Clock, onExpired: (exchange: Exchange) => void) {
    this.#clock = clock;
    this.#onExpired = onExpired;
  }

  /** Requests under way. */
  get size(): number {
    return this.#size;
  }

  /** Requests under way. */
  *exchanges(): Iterable<Exchange> {
    for (const line of this.#lines.values()) yield* line;
    yield* this.#answering;
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

  /** Takes a request in and watches its time limit, until its handler has returned. */
  add(exchange: Exchange, timeoutMs: number): void {
    this.#size += 1;
    let line = this.#lines.get(timeoutMs);
    if (line === undefined) this.#lines.set(timeoutMs, (line = new Line()));
    exchange.line = line;
    line.append(exchange);
    if (line.timer === null) this.#watch(line, timeoutMs);
  }

  /** Lets a request go. */
  remove(exchange: Exchange): void {
    exchange.line?.remove(exchange);
    exchange.line = null;
    this.#size -= 1;
    if (this.#size === 0) for (const resolve of this.#idle.splice(0)) resolve();
  }

  #watch(line: Line, delayMs: number): void {
    line.timer = this.#clock.setTimeout(() => {
      line.timer = null;
      const now = this.#clock.monotonic();
      for (const exchange of line) {
        if (!exchange.isHandlerDone && exchange.deadline > now) {
          this.#watch(line, exchange.deadline - now);
          return;
        }
        line.remove(exchange);
        this.#answering.append(exchange);
        exchange.line = this.#answering;
        if (!exchange.isHandlerDone) this.#onExpired(exchange);
      }
    }, delayMs);
  }

  /** Stops watching time limits: a timer that is still to come would keep the handler, and all routes of its table, until then. */
  unwatch(): void {
    for (const line of this.#lines.values()) {
      line.timer?.cancel();
      line.timer = null;
    }
  }

  /** Resolves when nothing is under way, or after the limit. Answers how many were still under way. */
  async whenIdle(limitMs: number): Promise<number> {
    if (this.#size > 0) {
      await new Promise<void>((resolve) => {
        const timer = this.#clock.setTimeout(resolve, limitMs);
        this.#idle.push(() => {
          timer.cancel();
          resolve();
        });
      });
    }
    return this.#size;
  }
}
