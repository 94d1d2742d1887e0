/**
 * Errors with a stable code and data. Text is for people; programs read `code` and `details`.
 * Recognised by brand, never by `instanceof`: after a swap two copies of a class are normal.
 */

const BRAND = Symbol.for('sluice.error');

/** What an error carries besides its text. */
export interface ErrorFields {
  /** Plain data that explains the failure. Never a secret. */
  readonly details?: Readonly<Record<string, unknown>>;
  /** What the reader should do next, as one sentence. */
  readonly remedy?: string;
  /** The failure underneath. */
  readonly cause?: unknown;
  /** True when the same call may succeed later without any change by the caller. */
  readonly retryable?: boolean;
  /** HTTP status that fits when the error reaches a route; 500 when not given. */
  readonly httpStatus?: number;
}

/** The one error class of Sluice. The code comes from a table (docs/reference/errors.md). */
export class SluiceError extends Error {
  readonly [BRAND] = true;
  readonly code: string;
  readonly details: Readonly<Record<string, unknown>>;
  readonly remedy: string | undefined;
  readonly retryable: boolean;
  readonly httpStatus: number;

  constructor(code: string, message: string, fields: ErrorFields = {}) {
    super(message, fields.cause === undefined ? undefined : { cause: fields.cause });
    this.name = 'SluiceError';
    this.code = code;
    this.details = fields.details ?? {};
    this.remedy = fields.remedy;
    this.retryable = fields.retryable ?? false;
    this.httpStatus = fields.httpStatus ?? 500;
  }
}

/** True for an error of Sluice, from whichever copy of the class it was made. */
export function isSluiceError(value: unknown): value is SluiceError {
  return typeof value === 'object' && value !== null && (value as Record<symbol, unknown>)[BRAND] === true;
}

/** The stable code of an error, `'UNEXPECTED'` for one that is not ours. */
export function codeOf(error: unknown): string {
  return isSluiceError(error) ? error.code : 'UNEXPECTED';
}

/** The text of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
