/**
 * Names for what went wrong in a database, the same for both dialects. Programs read the code; the driver's error is the cause.
 * Pure.
 */
import { isSluiceError, messageOf, SluiceError } from '@sluice/sdk';
import { excerpt } from './statement.js';

/** How one driver reports failures. */
export interface DriverError {
  readonly code?: unknown;
  readonly message?: unknown;
  readonly constraint?: unknown;
}

const POSTGRES_CODES: Readonly<Record<string, string>> = {
  '23505': 'DATA_UNIQUE',
  '23503': 'DATA_FOREIGN_KEY',
  '23514': 'DATA_CHECK',
  '23502': 'DATA_NOT_NULL',
  '40001': 'DATA_SERIALIZATION',
  '40P01': 'DATA_DEADLOCK',
  '55P03': 'DATA_LOCK_TIMEOUT',
  '57014': 'DATA_STATEMENT_TIMEOUT',
  '25P02': 'DATA_TRANSACTION_ABORTED',
};

const SQLITE_MESSAGES: readonly (readonly [string, string])[] = [
  ['UNIQUE constraint failed', 'DATA_UNIQUE'],
  ['FOREIGN KEY constraint failed', 'DATA_FOREIGN_KEY'],
  ['CHECK constraint failed', 'DATA_CHECK'],
  ['NOT NULL constraint failed', 'DATA_NOT_NULL'],
];

const CONFLICTS = new Set(['DATA_UNIQUE', 'DATA_FOREIGN_KEY', 'DATA_CHECK', 'DATA_NOT_NULL']);
const RETRYABLE = new Set(['DATA_SERIALIZATION', 'DATA_DEADLOCK', 'DATA_LOCK_TIMEOUT', 'DATA_BUSY', 'DATA_CONNECTION_LOST']);

/** Turns what a driver threw for a statement into an error with a stable code. An error of ours passes unchanged. */
export function statementFailure(error: unknown, sql: string): SluiceError {
  if (isSluiceError(error)) return error;
  const code = codeOfDriver(error as DriverError);
  const constraint = constraintOf(error as DriverError);
  return new SluiceError(code, `Statement failed: ${firstLine(error)} (${excerpt(sql)})`, {
    details: {
      sql: excerpt(sql),
      driverCode: String((error as DriverError).code ?? ''),
      ...(constraint === undefined ? {} : { constraint }),
    },
    retryable: RETRYABLE.has(code),
    httpStatus: CONFLICTS.has(code) ? 409 : RETRYABLE.has(code) ? 503 : 500,
    cause: error,
  });
}

function codeOfDriver(error: DriverError): string {
  const code = String(error.code ?? '');
  const message = String(error.message ?? '');
  if (code === 'SQLITE_BUSY' || code === 'SQLITE_LOCKED') return 'DATA_BUSY';
  if (code.startsWith('SQLITE_')) return SQLITE_MESSAGES.find(([text]) => message.includes(text))?.[1] ?? 'DATA_STATEMENT_FAILED';
  if (code === '0A000' && message.includes('cached plan')) return 'DATA_PLAN_STALE';
  if (isConnectionLoss(error)) return 'DATA_CONNECTION_LOST';
  return POSTGRES_CODES[code] ?? 'DATA_STATEMENT_FAILED';
}

/** True when the connection itself is gone, so that the outcome of a commit under way is not known. */
export function isConnectionLoss(error: unknown): boolean {
  const code = String((error as DriverError).code ?? '');
  if (code.startsWith('08') || code === '57P01' || code === '57P02' || code === '57P03' || code === '25P03') return true;
  if (code === 'ECONNRESET' || code === 'ECONNREFUSED' || code === 'EPIPE' || code === 'ETIMEDOUT') return true;
  return /connection (terminated|ended|error)|not queryable|query read timeout/i.test(messageOf(error));
}

/** PostgreSQL names the constraint; SQLite names the columns or the check. */
function constraintOf(error: DriverError): string | undefined {
  if (typeof error.constraint === 'string') return error.constraint;
  return /constraint failed: (.+)$/.exec(String(error.message ?? ''))?.[1];
}

/** PostgreSQL quotes a value it cannot read at the end of its message; values do not belong into messages. */
function firstLine(error: unknown): string {
  return (messageOf(error).split('\n', 1)[0] as string).replace(/: ".*$/, '');
}

const RETRIED = new Set(['DATA_SERIALIZATION', 'DATA_DEADLOCK', 'DATA_PLAN_STALE', '40001', '40P01']);

/**
 * True for failures after which the same unit of work may succeed when it is run again from its beginning. Looks one level down
 * too: Sequelize keeps the driver's error as `parent`, a unit that could only roll back keeps the first failure as `cause`.
 */
export function mayRetryUnit(error: unknown): boolean {
  const { code, cause, parent } = (error ?? {}) as { code?: unknown; cause?: unknown; parent?: unknown };
  // After a commit only the caller, who has the idempotency key, may try again.
  if (code === 'DATA_COMMIT_FAILED') return false;
  if (RETRIED.has(String(code))) return true;
  const below = (parent ?? cause ?? {}) as { code?: unknown; parent?: { code?: unknown } };
  return RETRIED.has(String(below.code)) || RETRIED.has(String(below.parent?.code));
}

/** Wait before a further attempt: doubling from 5 ms to at most 100 ms, of which a random half, so that rivals part. */
export function retryDelayMs(attempt: number, random: number): number {
  const fullMs = Math.min(100, 5 * 2 ** (attempt - 1));
  return fullMs / 2 + (fullMs / 2) * random;
}
