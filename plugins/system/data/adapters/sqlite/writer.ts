/**
 * The one writer of a SQLite database: a first-come queue, and commits shared by the units that were waiting (group commit).
 *
 * What always holds:
 * - Units run one after the other, never two at once, so their effect is that of a serial order.
 * - All units of a group are in one transaction, each behind a savepoint. A unit that fails goes back to its savepoint only.
 * - `finish` resolves when the COMMIT that holds the unit is on disk, and rejects when it is not.
 * - A unit joins a group only when the last units of its bundle were short, so that a slow one cannot hold finished ones back.
 */
import type { Logger, SluiceError } from '@sluice/sdk';
import type { DataClock, DataSettings } from '../../domain/settings.js';
import type { Opener } from '../engine.js';
import type { SqliteConnection } from './connection.js';
import type { FileTurn } from './turns.js';
import { closed, commitFailure, groupLost, queueFull, waitedTooLong } from './writer-failures.js';

/** `unit`: a transaction. `read`, `write`: one statement. `alone`: outside any transaction, never in a group. */
export type WriterUse = 'unit' | 'read' | 'write' | 'alone';

type WriterSettings = Pick<DataSettings, 'waitingMax' | 'groupUnitsMax' | 'groupTimeMs'>;

interface Waiter {
  readonly use: WriterUse;
  readonly bundle: string;
  grant(): void;
  reject(error: SluiceError): void;
}

interface Member {
  resolve(): void;
  reject(error: SluiceError): void;
}

/** Queue, groups and commits. */
export class SqliteWriter {
  readonly #connection: SqliteConnection;
  readonly #turn: FileTurn;
  readonly #clock: DataClock;
  readonly #settings: WriterSettings;
  readonly #log: Pick<Logger, 'warn'>;
  readonly #queue: Waiter[] = [];
  readonly #typicalMs = new Map<string, number>();
  /** Finished units of the open transaction, waiting for its commit. */
  #members: Member[] = [];
  #inTransaction = false;
  #groupSince = 0;
  /** A savepoint that nothing was done behind yet, left by a unit that rolled back. */
  #savepointFresh = false;
  #holder: { readonly bundle: string; readonly since: number } | null = null;
  #busy = false;
  #closed = false;
  #idle: (() => void) | null = null;

  constructor(
    connection: SqliteConnection,
    turn: FileTurn,
    parts: { readonly clock: DataClock; readonly settings: WriterSettings; readonly log: Pick<Logger, 'warn'> },
  ) {
    this.#connection = connection;
    this.#turn = turn;
    this.#clock = parts.clock;
    this.#settings = parts.settings;
    this.#log = parts.log;
  }

  get waiting(): number {
    return this.#queue.length;
  }

