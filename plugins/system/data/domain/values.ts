/**
 * Turns bound values into what a driver can carry without losing a digit, and refuses those that would lose one. Pure.
 *
 * The sqlite3 driver binds a number outside 32 bits as a double and a bigint silently as NULL; digits bound as text compare as
 * text (`5 < '3'` is true). So 64-bit integers travel as digits inside `CAST(? AS INTEGER)`, which is exact to 2^63-1.
 */
import { SluiceError, type SqlValue } from '@sluice/sdk';
import { excerpt, type ParsedStatement } from './statement.js';

/** Largest value of a 64-bit integer column. */
export const INT64_MAX = 9_223_372_036_854_775_807n;
/** Smallest value of a 64-bit integer column. */
export const INT64_MIN = -9_223_372_036_854_775_808n;
const INT32_MAX = 2_147_483_647;

/** What the sqlite3 driver takes without changing it. */
export type SqliteBound = string | number | Buffer | null;

/** Values for one run of a statement, and the statement's text for exactly these kinds of values. */
export interface SqliteBinding {
  /** Digits of a number whose bits mark the placeholders that need a cast; the key of the text. */
  readonly castKey: string;
  readonly values: SqliteBound[];
}

/**
 * Binds values for SQLite.
 * @throws SluiceError `DATA_VALUES_MISMATCH` or `DATA_VALUE_INVALID`.
 */
export function bindSqlite(statement: ParsedStatement, values: readonly SqlValue[]): SqliteBinding {
  checkCount(statement, values);
  const bound: SqliteBound[] = new Array<SqliteBound>(values.length);
  let castKey = '';
  for (let index = 0; index < values.length; index += 1) {
    const value = values[index] as SqlValue;
    if (typeof value === 'string') bound[index] = value;
    else if (typeof value === 'number') {
      checkNumber(statement, index, value);
      if (Number.isInteger(value) && (value > INT32_MAX || value < -INT32_MAX)) {
        bound[index] = String(value);
        castKey += `${index},`;
      } else bound[index] = value;
    } else if (typeof value === 'bigint') {
      checkBigint(statement, index, value);
      bound[index] = value.toString();
      castKey += `${index},`;
    } else bound[index] = bindOther(statement, index, value);
  }
  return { castKey, values: bound };
}

/** The text of a statement for SQLite, with the placeholders of a cast key cast to integers. */
export function sqliteText(statement: ParsedStatement, castKey: string): string {
  if (castKey === '') return statement.sql;
  const casts = new Set(castKey.split(',').slice(0, -1).map(Number));
  return statement.pieces.reduce((text, piece, index) => text + (casts.has(index - 1) ? 'CAST(? AS INTEGER)' : '?') + piece);
}

/** Binds values for PostgreSQL, whose driver sends digits and lets the server decide the type. */
export function bindPostgres(statement: ParsedStatement, values: readonly SqlValue[]): unknown[] {
  checkCount(statement, values);
  return values.map((value, index) => {
    if (typeof value === 'string' || typeof value === 'boolean') return value;
    if (typeof value === 'number') checkNumber(statement, index, value);
    else if (typeof value === 'bigint') {
      checkBigint(statement, index, value);
      return value.toString();
    } else return bindOther(statement, index, value);
    return value;
  });
}

/** The text of a statement for PostgreSQL: `?` becomes `$1`, `$2` ... */
export function postgresText(statement: ParsedStatement): string {
  return statement.pieces.reduce((text, piece, index) => `${text}$${index}${piece}`);
}

function bindOther(statement: ParsedStatement, index: number, value: unknown): Buffer | number | null {
  if (value === null) return null;
  if (value === true) return 1;
  if (value === false) return 0;
  if (Buffer.isBuffer(value)) return value;
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  throw invalid(statement, index, value === undefined ? 'undefined' : `a ${Object.prototype.toString.call(value).slice(8, -1)}`);
}

function checkCount(statement: ParsedStatement, values: readonly SqlValue[]): void {
  if (values.length === statement.placeholders) return;
  throw new SluiceError(
    'DATA_VALUES_MISMATCH',
    `Statement not run: it has ${statement.placeholders} placeholders, but ${values.length} values were given (${excerpt(statement.sql)})`,
    {
      details: { placeholders: statement.placeholders, values: values.length, sql: excerpt(statement.sql) },
      remedy: 'Give one value per ?.',
    },
  );
}

function checkNumber(statement: ParsedStatement, index: number, value: number): void {
  if (!Number.isFinite(value)) throw invalid(statement, index, String(value));
  if (Number.isInteger(value) && !Number.isSafeInteger(value)) throw invalid(statement, index, 'a whole number above 2^53 as a number');
}

function checkBigint(statement: ParsedStatement, index: number, value: bigint): void {
  if (value > INT64_MAX || value < INT64_MIN) throw invalid(statement, index, 'a bigint outside 64 bits');
}

function invalid(statement: ParsedStatement, index: number, found: string): SluiceError {
  return new SluiceError('DATA_VALUE_INVALID', `Statement not run: value ${index + 1} is ${found} (${excerpt(statement.sql)})`, {
    details: { position: index + 1, found, sql: excerpt(statement.sql) },
    remedy: 'Bind strings, safe numbers, 64-bit bigints, booleans, bytes or null; write dates as text or milliseconds.',
  });
}
