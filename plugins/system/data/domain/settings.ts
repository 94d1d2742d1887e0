/** Settings of the data bundle, with the reason of each bound. The manifest's schema says the same to operators. Pure. */

/** Configuration of the bundle. */
export interface DataSettings {
  /** PostgreSQL URL; empty: SQLite. A secret, as it may hold a password. */
  readonly url: string;
  /** File name of the SQLite database in the bundle's data folder. */
  readonly file: string;
  /** Longest wait for the writer (SQLite) or a connection (PostgreSQL). */
  readonly waitTimeoutMs: number;
  /** Longest run of a unit of work: it awaits the database only, so seconds are already long. */
  readonly unitTimeoutMs: number;
  /** Units and statements that may wait at once; more means that the system is over its capacity. */
  readonly waitingMax: number;
  /** Units of work that may share one commit. */
  readonly groupUnitsMax: number;
  /** A group commits after this time even when more wait: it bounds what sharing adds to the first unit's latency. */
  readonly groupTimeMs: number;
  /** Connections to PostgreSQL. */
  readonly connectionsMax: number;
  /** PostgreSQL gives a statement up after this time. */
  readonly statementTimeoutMs: number;
  /** PostgreSQL gives up waiting for a row lock after this time. */
  readonly lockTimeoutMs: number;
  /** Longest run of one `migrate` call. */
  readonly migrationTimeoutMs: number;
  /** Symbolic names of bundles whose contract migrations may run: no older revision of them will come back. */
  readonly contractMigrations: readonly string[];
}

/** Defaults; those of PostgreSQL are sized for one bank node. */
export const DEFAULT_SETTINGS: DataSettings = {
  url: '',
  file: 'bank.sqlite',
  waitTimeoutMs: 5_000,
  unitTimeoutMs: 5_000,
  waitingMax: 1_000,
  groupUnitsMax: 32,
  groupTimeMs: 5,
  connectionsMax: 10,
  statementTimeoutMs: 2_000,
  lockTimeoutMs: 1_000,
  migrationTimeoutMs: 60_000,
  contractMigrations: [],
};

/** What the bundle needs of a clock: the context's clock fits. */
export interface DataClock {
  now(): number;
  monotonic(): number;
  setTimeout(callback: () => void, delayMs: number): { cancel(): void };
}
