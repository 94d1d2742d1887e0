/**
 * The one connection to a SQLite file: opened durable (WAL, synchronous=FULL), statements prepared once and kept, results exact
 * to the last digit. Leaves the order of transactions to the writer. Always in serialized mode: statements run in call order.
 */
import { SluiceError, type SqlRow, type SqlValue } from '@sluice/sdk';
import type sqlite3 from 'sqlite3';
import { parseStatement, type ParsedStatement } from '../../domain/statement.js';
import { bindSqlite, sqliteText, type SqliteBound } from '../../domain/values.js';
import { judgeSqliteVersion, type SqliteVersionVerdict } from '../../domain/sqlite-version.js';
import { sqliteLibrary } from './library.js';
import { castingSelect, exactRows, hasRounded } from './exact-integers.js';

/** Statements kept prepared; about 2 kB each. The one used least recently goes first. */
const PREPARED_MAX = 500;
/** How long SQLite waits for a lock held by another process, such as an operator's shell. */
const BUSY_TIMEOUT_MS = 5_000;

const INTERRUPT_PERIOD_MS = 5;

/** Values as Sequelize gives them. */
export type RawValues = readonly unknown[] | Readonly<Record<string, unknown>>;

/** What the driver calls back with: rows, and as `this` the statement with `changes` and `lastID`. */
export interface RawResult {
  readonly statement: sqlite3.RunResult;
  readonly rows: readonly SqlRow[];
}

type DriverCallback = (this: sqlite3.RunResult, error: Error | null, rows?: readonly SqlRow[]) => void;

interface Entry {
  readonly parsed: ParsedStatement;
  /** Prepared statements by cast key; nearly always one. */
  readonly prepared: Map<string, sqlite3.Statement>;
}

/** A connection. */
export class SqliteConnection {
  readonly #database: sqlite3.Database;
  readonly #entries = new Map<string, Entry>();
  readonly #control = new Map<string, sqlite3.Statement>();
  readonly version: string;
  readonly verdict: SqliteVersionVerdict;
  #started = 0;
  #ended = 0;
  #interruptions = 0;

  private constructor(database: sqlite3.Database, version: string, verdict: SqliteVersionVerdict) {
    this.#database = database;
    this.version = version;
    this.verdict = verdict;
  }

  /**
   * Opens a file, creating it when absent.
   * @throws SluiceError `DATA_OPEN_FAILED` with the file and the reason.
   */
  static async open(file: string): Promise<SqliteConnection> {
    let database: sqlite3.Database | null = null;
    try {
      database = await openDatabase(file);
      database.serialize();
      database.configure('busyTimeout', BUSY_TIMEOUT_MS);
      const version = String((await allOf(database, 'SELECT sqlite_version() AS version'))[0]?.['version']);
      const verdict = judgeSqliteVersion(version);
      if (!verdict.usable) throw new Error(`SQLite ${verdict.reason}`);
      await configure(database);
      return new SqliteConnection(database, version, verdict);
    } catch (error) {
      database?.close(() => undefined);
      throw new SluiceError('DATA_OPEN_FAILED', `Cannot open the SQLite database '${file}': ${(error as Error).message}`, {
        details: { file },
        remedy: 'Check that the folder exists, is writable and on a local disk, and that the file is a SQLite database.',
        cause: error,
      });
    }
  }

  /** The driver's handle, for Sequelize's statements and for backups. */
  get database(): sqlite3.Database {
    return this.#database;
  }

  /** Parses a statement, or finds it parsed. */
  parse(sql: string): ParsedStatement {
    return this.#entry(sql).parsed;
  }

  /** Runs a statement and returns its rows. Integers above 2^53 come as bigint. */
  async query(sql: string, values: readonly SqlValue[]): Promise<readonly SqlRow[]> {
    const entry = this.#entry(sql);
    const binding = bindSqlite(entry.parsed, values);
    const rows = await this.#all(await this.#ready(entry, binding.castKey), binding.values);
    if (!hasRounded(rows)) return rows;
    const casting = castingSelect(entry.parsed, rows);
    const again = parseStatement(casting, 'sqlite');
    const text = sqliteText(again, binding.castKey);
    return exactRows(rows, (await this.rawAll(text, binding.values)).rows, sql, BigInt);
  }

