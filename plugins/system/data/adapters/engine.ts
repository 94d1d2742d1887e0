/**
 * The port between units of work and a database: what SQLite and PostgreSQL must both be able to do. The two engines pass the same
 * contract suite (test/contract/data).
 */
import type { BackupElsewhere, SqlExecutor, SqlRow, SqlValue } from '@sluice/sdk';
import type { Dialect } from '../domain/scan.js';

/** In whose name a connection is asked for. */
export interface Opener {
  readonly bundle: string;
  /** Longest wait for the writer or a connection, milliseconds. */
  readonly waitMs: number;
}

/** Runs one statement of Sequelize under the rules of whoever holds the connection (a unit of work, or a lease). */
export type Gate = <T>(run: () => Promise<T>) => Promise<T>;

/** What became of a transaction. `unknown`: the connection was lost after the commit was sent. */
export type UnitOutcome = 'rolled back' | 'committed' | 'unknown';

/**
 * One open transaction on one connection. Statements are run in the order of their calls; one that cannot be sent throws at once,
 * not through its promise, so that no commit is sent behind it.
 */
export interface Session extends SqlExecutor {
  /** The connection as Sequelize's query classes want it; each statement passes the gate. */
  sequelizeConnection(gate: Gate): object;
  /** Sends the commit behind the statements started so far, where that spares a round trip. Only `commit` or `rollback` may follow. */
  finish(): void;
  /** Resolves when the transaction is durable. */
  commit(): Promise<void>;
  /** Takes back what was done, unless the commit was sent by `finish` and took effect. Never rejects. */
  rollback(): Promise<UnitOutcome>;
  /** Stops a statement under way. Only `rollback` may follow. */
  cut(): void;
}

/** The right to a connection for statements outside any unit of work. */
export interface Lease {
  readonly connection: object;
  release(): void;
}

/** What a health check shows. */
export interface EngineStatus {
  readonly dialect: Dialect;
  readonly version: string;
  /** Units and statements that wait for the writer or a connection. */
  readonly waiting: number;
  /** Bundle that holds the writer (SQLite), and since how long. */
  readonly holder: { readonly bundle: string; readonly heldMs: number } | null;
  readonly note: string;
}

/** How a transaction is to be opened. */
export interface SessionRequest extends Opener {
  readonly isolation: 'read-committed' | 'serializable';
  /** Longest run of one statement, where the database can be told; only migrations ask for more than the setting. */
  readonly statementTimeoutMs?: number;
}

/** A database. */
export interface Engine {
  readonly dialect: Dialect;
  readonly version: string;
  /** The driver, for Sequelize's dialects. */
  readonly driver: object;
  begin(request: SessionRequest): Promise<Session>;
  /** One statement in a transaction of its own. */
  query(opener: Opener, sql: string, values: readonly SqlValue[]): Promise<readonly SqlRow[]>;
  execute(opener: Opener, sql: string, values: readonly SqlValue[]): Promise<number>;
  /** A connection for a statement of Sequelize outside any unit of work. */
  lease(opener: Opener): Promise<Lease>;
  status(): EngineStatus;
  /** Writes a consistent copy into a folder while the system serves, or answers where copies are made. */
  backup(folder: string): Promise<BackupElsewhere | void>;
  /** Lets what waits finish, then closes. */
  close(): Promise<void>;
}
