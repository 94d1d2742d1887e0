/**
 * Units of work: one transaction that the services of several bundles join through the async context.
 *
 * What always holds:
 * - A unit ends once. After that, and after a time-out, none of its statements reaches the database.
 * - A failed statement, or a failed joined part, makes the whole unit roll back (as PostgreSQL does by itself).
 * - `afterCommit` callbacks run outside the unit, after the commit succeeded, and never otherwise.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { SluiceError, type Logger, type SqlRow, type SqlValue, type UnitOfWork, type UnitOfWorkOptions } from '@sluice/sdk';
import type { Sequelize, Transaction } from 'sequelize';
import { mayRetryUnit, retryDelayMs } from '../domain/failures.js';
import type { DataClock, DataSettings } from '../domain/settings.js';
import type { Engine, Session } from './engine.js';
import { cutUnit, endedUnit, isolationMismatch, notAwaited, rollbackOnly } from './unit-failures.js';
import { insertEvent } from './outbox-rows.js';
import { sequelizeTransaction } from './sequelize-transaction.js';

/** Attempts of a unit that meets serialisation failures or deadlocks. */
const ATTEMPTS_MAX = 5;

/** In whose name a unit runs. */
export interface UnitOwner {
  readonly bundle: string;
  /** Instance that makes `unit.transaction`; null for work of the data bundle itself. */
  readonly sequelize: Sequelize | null;
}

/** What may be asked of a unit. */
export interface RunOptions extends UnitOfWorkOptions {
  /** Longest run of one statement, when it may be longer than the setting. */
  readonly statementTimeoutMs?: number;
}

type Isolation = 'read-committed' | 'serializable';
type UnitState = 'open' | 'committing' | 'ended';

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
      await unit.rollback();
      throw unit.reasonFor(error);
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

/** One open transaction, as the code inside sees it. */
export class OpenUnit implements UnitOfWork {
  readonly #owner: UnitOwner;
  readonly #isolation: Isolation;
  readonly #clock: DataClock;
  readonly #since: number;
  #session: Session | null;
  #state: UnitState = 'open';
  #failure: { readonly error: unknown } | null = null;
  #underWay = 0;
  #joined = 0;
  #callbacks: (() => void)[] = [];
  #transaction: Transaction | null = null;
  #connection: object | null = null;
  /** True once an event was written. */
  emitted = false;

  constructor(owner: UnitOwner, session: Session, isolation: Isolation, clock: DataClock) {
    this.#owner = owner;
    this.#session = session;
    this.#isolation = isolation;
    this.#clock = clock;
    this.#since = clock.monotonic();
  }

  get bundle(): string {
    return this.#owner.bundle;
  }

  get transaction(): Transaction {
    this.assertOpen();
    return (this.#transaction ??= sequelizeTransaction(this.#owner.sequelize as Sequelize, this));
  }

  query(sql: string, values: readonly SqlValue[] = []): Promise<readonly SqlRow[]> {
    return this.#guarded((session) => session.query(sql, values));
  }

  execute(sql: string, values: readonly SqlValue[] = []): Promise<number> {
    return this.#guarded((session) => session.execute(sql, values));
  }

  afterCommit(callback: () => void): void {
    this.assertOpen();
    this.#callbacks.push(callback);
  }

  async emit(topic: string, key: string, payload: unknown): Promise<void> {
    await insertEvent(this, this.#clock.now(), topic, key, payload);
    this.emitted = true;
  }

  /** The connection for Sequelize's statements inside this unit. */
  sequelizeConnection(): object {
    this.assertOpen();
    return (this.#connection ??= (this.#session as Session).sequelizeConnection((run) => this.#guarded(() => run())));
  }

  /** Runs a part that joins: its failure is the failure of the whole unit. */
  async join<T>(work: (unit: OpenUnit) => Promise<T>, isolation: Isolation | undefined): Promise<T> {
    if (isolation === 'serializable' && this.#isolation !== 'serializable') throw isolationMismatch(this.bundle);
    this.#joined += 1;
    try {
      return await work(this);
    } catch (error) {
      this.#failure ??= { error };
      throw error;
    } finally {
      this.#joined -= 1;
    }
  }

  /** @throws SluiceError `DATA_UNIT_ENDED`. */
  assertOpen(): void {
    if (this.#state !== 'open') throw endedUnit(this.bundle);
  }

  /** Makes the unit roll back although its work may go on. */
  failWith(error: unknown): void {
    this.#failure ??= { error };
  }

  /**
   * Ends the time of statements before the commit.
   * @throws SluiceError when the unit must not commit.
   */
  close(): void {
    if (this.#failure !== null) throw rollbackOnly(this.bundle, this.#failure.error);
    if (this.#underWay + this.#joined > 0) throw notAwaited(this.bundle, this.#underWay, this.#joined);
    this.#state = 'committing';
  }

  async commit(): Promise<void> {
    const session = this.#session as Session;
    try {
      await session.commit();
      this.#end('commit');
    } catch (error) {
      this.#end('rollback');
      throw error;
    }
  }

  /** Rolls back. A failure to do so is the engine's matter: it drops what cannot be rolled back. */
  async rollback(): Promise<void> {
    const session = this.#session as Session;
    this.#end('rollback');
    await session.rollback();
  }

  /** Ends the unit because its time is over. */
  cut(timeoutMs: number): SluiceError {
    const heldMs = Math.round(this.#clock.monotonic() - this.#since);
    this.#state = 'ended';
    this.#session?.cut();
    return cutUnit(this.bundle, timeoutMs, heldMs, this.#underWay);
  }

  /** What a caller should see: the first failure, not one that followed from it. */
  reasonFor(error: unknown): unknown {
    return this.#failure !== null && (error as { code?: unknown } | null)?.code === 'DATA_TRANSACTION_ABORTED'
      ? this.#failure.error
      : error;
  }

  takeCallbacks(): (() => void)[] {
    const callbacks = this.#callbacks;
    this.#callbacks = [];
    return callbacks;
  }

  async #guarded<T>(run: (session: Session) => Promise<T>): Promise<T> {
    this.assertOpen();
    if (this.#failure !== null) throw rollbackOnly(this.bundle, this.#failure.error);
    this.#underWay += 1;
    try {
      return await run(this.#session as Session);
    } catch (error) {
      this.#failure ??= { error };
      throw error;
    } finally {
      this.#underWay -= 1;
    }
  }

  #end(outcome: 'commit' | 'rollback'): void {
    this.#state = 'ended';
    // A timer or socket opened inside keeps this object; it must not keep the connection with it.
    this.#session = null;
    this.#connection = null;
    if (this.#transaction !== null) (this.#transaction as { finished?: string }).finished = outcome;
    this.#transaction = null;
  }
}
