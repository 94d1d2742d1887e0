/**
 * PostgreSQL behind the engine port: a pool of pipelined connections. BEGIN travels with the first statement and statements that
 * are started together travel together, so a unit of work costs as few round trips as its code has waits.
 */
import { SluiceError, type BackupElsewhere, type Logger, type SqlRow, type SqlValue } from '@sluice/sdk';
import type pg from 'pg';
import { isConnectionLoss, mayRetryUnit, retryDelayMs, statementFailure } from '../../domain/failures.js';
import { excerpt } from '../../domain/statement.js';
import type { DataClock, DataSettings } from '../../domain/settings.js';
import type { Engine, EngineStatus, Lease, Opener, Session, SessionRequest } from '../engine.js';
import { postgresLibrary } from './library.js';
import { PostgresPool } from './pool.js';
import { PostgresSequelizeFacade } from './sequelize-facade.js';
import { noteStalePlan, PostgresSession, send, SILENCE_MS } from './session.js';
import { PostgresStatements } from './statements.js';

const CONNECT_TIMEOUT_MS = 2_000;
const KEEP_ALIVE_MS = 5_000;
const IDLE_IN_TRANSACTION_MS = 5_000;
/** Attempts of a statement in a transaction of its own. */
const ATTEMPTS_MAX = 5;

/** What the engine is made of besides the address. */
export interface PostgresEngineParts {
  readonly clock: DataClock;
  readonly settings: DataSettings;
  readonly log: Pick<Logger, 'warn' | 'info'>;
}

/** A PostgreSQL database. */
export class PostgresEngine implements Engine {
  readonly dialect = 'postgres' as const;
  readonly driver: object = postgresLibrary();
  readonly version: string;
  readonly #pool: PostgresPool;
  readonly #statements: PostgresStatements;
  readonly #parts: PostgresEngineParts;

  private constructor(pool: PostgresPool, version: string, parts: PostgresEngineParts) {
    this.#pool = pool;
    this.version = version;
    this.#parts = parts;
    this.#statements = new PostgresStatements(() => pool.retire());
  }

  /**
   * Connects.
   * @param url PostgreSQL URL; never shown in messages, as it may hold a password.
   * @param schema schema to work in, for tests; default: the server's search path.
   */
  static async open(url: string, parts: PostgresEngineParts, schema?: string): Promise<PostgresEngine> {
    const { settings } = parts;
    const options = ['-c timezone=UTC', '-c client_min_messages=warning', `-c tcp_user_timeout=${KEEP_ALIVE_MS}`];
    if (schema !== undefined) options.push(`-c search_path=${schema}`);
    const { Client } = postgresLibrary();
    const make = (): pg.Client =>
      new Client({
        connectionString: url,
        application_name: 'sluice',
        pipeline: true,
        keepAlive: true,
        keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
        connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
        statement_timeout: settings.statementTimeoutMs,
        lock_timeout: settings.lockTimeoutMs,
        idle_in_transaction_session_timeout: Math.max(IDLE_IN_TRANSACTION_MS, settings.unitTimeoutMs),
        query_timeout: settings.statementTimeoutMs + SILENCE_MS,
        options: options.join(' '),
      });
    const pool = new PostgresPool(make, parts);
    const held = await pool.acquire({ bundle: 'system.data', waitMs: CONNECT_TIMEOUT_MS });
    const answer = await held.client.query<{ server_version: string }>('SHOW server_version');
    pool.release(held);
    const version = /^\d+(\.\d+)?/.exec(answer.rows[0]?.server_version ?? '')?.[0] ?? '0';
    parts.log.info('database open', { postgres: version, connections: settings.connectionsMax });
    return new PostgresEngine(pool, version, parts);
  }

  async begin(request: SessionRequest): Promise<Session> {
    const held = await this.#pool.acquire(request);
    const session = new PostgresSession(held, this.#pool, this.#statements, request.statementTimeoutMs);
    try {
      await session.begin(request);
      return session;
    } catch (error) {
      this.#pool.release(held, true);
      throw statementFailure(error, 'BEGIN');
    }
  }

  query(opener: Opener, sql: string, values: readonly SqlValue[]): Promise<readonly SqlRow[]> {
    return this.#single(opener, sql, values, (result) => result.rows);
  }

  execute(opener: Opener, sql: string, values: readonly SqlValue[]): Promise<number> {
    return this.#single(opener, sql, values, (result) => result.rowCount ?? 0);
  }

  async lease(opener: Opener): Promise<Lease> {
    const held = await this.#pool.acquire(opener);
    const facade = new PostgresSequelizeFacade(
      held.client,
      () => this.#statements.schemaChanged(),
      async (run) => await run(),
    );
    return { connection: facade, release: () => this.#pool.release(held, facade.lost) };
  }

  status(): EngineStatus {
    return { dialect: this.dialect, version: this.version, waiting: this.#pool.waiting, holder: this.#pool.oldest, note: 'pool' };
  }

  async backup(): Promise<BackupElsewhere> {
    const elsewhere =
      'The database is PostgreSQL and is copied beside its server: pg_dump --format=custom and pg_restore, or pg_basebackup with an archive of the write-ahead log for a point in time.';
    return { elsewhere };
  }

  close(): Promise<void> {
    return this.#pool.close();
  }

  async #single<T>(opener: Opener, sql: string, values: readonly SqlValue[], take: (result: pg.QueryResult<SqlRow>) => T): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return take(await this.#once(opener, sql, values));
      } catch (error) {
        if (attempt >= ATTEMPTS_MAX || !mayRetryUnit(error)) throw error;
        const delayMs = retryDelayMs(attempt, Math.random());
        await new Promise<void>((resolve) => this.#parts.clock.setTimeout(resolve, delayMs));
      }
    }
  }

  async #once(opener: Opener, sql: string, values: readonly SqlValue[]): Promise<pg.QueryResult<SqlRow>> {
    const config = this.#statements.config(sql, values);
    const held = await this.#pool.acquire(opener);
    let lost = false;
    try {
      return await send(held.client, config);
    } catch (error) {
      lost = isConnectionLoss(error);
      if (lost) throw lostAlone(error, sql);
      throw noteStalePlan(statementFailure(error, sql), this.#statements);
    } finally {
      this.#pool.release(held, lost);
      if (config.parsed.kind === 'schema') this.#statements.schemaChanged();
    }
  }
}

/** Outside a unit the statement was its own commit, so nobody here knows whether it took effect. */
function lostAlone(error: unknown, sql: string): SluiceError {
  return new SluiceError(
    'DATA_CONNECTION_LOST',
    `The connection was lost during a statement: ${(error as Error).message} (${excerpt(sql)})`,
    {
      details: { sql: excerpt(sql), outcome: 'unknown' },
      remedy: 'Find out whether the statement took effect before it is repeated.',
      httpStatus: 503,
      cause: error,
    },
  );
}
