/**
 * Data access. The data bundle gives every consumer bundle its own Sequelize instance over shared connections; tables
 * are owned by prefix, migrations are expand-only while two revisions live, and one unit of work joins several bundles.
 */
import type { ModelAttributes, ModelOptions, ModelStatic, Sequelize, Transaction } from 'sequelize';
import type * as SequelizeTypes from 'sequelize';
import { localContract } from './contract.js';

/** A value bound to a statement. Whole numbers above 2^53 must be bigint. */
export type SqlValue = string | number | bigint | boolean | Uint8Array | null;

/** A row as plain SQL returns it. Columns declared BIGINT (and sums cast to TEXT) are read with {@link asBigint}. */
export type SqlRow = Readonly<Record<string, unknown>>;

/** Reads an integer column as bigint, whichever form the driver gave. Refuses a number above 2^53. */
export function asBigint(value: unknown): bigint {
  if (typeof value === 'bigint') return value;
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value)) throw new RangeError(`integer column came back as unsafe number ${value}`);
    return BigInt(value);
  }
  if (typeof value === 'string') return BigInt(value);
  throw new TypeError(`expected an integer column, found ${value === null ? 'null' : typeof value}`);
}

/** Plain statements inside or outside a unit of work. */
export interface SqlExecutor {
  /** Runs a statement with `?` placeholders and returns its rows. */
  query(sql: string, values?: readonly SqlValue[]): Promise<readonly SqlRow[]>;
  /** Runs a statement with `?` placeholders and returns how many rows it changed. */
  execute(sql: string, values?: readonly SqlValue[]): Promise<number>;
}

/** One open transaction. Services called while it is open join it (through the async context). */
export interface UnitOfWork extends SqlExecutor {
  /** For Sequelize calls: `{ transaction: unit.transaction }`. */
  readonly transaction: Transaction;
  /** Runs after the commit succeeded, never after a rollback or a failed commit. */
  afterCommit(callback: () => void): void;
  /** Writes an event into the outbox; it leaves only if the transaction commits. */
  emit(topic: string, key: string, payload: unknown): Promise<void>;
  /**
   * Says that the statements started so far are the last ones, so that COMMIT can travel with them (PostgreSQL; elsewhere, and in a
   * unit that was joined, it changes nothing). Nothing may be started afterwards, and the work must resolve once they have succeeded:
   * from here on the database alone decides. For plain statements and events; a model call may not have sent its statement yet.
   */
  finish(): void;
}

/** One step of a bundle's schema. Applied once, in order, recorded per bundle. */
export interface Migration {
  /** Unique in the bundle and sorted, e.g. `0001-accounts`. */
  readonly name: string;
  /** `expand` leaves the previous revision working; `contract` removes what only older revisions needed. */
  readonly phase: 'expand' | 'contract';
  up(db: MigrationExecutor): Promise<void>;
  down(db: MigrationExecutor): Promise<void>;
  /** Throws when the data does not allow the step. */
  check?(db: MigrationExecutor): Promise<void>;
}

/** What a migration may do. */
export interface MigrationExecutor extends SqlExecutor {
  readonly dialect: 'sqlite' | 'postgres';
  /** The full name of a table of this bundle: its prefix and the short name. */
  table(name: string): string;
}

/** Data access of one bundle. */
export interface DataService extends SqlExecutor {
  readonly dialect: 'sqlite' | 'postgres';
  /** The bundle's own Sequelize instance. */
  readonly sequelize: Sequelize;
  /** Sequelize's `DataTypes`, so that bundles need not pack the library. */
  readonly types: typeof SequelizeTypes.DataTypes;
  /** An attribute type for money and other 64-bit integers that is read and written as bigint. */
  bigint(column: string, options?: { allowNull?: boolean; defaultValue?: bigint; primaryKey?: boolean }): ModelAttributes[string];
  /** The full name of a table of this bundle. */
  table(name: string): string;
  /** Defines a model on the bundle's own instance; the table gets the bundle's prefix. */
  define(name: string, attributes: ModelAttributes, options?: ModelOptions): ModelStatic<any>;
  /** Applies the migrations that are not yet applied. Safe to call from two revisions at once. */
  migrate(migrations: readonly Migration[]): Promise<readonly string[]>;
  /**
   * Runs work in a transaction (SQLite: BEGIN IMMEDIATE on the one writer; PostgreSQL: READ COMMITTED, or as asked) and commits when it
   * resolves. Called inside an open unit, it joins that one. Serialisation failures are retried.
   */
  unitOfWork<T>(work: (unit: UnitOfWork) => Promise<T>, options?: UnitOfWorkOptions): Promise<T>;
  /** Runs detached work outside the current unit of work. */
  leave<T>(work: () => T): T;
}

/** Options of a unit of work. */
export interface UnitOfWorkOptions {
  /** Longest wait for the writer and longest run, milliseconds. */
  readonly timeoutMs?: number;
  readonly isolation?: 'read-committed' | 'serializable';
  /** Attempts on serialisation failure or deadlock; default 5. */
  readonly attemptsMax?: number;
}

/** Contract of the data service (bundle scope: each consumer gets its own). */
export const Data = localContract<DataService>(
  'sluice.data.Data',
  '1.0.0',
  ['bigint', 'table', 'define', 'migrate', 'unitOfWork', 'leave', 'query', 'execute'],
  ['dialect', 'sequelize', 'types'],
);

/** An event that a committed unit of work left in the outbox. */
export interface OutboxEvent {
  /** Decimal digits, ascending. Of two units that one lock put in order, the later one has the higher ids. */
  readonly id: string;
  readonly topic: string;
  /** Events with the same key must be delivered in the order of their ids. */
  readonly key: string;
  readonly payload: unknown;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** An event that was set aside because it could not be delivered. */
export interface ParkedEvent extends OutboxEvent {
  /** Milliseconds since 1970. */
  readonly parkedAt: number;
  readonly reason: string;
}

/** The durable side of events, for the one bundle that delivers them. Each call joins the unit of work it is made in, if any. */
export interface OutboxService {
  /**
   * The oldest events that are neither done nor parked, by id.
   * @param exceptKeys keys to pass over: those with a delivery under way or waiting for a retry.
   */
  take(limit: number, exceptKeys?: readonly string[]): Promise<readonly OutboxEvent[]>;
  /** Marks events as delivered. */
  done(ids: readonly string[]): Promise<void>;
  /** Sets an event aside that cannot be delivered, so that its key moves on. It stays in the table with the reason. */
  park(id: string, reason: string): Promise<void>;
  /** Events set aside, oldest first. */
  parked(limit: number): Promise<readonly ParkedEvent[]>;
  /** Lets a parked event be delivered again. False when none of this id is parked. */
  release(id: string): Promise<boolean>;
  /** How many events wait. */
  pending(): Promise<number>;
  /** Whether a handler has already handled an event. */
  isHandled(handler: string, eventId: string): Promise<boolean>;
  /** Records that a handler handled an event. False when that was recorded before. */
  markHandled(handler: string, eventId: string): Promise<boolean>;
  /** Removes what was delivered, and inbox marks made, before a moment (milliseconds since 1970). Returns the number of rows. */
  sweep(beforeMs: number): Promise<number>;
  /** Calls back, outside of any unit of work, after each commit in this process that left events. Returns the undo. */
  onCommitted(callback: () => void): () => void;
}

/** Contract of the outbox. */
export const Outbox = localContract<OutboxService>('sluice.data.Outbox', '1.0.0', [
  'take',
  'done',
  'park',
  'parked',
  'release',
  'pending',
  'isHandled',
  'markHandled',
  'sweep',
  'onCommitted',
]);
