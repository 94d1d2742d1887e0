/**
 * Units of work: opens one transaction, lets the services of several bundles join it through the async context, and ends it.
 * `afterCommit` callbacks run outside the unit, after the commit succeeded, and never otherwise.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { Logger, UnitOfWorkOptions } from '@sluice/sdk';
import { mayRetryUnit, retryDelayMs } from '../domain/failures.js';
import type { DataClock, DataSettings } from '../domain/settings.js';
import type { Engine } from './engine.js';
import { OpenUnit, type UnitOwner } from './open-unit.js';
import { committedAnyway } from './unit-failures.js';

/** Attempts of a unit that meets serialisation failures or deadlocks. */
const ATTEMPTS_MAX = 5;

/** What may be asked of a unit. */
export interface RunOptions extends UnitOfWorkOptions {
  /** Longest run of one statement, when it may be longer than the setting. */
  readonly statementTimeoutMs?: number;
}

interface UnitParts {
  readonly engine: Engine;
  readonly clock: DataClock;
  readonly settings: Pick<DataSettings, 'unitTimeoutMs' | 'waitTimeoutMs'>;
  readonly log: Pick<Logger, 'warn'>;
  readonly random?: () => number;
}

/** Opens units and knows the one that the running code is in. */
export class Units {
  readonly #parts: UnitParts;
  readonly #ambient = new AsyncLocalStorage<OpenUnit>();
  readonly #listeners = new Set<() => void>();

  constructor(parts: UnitParts) {
    this.#parts = parts;
  }

  get waitTimeoutMs(): number {
    return this.#parts.settings.waitTimeoutMs;
  }

  /**
   * The unit that the running code is in.
   * @throws SluiceError `DATA_UNIT_ENDED` when that unit is over: the code was started inside and not awaited.
   */
  current(): OpenUnit | undefined {
    const unit = this.#ambient.getStore();
    unit?.assertOpen();
    return unit;
  }

  /** Runs code outside of any unit. */
  leave<T>(work: () => T): T {
    return this.#ambient.exit(work);
  }

  /** Runs work in the current unit, or in a new one that commits when the work resolves. */
  run<T>(owner: UnitOwner, work: (unit: OpenUnit) => Promise<T>, options: RunOptions = {}): Promise<T> {
    const outer = this.current();
    return outer === undefined ? this.#attempts(owner, work, options) : outer.join(work, options.isolation);
  }

  /** Calls back after commits that left events. */
  onEvents(callback: () => void): () => void {
    const listener = (): void => callback();
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  async #attempts<T>(owner: UnitOwner, work: (unit: OpenUnit) => Promise<T>, options: RunOptions): Promise<T> {
    const attemptsMax = options.attemptsMax ?? ATTEMPTS_MAX;
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#once(owner, work, options);
      } catch (error) {
        if (attempt >= attemptsMax || !mayRetryUnit(error)) throw error;
        const delayMs = retryDelayMs(attempt, (this.#parts.random ?? Math.random)());
        await new Promise<void>((resolve) => this.#parts.clock.setTimeout(resolve, delayMs));
      }
    }
  }

  async #once<T>(owner: UnitOwner, work: (unit: OpenUnit) => Promise<T>, options: RunOptions): Promise<T> {
    const { engine, clock, settings } = this.#parts;
    const isolation = options.isolation ?? 'read-committed';
    const session = await engine.begin({
      bundle: owner.bundle,
      isolation,
      waitMs: options.timeoutMs ?? settings.waitTimeoutMs,
      ...(options.statementTimeoutMs === undefined ? {} : { statementTimeoutMs: options.statementTimeoutMs }),
    });
    const unit = new OpenUnit(owner, session, isolation, clock);
    let result: T;
    try {
      result = await this.#limited(unit, work, options.timeoutMs ?? settings.unitTimeoutMs);
      unit.close();
    } catch (error) {
      const outcome = await unit.rollback();
      if (outcome === 'rolled back') throw unit.reasonFor(error);
      this.#afterCommit(unit);
      throw committedAnyway(owner.bundle, outcome, error);
    }
    await unit.commit();
    this.#afterCommit(unit);
    return result;
  }

  /** Runs the work inside the unit and stops waiting for it when its time is over. */
  #limited<T>(unit: OpenUnit, work: (unit: OpenUnit) => Promise<T>, timeoutMs: number): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const timer = this.#parts.clock.setTimeout(() => reject(unit.cut(timeoutMs)), timeoutMs);
      const settled = (): void => timer.cancel();
      let running: Promise<T>;
      try {
        running = this.#ambient.run(unit, work, unit);
      } catch (error) {
        settled();
        reject(error as Error);
        return;
      }
      Promise.resolve(running).then(
        (result) => {
          settled();
          resolve(result);
        },
        (error: unknown) => {
          settled();
          reject(error as Error);
        },
      );
    });
  }

  #afterCommit(unit: OpenUnit): void {
    const callbacks = unit.takeCallbacks();
    if (unit.emitted) callbacks.push(...this.#listeners);
    if (callbacks.length === 0) return;
    this.#ambient.exit(() => {
      for (const callback of callbacks) {
        try {
          callback();
        } catch (error) {
          // The transaction is committed: a failing callback must not make it look failed.
          this.#parts.log.warn('an afterCommit callback threw', { bundle: unit.bundle, error: (error as Error).message });
        }
      }
    });
  }
}