  /** Runs a statement and returns how many rows it changed. */
  async execute(sql: string, values: readonly SqlValue[]): Promise<number> {
    const entry = this.#entry(sql);
    const binding = bindSqlite(entry.parsed, values);
    const statement = await this.#ready(entry, binding.castKey);
    // The driver's `run` takes one step only, which would leave a statement with rows unfinished.
    if (entry.parsed.returning || entry.parsed.kind === 'read') return (await this.#all(statement, binding.values)).length;
    return await this.#run(statement, binding.values);
  }

  /** Runs a transaction statement of ours. */
  async control(sql: string): Promise<void> {
    let statement = this.#control.get(sql);
    if (statement === undefined) {
      statement = await prepare(this.#database, sql);
      this.#control.set(sql, statement);
    }
    await this.#run(statement, []);
  }

  /** Runs a text of Sequelize's. Rows come as the driver gives them. */
  rawAll(sql: string, values: RawValues): Promise<RawResult> {
    return this.#tracked((done) => this.#database.all(sql, values, done));
  }

  /** Runs a writing text of Sequelize's. */
  rawRun(sql: string, values: RawValues): Promise<RawResult> {
    return this.#tracked((done) => this.#database.run(sql, values, done));
  }

  /** Stops the statements given so far. One that its thread has not begun yet does not hear it, so it is told until it ends. */
  interrupt(): void {
    this.#interruptions += 1;
    const last = this.#started;
    const tell = (): void => {
      if (this.#ended >= last) return;
      this.#database.interrupt();
      setTimeout(tell, INTERRUPT_PERIOD_MS);
    };
    tell();
  }

  /** Copies the log into the file and closes. Nothing may be under way. */
  async close(): Promise<void> {
    const statements = [...this.#entries.values()].flatMap((entry) => [...entry.prepared.values()]);
    for (const statement of [...statements, ...this.#control.values()]) await finalize(statement);
    this.#entries.clear();
    this.#control.clear();
    await allOf(this.#database, 'PRAGMA wal_checkpoint(TRUNCATE)').catch(() => undefined);
    await new Promise<void>((resolve, reject) => this.#database.close((error) => (error === null ? resolve() : reject(error))));
  }

  #entry(sql: string): Entry {
    let entry = this.#entries.get(sql);
    if (entry === undefined) {
      entry = { parsed: parseStatement(sql, 'sqlite'), prepared: new Map() };
      this.#evict();
    } else this.#entries.delete(sql);
    this.#entries.set(sql, entry);
    return entry;
  }

  #evict(): void {
    if (this.#entries.size < PREPARED_MAX) return;
    const [oldest, entry] = this.#entries.entries().next().value as [string, Entry];
    this.#entries.delete(oldest);
    for (const statement of entry.prepared.values()) statement.finalize();
  }

  /** A prepared statement that may still run: one whose unit was cut while it was being prepared may not. */
  #ready(entry: Entry, castKey: string): sqlite3.Statement | Promise<sqlite3.Statement> {
    const prepared = entry.prepared.get(castKey);
    if (prepared !== undefined) return prepared;
    const before = this.#interruptions;
    return this.#prepare(entry, castKey).then((statement) => {
      if (before === this.#interruptions) return statement;
      throw Object.assign(new Error('interrupted before it began'), { code: 'SQLITE_INTERRUPT' });
    });
  }

  async #prepare(entry: Entry, castKey: string): Promise<sqlite3.Statement> {
    const made = await prepare(this.#database, sqliteText(entry.parsed, castKey));
    // Two calls may have prepared the same text at once.
    entry.prepared.get(castKey)?.finalize();
    entry.prepared.set(castKey, made);
    return made;
  }

  async #all(statement: sqlite3.Statement, values: readonly SqliteBound[]): Promise<readonly SqlRow[]> {
    return (await this.#tracked((done) => statement.all(values, done))).rows;
  }

  async #run(statement: sqlite3.Statement, values: readonly SqliteBound[]): Promise<number> {
    return (await this.#tracked((done) => statement.run(values, done))).statement.changes;
  }

  #tracked(start: (done: DriverCallback) => void): Promise<RawResult> {
    this.#started += 1;
    const ended = (): void => void (this.#ended += 1);
    return new Promise((resolve, reject) => {
      start(function (this: sqlite3.RunResult, error: Error | null, rows?: readonly SqlRow[]) {
        ended();
        if (error === null) resolve({ statement: this, rows: rows ?? [] });
        else reject(error);
      });
    });
  }
}

async function configure(database: sqlite3.Database): Promise<void> {
  const mode = (await allOf(database, 'PRAGMA journal_mode = WAL'))[0]?.['journal_mode'];
  if (mode !== 'wal') throw new Error(`write-ahead log refused (journal mode is '${String(mode)}')`);
  await allOf(database, 'PRAGMA synchronous = FULL');
  await allOf(database, 'PRAGMA foreign_keys = ON');
  // 16 MB of pages: the hot accounts of a bank; and a log that shrinks again after a large migration.
  await allOf(database, 'PRAGMA cache_size = -16384');
  await allOf(database, 'PRAGMA journal_size_limit = 67108864');
}

function openDatabase(file: string): Promise<sqlite3.Database> {
  return new Promise((resolve, reject) => {
    const { Database, OPEN_READWRITE, OPEN_CREATE, OPEN_FULLMUTEX } = sqliteLibrary();
    const mode = OPEN_READWRITE | OPEN_CREATE | OPEN_FULLMUTEX;
    const database: sqlite3.Database = new Database(file, mode, (error) => (error === null ? resolve(database) : reject(error)));
  });
}

function prepare(database: sqlite3.Database, sql: string): Promise<sqlite3.Statement> {
  return new Promise((resolve, reject) => {
    const statement: sqlite3.Statement = database.prepare(sql, (error: Error | null) =>
      error === null ? resolve(statement) : reject(error),
    );
  });
}

function finalize(statement: sqlite3.Statement): Promise<void> {
  return new Promise((resolve) => statement.finalize(() => resolve()));
}

function allOf(database: sqlite3.Database, sql: string, values: readonly SqliteBound[] = []): Promise<SqlRow[]> {
  return new Promise((resolve, reject) => {
    database.all(sql, values, (error: Error | null, rows: SqlRow[]) => (error === null ? resolve(rows) : reject(error)));
  });
}
