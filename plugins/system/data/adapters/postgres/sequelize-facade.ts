/** The PostgreSQL connection as Sequelize's query class wants it: statements pass the gate of whoever holds the connection. */
import type pg from 'pg';
import { isConnectionLoss } from '../../domain/failures.js';
import { parseStatement } from '../../domain/statement.js';
import type { Gate } from '../engine.js';
import { SEQUELIZE_TYPES } from './statements.js';

type Callback = (error: Error | null, result?: pg.QueryResult) => void;

/** A connection for one unit of work or lease. */
export class PostgresSequelizeFacade {
  /** Sequelize writes here and shows it in its log. */
  uuid = 'sluice';
  readonly #client: pg.Client;
  readonly #schemaChanged: () => void;
  readonly #gate: Gate;
  /** True once the connection failed. */
  lost = false;

  constructor(client: pg.Client, schemaChanged: () => void, gate: Gate) {
    this.#client = client;
    this.#schemaChanged = schemaChanged;
    this.#gate = gate;
  }

  query(sql: string, parameters: readonly unknown[] | Callback, callback?: Callback): void {
    const values = typeof parameters === 'function' ? [] : parameters;
    const answer = typeof parameters === 'function' ? parameters : (callback as Callback);
    this.#gate(() => this.#run(sql, values)).then(
      (result) => answer(null, result),
      (error: unknown) => answer(error as Error),
    );
  }

  async #run(sql: string, values: readonly unknown[]): Promise<pg.QueryResult> {
    // Sequelize's own texts may hold several statements (enum types, function bodies); only their first word is judged here.
    const first = sql.split(';', 1)[0] as string;
    if (/^\s*(begin|start|commit|end|rollback|savepoint|release|abort|set)\b/i.test(first)) parseStatement(first, 'postgres');
    if (/^\s*(create|alter|drop)\b/i.test(first)) this.#schemaChanged();
    try {
      const config = { text: sql, types: SEQUELIZE_TYPES, ...(values.length === 0 ? {} : { values: [...values] }) };
      return await this.#client.query(config);
    } catch (error) {
      this.lost ||= isConnectionLoss(error);
      throw error;
    }
  }
}