  get holder(): { readonly bundle: string; readonly heldMs: number } | null {
    const holder = this.#holder;
    return holder === null ? null : { bundle: holder.bundle, heldMs: Math.round(this.#clock.monotonic() - holder.since) };
  }

  /**
   * Waits for the writer and prepares the connection for the use.
   * @throws SluiceError `DATA_WRITER_TIMEOUT`, `DATA_WRITER_QUEUE_FULL`, `DATA_CLOSED`.
   */
  async acquire(opener: Opener, use: WriterUse): Promise<void> {
    if (this.#closed) throw closed(opener.bundle);
    if (this.#busy) await this.#wait(opener, use);
    this.#busy = true;
    this.#holder = { bundle: opener.bundle, since: this.#clock.monotonic() };
    try {
      await this.#prepare(use);
    } catch (error) {
      this.#holder = null;
      this.#pump();
      throw error;
    }
  }

  /** Ends a use that succeeded. Resolves when it is durable. */
  finish(use: WriterUse): Promise<void> {
    this.#noteDuration(use);
    this.#holder = null;
    this.#savepointFresh = false;
    if (!this.#inTransaction) {
      this.#leaveTurn();
      this.#pump();
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      this.#members.push({ resolve, reject });
      this.#pump();
    });
  }

  /** Ends a use that failed: takes back what it did, and nothing else. */
  async abandon(use: WriterUse): Promise<void> {
    try {
      if (!this.#inTransaction) this.#leaveTurn();
      // A read has no savepoint: going back to the last one would undo the finished unit before it.
      else if (use === 'read') return;
      else if (this.#members.length === 0) await this.#rollbackAll();
      else await this.#rollbackToSavepoint();
    } finally {
      this.#holder = null;
      this.#pump();
    }
  }

  /** Refuses new uses, lets those that wait finish. */
  async drain(): Promise<void> {
    this.#closed = true;
    if (this.#busy) await new Promise<void>((resolve) => (this.#idle = resolve));
  }

  #wait(opener: Opener, use: WriterUse): Promise<void> {
    if (this.#queue.length >= this.#settings.waitingMax) throw queueFull(opener.bundle, this.#queue.length, this.holder);
    return new Promise((resolve, reject) => {
      const timer = this.#clock.setTimeout(() => {
        const index = this.#queue.indexOf(waiter);
        this.#queue.splice(index, 1);
        reject(waitedTooLong(opener, this.#queue.length, this.holder));
      }, opener.waitMs);
      const grant = (): void => {
        timer.cancel();
        resolve();
      };
      const waiter: Waiter = { use, bundle: opener.bundle, grant, reject };
      this.#queue.push(waiter);
    });
  }

  async #prepare(use: WriterUse): Promise<void> {
    if (this.#inTransaction) {
      if (use === 'read' || this.#savepointFresh) return;
      // Savepoints are stacked and never released one by one: COMMIT ends them all, and each costs one round trip less.
      await this.#connection.control('SAVEPOINT unit');
      this.#savepointFresh = true;
      return;
    }
    const turn = this.#turn.enter();
    if (turn !== undefined) await turn;
    // A lone statement is a transaction of its own, unless others wait that could share its commit.
    if (use === 'unit' || (use === 'write' && this.#queue.length > 0)) {
      try {
        await this.#connection.control('BEGIN IMMEDIATE');
      } catch (error) {
        this.#leaveTurn();
        throw error;
      }
      this.#inTransaction = true;
      this.#groupSince = this.#clock.monotonic();
    }
  }

  /** Hands the writer on. Called whenever a use has ended; `#busy` stays true until nothing is left to do. */
  #pump(): void {
    const next = this.#queue[0];
    if (this.#inTransaction && (next === undefined || !this.#mayJoin(next))) {
      void this.#commit();
      return;
    }
    if (next === undefined) {
      this.#busy = false;
      this.#idle?.();
      return;
    }
    this.#queue.shift();
    next.grant();
  }

  #mayJoin(waiter: Waiter): boolean {
    if (waiter.use === 'alone' || this.#members.length >= this.#settings.groupUnitsMax) return false;
    if (this.#clock.monotonic() - this.#groupSince >= this.#settings.groupTimeMs) return false;
    return waiter.use !== 'unit' || (this.#typicalMs.get(waiter.bundle) ?? Infinity) <= this.#settings.groupTimeMs;
  }

  /** Commits the group. Never throws: each member learns the outcome through its own promise. */
  async #commit(): Promise<void> {
    const members = this.#members;
    this.#members = [];
    try {
      await this.#connection.control(members.length === 0 ? 'ROLLBACK' : 'COMMIT');
      for (const member of members) member.resolve();
    } catch (error) {
      await this.#connection.control('ROLLBACK').catch(() => undefined);
      this.#log.warn('commit failed', { units: members.length, error: (error as Error).message });
      const failure = commitFailure(error, members.length);
      for (const member of members) member.reject(failure);
    }
    this.#leaveTransaction();
    this.#pump();
  }

  async #rollbackToSavepoint(): Promise<void> {
    try {
      await this.#connection.control('ROLLBACK TO unit');
      this.#savepointFresh = true;
    } catch (error) {
      // A full disk, an input/output error or an interrupted write ends the whole transaction inside SQLite.
      const members = this.#members;
      await this.#rollbackAll();
      this.#log.warn('transaction lost with finished units in it', { units: members.length, error: (error as Error).message });
      for (const member of members) member.reject(groupLost(error));
    }
  }

  async #rollbackAll(): Promise<void> {
    // Fails only when SQLite has already rolled back by itself.
    await this.#connection.control('ROLLBACK').catch(() => undefined);
    this.#members = [];
    this.#leaveTransaction();
  }

  #leaveTransaction(): void {
    this.#inTransaction = false;
    this.#savepointFresh = false;
    this.#leaveTurn();
  }

  #leaveTurn(): void {
    this.#turn.leave();
  }

  #noteDuration(use: WriterUse): void {
    const holder = this.#holder;
    if (holder === null || use !== 'unit') return;
    const durationMs = this.#clock.monotonic() - holder.since;
    const before = this.#typicalMs.get(holder.bundle) ?? durationMs;
    // A slow unit counts at once and is forgotten slowly.
    this.#typicalMs.set(holder.bundle, durationMs > before ? durationMs : before * 0.8 + durationMs * 0.2);
  }
}
