/**
 * One open transaction, as the code inside sees it.
 *
 * What always holds:
 * - A unit ends once. After that, and after a time-out, none of its statements reaches the database.
 * - A failed statement, or a failed joined part, makes the whole unit roll back (as PostgreSQL does by itself).
 */
import type { SluiceError, SqlRow, SqlValue, UnitOfWork } from '@sluice/sdk';
import type { Sequelize, Transaction } from 'sequelize';
import type { DataClock } from '../domain/settings.js';
import type { Session, UnitOutcome } from './engine.js';
import { eventValues, INSERT_EVENT } from './outbox-rows.js';
import { sequelizeTransaction } from './sequelize-transaction.js';
import { cutUnit, endedUnit, isolationMismatch, notAwaited, rollbackOnly } from './unit-failures.js';

/** In whose name a unit runs. */
export interface UnitOwner {
  readonly bundle: string;
  /** Gives the instance that makes `unit.transaction`; null for work of the data bundle itself. */
  readonly sequelize: (() => Sequelize) | null;
}

type Isolation = 'read-committed' | 'serializable';
/** How long a statement that nobody waited for may still run before it is interrupted. */
const STRAY_MS_MAX = 1_000;

type UnitState = 'open' | 'committing' | 'ended';

/** An open unit of work. */
export class OpenUnit implements UnitOfWork {
  readonly #owner: UnitOwner;
  readonly #isolation: Isolation;
  readonly #clock: DataClock;
  readonly #since: number;
  #session: Session | null;
  #state: UnitState = 'open';
  #failure: { readonly error: unknown } | null = null;
  #isFinished = false;
  #underWay = 0;
  #quiet: () => void = () => {};
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
    return (this.#transaction ??= sequelizeTransaction((this.#owner.sequelize as () => Sequelize)(), this));
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
    await this.#guarded((session) => {
      const running = session.execute(INSERT_EVENT, eventValues(this.#clock.now(), topic, key, payload));
      this.emitted = true;
      return running;
    });
  }

  finish(): void {
    this.assertOpen();
    if (this.#joined > 0 || this.#failure !== null) return;
    this.#isFinished = true;
    this.#session?.finish();
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

  /** Rolls back, unless the commit that `finish` sent took effect. */
  async rollback(): Promise<UnitOutcome> {
    const session = this.#session as Session;
    this.#end('rollback');
    await this.#strays(session);
    return await session.rollback();
  }

  /** Waits for statements that nobody awaited: one that ran after the rollback would be committed by itself. */
  async #strays(session: Session): Promise<void> {
    if (this.#underWay === 0) return;
    const quiet = new Promise<void>((resolve) => (this.#quiet = resolve));
    const timer = this.#clock.setTimeout(() => session.cut(), STRAY_MS_MAX);
    await quiet;
    timer.cancel();
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

  /** Up to the call of `run` this is synchronous: a failure to start a statement is known before a `finish` that follows it. */
  async #guarded<T>(run: (session: Session) => Promise<T>): Promise<T> {
    if (this.#isFinished) throw endedUnit(this.bundle);
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
      if (this.#underWay === 0) this.#quiet();
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
