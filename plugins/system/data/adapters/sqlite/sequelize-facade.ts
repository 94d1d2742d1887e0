/**
 * The SQLite connection as Sequelize's query class wants it: statements pass the gate of whoever holds the connection, column types
 * are remembered until the schema changes (Sequelize asks for them before each SELECT), and integers above 2^53 come as digits.
 */
import { SluiceError, type SqlRow } from '@sluice/sdk';
import { parseStatement } from '../../domain/statement.js';
import type { Gate } from '../engine.js';
import { castingSelect, exactRows, hasRounded } from './exact-integers.js';
import type { RawResult, RawValues, SqliteConnection } from './connection.js';
import type { FileTurn } from './turns.js';

type Callback = (this: unknown, error: Error | null, rows?: readonly SqlRow[]) => void;

/** Column types of tables, shared by all facades of one engine. */
export class TableInfoCache {
  readonly #rows = new Map<string, readonly SqlRow[]>();
  readonly #turn: FileTurn;
  #epoch = -1;

  constructor(turn: FileTurn) {
    this.#turn = turn;
  }

  get(sql: string): readonly SqlRow[] | undefined {
    if (this.#epoch !== this.#turn.schemaEpoch) {
      this.#rows.clear();
      this.#epoch = this.#turn.schemaEpoch;
    }
    return this.#rows.get(sql);
  }

  set(sql: string, rows: readonly SqlRow[]): void {
    // A table that does not exist yet answers with no rows; that must not be remembered.
    if (rows.length > 0 && this.#epoch === this.#turn.schemaEpoch) this.#rows.set(sql, rows);
  }
}

/** Stands for the statement behind an answer that was remembered. */
const NO_STATEMENT = { lastID: 0, changes: 0 } as RawResult['statement'];

/** A connection for one unit of work or lease. */
export class SqliteSequelizeFacade {
  /** Sequelize writes here and shows it in its log. */
  uuid = 'sluice';
  readonly #connection: SqliteConnection;
  readonly #turn: FileTurn;
  readonly #tables: TableInfoCache;
  readonly #gate: Gate;

  constructor(connection: SqliteConnection, turn: FileTurn, tables: TableInfoCache, gate: Gate) {
    this.#connection = connection;
    this.#turn = turn;
    this.#tables = tables;
    this.#gate = gate;
  }

  /** The connection is always serialized. */
  serialize(run: () => void): void {
    run();
  }

  all(sql: string, parameters: RawValues | Callback, callback?: Callback): void {
    this.#start(sql, parameters, callback, (values) => this.#all(sql, values));
  }

  run(sql: string, parameters: RawValues | Callback, callback?: Callback): void {
    this.#start(sql, parameters, callback, (values) => this.#connection.rawRun(sql, values));
  }

  #start(
    sql: string,
    parameters: RawValues | Callback,
    callback: Callback | undefined,
    run: (values: RawValues) => Promise<RawResult>,
  ): void {
    const values = typeof parameters === 'function' ? [] : parameters;
    const done = typeof parameters === 'function' ? parameters : (callback ?? ((): void => undefined));
    this.#gate(async () => {
      this.#check(sql);
      return await run(values);
    }).then(
      ({ statement, rows }) => done.call(statement, null, rows),
      (error: unknown) => done.call({}, error as Error),
    );
  }

  #check(sql: string): void {
    if (/^\s*pragma\b[^=]*$/i.test(sql)) return;
    if (parseStatement(sql, 'sqlite').kind === 'schema') this.#turn.schemaChanged();
  }

  async #all(sql: string, values: RawValues): Promise<RawResult> {
    const isTableInfo = sql.startsWith('PRAGMA table_info(');
    const known = isTableInfo ? this.#tables.get(sql) : undefined;
    if (known !== undefined) return { statement: NO_STATEMENT, rows: known };
    const { statement, rows } = await this.#connection.rawAll(sql, values);
    if (isTableInfo) this.#tables.set(sql, rows);
    if (!hasRounded(rows)) return { statement, rows };
    const casting = castingSelect(parseStatement(sql, 'sqlite'), rows);
    const again = await this.#connection.rawAll(casting, values);
    return { statement, rows: exactRows(rows, again.rows, sql, (digits) => digits) };
  }

  /** Sequelize never calls these on a connection that it does not own. */
  close(): void {
    throw new SluiceError('DATA_STATEMENT_REFUSED', 'The shared connection cannot be closed by a consumer of it');
  }
}
