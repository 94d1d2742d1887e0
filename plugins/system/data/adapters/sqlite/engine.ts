/**
 * SQLite behind the engine port: one connection, used through the writer's queue for everything, reads included. With one
 * connection a read outside a unit never sees an uncommitted row, because it waits its turn and answers after the commit.
 */
import { basename, join } from 'node:path';
import { SluiceError, type Logger, type SqlRow, type SqlValue } from '@sluice/sdk';
import { statementFailure } from '../../domain/failures.js';
import type { DataClock, DataSettings } from '../../domain/settings.js';
import type { Engine, EngineStatus, Gate, Lease, Opener, Session, SessionRequest, UnitOutcome } from '../engine.js';
import { copyDatabase } from './backup.js';
import { SqliteConnection } from './connection.js';
import { sqliteLibrary } from './library.js';
import { SqliteSequelizeFacade, TableInfoCache } from './sequelize-facade.js';
import { FileTurn } from './turns.js';
import { SqliteWriter } from './writer.js';

/** What the engine is made of besides the file. */
export interface SqliteEngineParts {
  readonly clock: DataClock;
  readonly settings: DataSettings;
  readonly log: Pick<Logger, 'warn' | 'info'>;
}

/** A SQLite database file. */
export class SqliteEngine implements Engine {
  readonly dialect = 'sqlite' as const;
  readonly driver: object = sqliteLibrary();
  readonly #file: string;
  readonly #connection: SqliteConnection;
  readonly #turn: FileTurn;
  readonly #writer: SqliteWriter;
  readonly #tables: TableInfoCache;
  #closing: Promise<void> | null = null;

  private constructor(file: string, connection: SqliteConnection, turn: FileTurn, parts: SqliteEngineParts) {
    this.#file = file;
    this.#connection = connection;
    this.#turn = turn;
    this.#writer = new SqliteWriter(connection, turn, parts);
    this.#tables = new TableInfoCache(turn);
  }

  /** Opens a file, made on demand. */
  static async open(file: string, parts: SqliteEngineParts): Promise<SqliteEngine> {
    const turn = new FileTurn(file);
    // Opening may recover and checkpoint the log, which is a write like any other.
    await turn.enter();
    try {
      const connection = await SqliteConnection.open(file);
      parts.log.info('database open', { file, sqlite: connection.version, connections: 1, why: connection.verdict.reason });
      return new SqliteEngine(file, connection, turn, parts);
    } catch (error) {
      turn.close();
      throw error;
    } finally {
      turn.leave();
    }
  }

  get version(): string {
    return this.#connection.version;
  }

  async begin(request: SessionRequest): Promise<Session> {
    await this.#writer.acquire(request, 'unit');
    return new SqliteSession(this.#connection, this.#writer, this.#turn, this.#tables);
  }

  query(opener: Opener, sql: string, values: readonly SqlValue[]): Promise<readonly SqlRow[]> {
    return this.#single(opener, sql, () => this.#connection.query(sql, values));
  }

  execute(opener: Opener, sql: string, values: readonly SqlValue[]): Promise<number> {
    return this.#single(opener, sql, () => this.#connection.execute(sql, values));
  }

  async lease(opener: Opener): Promise<Lease> {
    await this.#writer.acquire(opener, 'alone');
    const facade = new SqliteSequelizeFacade(this.#connection, this.#turn, this.#tables, async (run) => await run());
    return { connection: facade, release: () => void this.#writer.finish('alone') };
  }

  status(): EngineStatus {
    const { version, verdict } = this.#connection;
    return { dialect: this.dialect, version, waiting: this.#writer.waiting, holder: this.#writer.holder, note: verdict.reason };
  }

  backup(folder: string): Promise<void> {
    const opener: Opener = { bundle: 'system.data', waitMs: 30_000 };
    return copyDatabase(this.#connection.database, join(folder, basename(this.#file)), async (step) => {
      await this.#writer.acquire(opener, 'alone');
      try {
        await step();
      } finally {
        await this.#writer.finish('alone');
      }
    });
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    await this.#writer.drain();
    await this.#turn.enter();
    try {
      await this.#connection.close();
    } catch (error) {
      throw new SluiceError('DATA_CLOSE_FAILED', `The database '${this.#file}' did not close cleanly: ${(error as Error).message}`, {
        details: { file: this.#file },
        cause: error,
      });
    } finally {
      this.#turn.leave();
      this.#turn.close();
    }
  }

  async #single<T>(opener: Opener, sql: string, run: () => Promise<T>): Promise<T> {
    // Parsed before the queue, so that a statement that cannot run does not wait for nothing.
    const { kind } = this.#connection.parse(sql);
    const use = kind === 'read' ? 'read' : 'write';
    await this.#writer.acquire(opener, use);
    let result: T;
    try {
      result = await run();
      if (kind === 'schema') this.#turn.schemaChanged();
    } catch (error) {
      await this.#writer.abandon(use);
      throw statementFailure(error, sql);
    }
    await this.#writer.finish(use);
    return result;
  }
}

/** One unit of work on the connection. */
class SqliteSession implements Session {
  readonly #connection: SqliteConnection;
  readonly #writer: SqliteWriter;
  readonly #turn: FileTurn;
  readonly #tables: TableInfoCache;
  readonly #schemaEpoch: number;

  constructor(connection: SqliteConnection, writer: SqliteWriter, turn: FileTurn, tables: TableInfoCache) {
    this.#connection = connection;
    this.#writer = writer;
    this.#turn = turn;
    this.#tables = tables;
    this.#schemaEpoch = turn.schemaEpoch;
  }

  async query(sql: string, values: readonly SqlValue[] = []): Promise<readonly SqlRow[]> {
    try {
      return await this.#connection.query(sql, values);
    } catch (error) {
      throw statementFailure(error, sql);
    }
  }

  async execute(sql: string, values: readonly SqlValue[] = []): Promise<number> {
    try {
      if (this.#connection.parse(sql).kind === 'schema') this.#turn.schemaChanged();
      return await this.#connection.execute(sql, values);
    } catch (error) {
      throw statementFailure(error, sql);
    }
  }

  sequelizeConnection(gate: Gate): object {
    return new SqliteSequelizeFacade(this.#connection, this.#turn, this.#tables, gate);
  }

  finish(): void {
    // Nothing travels here, and the commit is shared with other units.
  }

  commit(): Promise<void> {
    return this.#writer.finish('unit');
  }

  async rollback(): Promise<UnitOutcome> {
    await this.#writer.abandon('unit');
    // What was read about tables inside the transaction has been undone.
    if (this.#turn.schemaEpoch !== this.#schemaEpoch) this.#turn.schemaChanged();
    return 'rolled back';
  }

  cut(): void {
    this.#connection.interrupt();
  }
}
