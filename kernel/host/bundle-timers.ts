/**
 * The timers of one revision: `setTimeout` and its kin as its code sees them, over a port of the host. They end with the revision, a
 * callback that throws is reported instead of taking the process down, and what still runs can be listed.
 */
import { promisify } from 'node:util';
import { SluiceError } from '@sluice/sdk';
import type { HostTimer, RevisionHooks } from './ports.js';

type Kind = 'timeout' | 'interval' | 'immediate';
type Callback = (...values: unknown[]) => void;

/** What `setTimeout` returns inside a bundle; behaves as Node's own. */
export class BundleTimer {
  timer: HostTimer | undefined;
  #referenced = true;

  constructor(
    private readonly owner: BundleTimers,
    readonly kind: Kind,
    readonly delayMs: number,
    readonly run: () => void,
  ) {}

  ref(): this {
    this.#referenced = true;
    this.timer?.ref?.();
    return this;
  }
  unref(): this {
    this.#referenced = false;
    this.timer?.unref?.();
    return this;
  }
  hasRef(): boolean {
    return this.#referenced;
  }
  refresh(): this {
    this.owner.restart(this);
    if (!this.#referenced) this.timer?.unref?.();
    return this;
  }
  close(): this {
    this.owner.clear(this);
    return this;
  }
  [Symbol.dispose](): void {
    this.owner.clear(this);
  }
}

/** Owner of all timers of one revision. */
export class BundleTimers {
  private active: Set<BundleTimer> | undefined;
  private closed = false;

  constructor(
    private readonly bundle: string,
    private readonly hooks: RevisionHooks,
  ) {}

  /** Starts a timer. */
  start(kind: Kind, callback: unknown, delayMs: unknown, values: readonly unknown[]): BundleTimer {
    if (typeof callback !== 'function') throw new TypeError(`The callback of a timer must be a function, found ${typeof callback}`);
    // As Node does: anything that is not a positive number of milliseconds counts as 1.
    const delay = Number(delayMs);
    const timer = new BundleTimer(this, kind, delay >= 1 ? delay : 1, () => this.fire(timer, callback as Callback, values));
    this.arm(timer);
    return timer;
  }

  private arm(timer: BundleTimer): void {
    if (this.closed) {
      throw new SluiceError('CONTEXT_CLOSED', `Bundle '${this.bundle}' started a timer after it was stopped`, {
        details: { bundle: this.bundle },
      });
    }
    const { timers } = this.hooks;
    if (timer.kind === 'interval') timer.timer = timers.setInterval(timer.run, timer.delayMs);
    else if (timer.kind === 'timeout') timer.timer = timers.setTimeout(timer.run, timer.delayMs);
    else timer.timer = timers.setImmediate === undefined ? timers.setTimeout(timer.run, 0) : timers.setImmediate(timer.run);
    (this.active ??= new Set()).add(timer);
  }

  private fire(timer: BundleTimer, callback: Callback, values: readonly unknown[]): void {
    if (timer.kind !== 'interval') this.active?.delete(timer);
    const run = (): void => {
      try {
        callback.apply(timer, [...values]);
      } catch (error) {
        this.hooks.timerFailed(error);
      }
    };
    if (this.hooks.enter === undefined) run();
    else this.hooks.enter(run);
  }

  /** Cancels a timer; anything else is ignored, as Node does. */
  clear(timer: unknown): void {
    if (!(timer instanceof BundleTimer)) return;
    timer.timer?.cancel();
    this.active?.delete(timer);
  }

  /** Starts a timer anew with its delay. */
  restart(timer: BundleTimer): void {
    timer.timer?.cancel();
    this.arm(timer);
  }

  /** What still runs, e.g. `interval of 500 ms`. */
  pending(): readonly string[] {
    return [...(this.active ?? [])].map(({ kind, delayMs }) => (kind === 'immediate' ? kind : `${kind} of ${delayMs} ms`));
  }

  /** Cancels everything and refuses more. */
  close(): void {
    this.closed = true;
    for (const timer of this.active ?? []) timer.timer?.cancel();
    this.active = undefined;
  }
}

/** The six functions of one class space. Made anew for each evaluation, so that those a bundle never names cost nothing afterwards. */
export function timerFunctions(space: { readonly timers: BundleTimers }): unknown[] {
  const setTimeout = (callback: unknown, delayMs?: unknown, ...values: unknown[]): BundleTimer =>
    space.timers.start('timeout', callback, delayMs, values);
  const setInterval = (callback: unknown, delayMs?: unknown, ...values: unknown[]): BundleTimer =>
    space.timers.start('interval', callback, delayMs, values);
  const setImmediate = (callback: unknown, ...values: unknown[]): BundleTimer => space.timers.start('immediate', callback, 0, values);
  const clear = (timer: unknown): void => space.timers.clear(timer);
  // `promisify(setTimeout)(ms)` puts the callback first; without this it would be taken for the delay.
  (setTimeout as Promisable)[promisify.custom] = (delayMs: unknown, value: unknown) =>
    new Promise((resolve) => space.timers.start('timeout', resolve, delayMs, [value]));
  (setImmediate as Promisable)[promisify.custom] = (value: unknown) =>
    new Promise((resolve) => space.timers.start('immediate', resolve, 0, [value]));
  return [setTimeout, setInterval, setImmediate, clear, clear, clear];
}

interface Promisable {
  [promisify.custom]?: (...values: unknown[]) => Promise<unknown>;
}
