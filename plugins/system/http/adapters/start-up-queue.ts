/**
 * Requests for what is not served yet while the system starts. They wait for their bundle instead of being refused: a client that connected
 * to a kernel just replaced, or just killed, notices a pause and nothing else.
 */
import type { Clock } from '@sluice/sdk';
import type { Exchange } from './exchange.js';

/** Longest wait; then the client is told to come again. */
const WAIT_MS_MAX = 10_000;
/** How often is looked whether more is served. */
const LOOK_EVERY_MS = 20;

/** The queue. */
export class StartUpQueue {
  readonly #clock: Pick<Clock, 'monotonic' | 'setTimeout'>;
  readonly #dispatch: (exchange: Exchange) => void;
  readonly #held = new Set<Exchange>();
  readonly #since = new WeakMap<Exchange, number>();
  #looksSoon = false;

  /** @param dispatch finds a request's route anew; what still has none is held again, or refused. */
  constructor(clock: Pick<Clock, 'monotonic' | 'setTimeout'>, dispatch: (exchange: Exchange) => void) {
    this.#clock = clock;
    this.#dispatch = dispatch;
  }

  /** Holds a request; false when there is no room, or it has waited for long enough. */
  hold(exchange: Exchange, queueMax: number): boolean {
    const now = this.#clock.monotonic();
    const since = this.#since.get(exchange) ?? now;
    if (this.#held.size >= queueMax || now - since >= WAIT_MS_MAX) return false;
    if (!this.#since.has(exchange)) exchange.response.once('close', () => this.#held.delete(exchange));
    this.#since.set(exchange, since);
    this.#held.add(exchange);
    if (!this.#looksSoon) this.#clock.setTimeout(() => this.#look(), LOOK_EVERY_MS);
    this.#looksSoon = true;
    return true;
  }

  #look(): void {
    this.#looksSoon = false;
    const held = [...this.#held];
    this.#held.clear();
    for (const exchange of held) this.#dispatch(exchange);
  }
}
