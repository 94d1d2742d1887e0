/**
 * PostgreSQL behind the engine port: a pool of pipelined connections. BEGIN travels with the first statement and statements that
 * are started together travel together, so a unit of work costs as few round trips as its code has waits.
 */
import type { Writable } from 'node:stream';
import { SluiceError, type Logger, type SqlRow, type SqlValue } from '@sluice/sdk';
import type pg from 'pg';
import { isConnectionLoss, mayRetryUnit, retryDelayMs, statementFailure } from '../../domain/failures.js';
import type { DataClock, DataSettings } from '../../domain/settings.js';
import type { Engine, EngineStatus, Gate, Lease, Opener, Session, SessionRequest, UnitOutcome } from '../engine.js';
import { postgresLibrary } from './library.js';
import { PostgresPool, type HeldClient } from './pool.js';
import { PostgresSequelizeFacade } from './sequelize-facade.js';
import { PostgresStatements, type StatementConfig } from './statements.js';

/** A server that does not answer is given up this much after its own statement time limit. */
const SILENCE_MS = 3_000;
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

  async backup(): Promise<void> {
    throw new SluiceError(
      'DATA_BACKUP_REFUSED',
      'The database is PostgreSQL, whose copies are made beside the server, not by this process',
      {
        remedy: 'Use pg_dump --format=custom, or pg_basebackup with an archive of the write-ahead log for a point in time.',
        httpStatus: 409,
      },
    );
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
      return await held.client.query<SqlRow>(config);
    } catch (error) {
      lost = isConnectionLoss(error);
      throw noteStalePlan(statementFailure(error, sql), this.#statements);
    } finally {
      this.#pool.release(held, lost);
      if (config.parsed.kind === 'schema') this.#statements.schemaChanged();
    }
  }
}

/** One unit of work on one connection. */
class PostgresSession implements Session {
  readonly #held: HeldClient;
  readonly #pool: PostgresPool;
  readonly #statements: PostgresStatements;
  readonly #statementTimeoutMs: number | undefined;
  #begun: Promise<unknown> = Promise.resolve();
  #committing: Promise<pg.QueryResult> | null = null;
  #underWay = 0;
  #lost = false;
  #schemaTouched = false;

  constructor(held: HeldClient, pool: PostgresPool, statements: PostgresStatements, statementTimeoutMs: number | undefined) {
    this.#held = held;
    this.#pool = pool;
    this.#statements = statements;
    this.#statementTimeoutMs = statementTimeoutMs;
  }

