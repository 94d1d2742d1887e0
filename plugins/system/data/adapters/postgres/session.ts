/** One unit of work on one connection to PostgreSQL. Statements are sent as they are called, without waiting for the answers before. */
import type { Writable } from 'node:stream';
import { SluiceError, type SqlRow, type SqlValue } from '@sluice/sdk';
import type pg from 'pg';
import { isConnectionLoss, statementFailure } from '../../domain/failures.js';
import type { Gate, Opener, Session, SessionRequest, UnitOutcome } from '../engine.js';
import type { HeldClient, PostgresPool } from './pool.js';
import { PostgresSequelizeFacade } from './sequelize-facade.js';
import type { PostgresStatements, StatementConfig } from './statements.js';

/** A server that does not answer is given up this much after its own statement time limit. */
export const SILENCE_MS = 3_000;
/** Longest wait for a connection over which a statement is cancelled. */
const CANCEL_WAIT_MS = 2_000;

/** One unit of work on one connection. */
export class PostgresSession implements Session {
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
    const opener: Opener = { bundle: 'system.data', waitMs: CANCEL_WAIT_MS };
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
      const timeoutMs = this.#statementTimeoutMs;
      const result = await send(this.#held.client, timeoutMs === undefined ? config : { ...config, query_timeout: timeoutMs + SILENCE_MS });
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

/** With a callback the driver makes one promise less, and no second stack for each failure. */
export function send(client: pg.Client, config: pg.QueryConfig & { readonly query_timeout?: number }): Promise<pg.QueryResult<SqlRow>> {
  return new Promise((resolve, reject) => {
    client.query<SqlRow>(config, (error: Error | null, result) => (error === null ? resolve(result) : reject(error)));
  });
}

/** Lets plans be forgotten that the server refuses since the schema changed. */
export function noteStalePlan(error: SluiceError, statements: PostgresStatements): SluiceError {
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