  async begin(request: SessionRequest): Promise<void> {
    const serializable = request.isolation === 'serializable';
    this.#gather();
    const begun = this.#held.client.query(serializable ? 'BEGIN ISOLATION LEVEL SERIALIZABLE' : 'BEGIN');
    // Awaited with the first statement. A plain BEGIN on a clean connection fails only with the connection itself.
    this.#begun = begun;
    begun.catch(() => undefined);
    if (serializable) await begun;
    if (this.#statementTimeoutMs !== undefined) {
      await this.#held.client.query(
        `SET LOCAL statement_timeout = ${this.#statementTimeoutMs}; SET LOCAL lock_timeout = ${this.#statementTimeoutMs}`,
      );
    }
  }

  query(sql: string, values: readonly SqlValue[] = []): Promise<readonly SqlRow[]> {
    return this.#run(this.#statements.config(sql, values), sql).then((result) => result.rows);
  }

  execute(sql: string, values: readonly SqlValue[] = []): Promise<number> {
    return this.#run(this.#statements.config(sql, values), sql).then((result) => result.rowCount ?? 0);
  }

  sequelizeConnection(gate: Gate): object {
    return new PostgresSequelizeFacade(this.#held.client, () => (this.#schemaTouched = true), gate);
  }

  finish(): void {
    this.#gather();
    this.#committing = this.#held.client.query('COMMIT');
    this.#committing.catch(() => undefined);
  }

  async commit(): Promise<void> {
    let result: pg.QueryResult;
    try {
      await this.#begun;
      result = await (this.#committing ?? this.#held.client.query('COMMIT'));
    } catch (error) {
      this.#pool.release(this.#held, true);
      throw commitFailure(error);
    }
    this.#pool.release(this.#held);
    if (this.#schemaTouched) this.#statements.schemaChanged();
    // The server answers a COMMIT of a failed transaction with success and the tag ROLLBACK.
    if (result.command !== 'COMMIT') throw notCommitted();
  }

  async rollback(): Promise<UnitOutcome> {
    let outcome: UnitOutcome = 'rolled back';
    try {
      // A COMMIT sent early decides; the server answers it with ROLLBACK when a statement before it failed.
      const result = await (this.#committing ?? (this.#lost ? undefined : this.#held.client.query('ROLLBACK')));
      if (result?.command === 'COMMIT') outcome = 'committed';
    } catch (error) {
      // Without the connection the server rolls back by itself, but not what a COMMIT may have ended before.
      this.#lost ||= isConnectionLoss(error);
      if (this.#committing !== null && this.#lost) outcome = 'unknown';
    }
    this.#pool.release(this.#held, this.#lost);
    return outcome;
  }

  cut(): void {
    if (this.#underWay === 0) return;
    const { processID } = this.#held.client as unknown as { processID: number };
    const opener: Opener = { bundle: 'system.data', waitMs: CONNECT_TIMEOUT_MS };
    this.#pool
      .acquire(opener)
      .then((other) =>
        other.client
          .query('SELECT pg_cancel_backend($1)', [processID])
          .then(() => this.#pool.release(other))
          .catch(() => this.#pool.release(other, true)),
      )
      // The server's own statement time limit is behind this.
      .catch(() => undefined);
  }

  /** What is sent before this turn of the event loop is over leaves in one packet: writing to a socket is dear. */
  #gather(): void {
    const { stream } = (this.#held.client as unknown as { connection: { stream: Pick<Writable, 'cork' | 'uncork'> } }).connection;
    stream.cork();
    process.nextTick(() => stream.uncork());
  }

  async #run(config: StatementConfig, sql: string): Promise<pg.QueryResult<SqlRow>> {
    if (config.parsed.kind === 'schema') this.#schemaTouched = true;
    this.#underWay += 1;
    this.#gather();
    try {
      const limit = this.#statementTimeoutMs === undefined ? {} : { query_timeout: this.#statementTimeoutMs + SILENCE_MS };
      const result = await this.#held.client.query<SqlRow>({ ...config, ...limit });
      await this.#begun;
      return result;
    } catch (error) {
      this.#lost ||= isConnectionLoss(error);
      throw noteStalePlan(statementFailure(error, sql), this.#statements);
    } finally {
      this.#underWay -= 1;
    }
  }
}

function noteStalePlan(error: SluiceError, statements: PostgresStatements): SluiceError {
  if (error.code === 'DATA_PLAN_STALE') statements.schemaChanged();
  return error;
}

/** A serialisation failure at COMMIT is a plain rollback; anything else may or may not have committed. */
function commitFailure(error: unknown): SluiceError {
  if (!isConnectionLoss(error)) return statementFailure(error, 'COMMIT');
  return new SluiceError('DATA_COMMIT_FAILED', `The database did not confirm the commit: ${(error as Error).message}`, {
    details: { outcome: 'unknown' },
    remedy: 'Find out by the idempotency key whether it took effect.',
    httpStatus: 503,
    cause: error,
  });
}

function notCommitted(): SluiceError {
  return new SluiceError('DATA_COMMIT_FAILED', 'The database rolled the unit of work back instead of committing it', {
    details: { outcome: 'rolled back' },
    remedy: 'Look for a statement whose failure was swallowed.',
    httpStatus: 503,
  });
}
