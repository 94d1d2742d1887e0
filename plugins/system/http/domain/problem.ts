/**
 * Problem documents (RFC 9457): the one form of every error answer. Pure.
 * Always holds: what a client sees of an error that nobody meant for clients is its code and the request id, nothing of the inside.
 */
import { isSluiceError, messageOf, type ProblemDocument } from '@sluice/sdk';

/** A problem before it is written. */
export interface Problem {
  readonly status: number;
  readonly code: string;
  readonly detail?: string;
  readonly remedy?: string;
  readonly errors?: readonly { readonly path: string; readonly message: string }[];
  readonly details?: Readonly<Record<string, unknown>>;
  /** Headers that belong to the answer, for example Allow. */
  readonly headers?: Readonly<Record<string, string>>;
}

const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not found',
  405: 'Method not allowed',
  408: 'Request timeout',
  409: 'Conflict',
  410: 'Gone',
  412: 'Precondition failed',
  413: 'Content too large',
  415: 'Unsupported media type',
  422: 'Unprocessable content',
  423: 'Locked',
  426: 'Upgrade required',
  429: 'Too many requests',
  431: 'Request header fields too large',
  500: 'Internal server error',
  501: 'Not implemented',
  502: 'Bad gateway',
  503: 'Service unavailable',
  504: 'Gateway timeout',
};

export const PROBLEM_TYPE = 'application/problem+json';

/** Seconds after which asking again makes sense. */
export const RETRY_AFTER_SECONDS = 1;

/** Problem for an error that came out of a handler, and whether its inside was left out (so that it must be logged). */
export function problemOf(error: unknown): { readonly problem: Problem; readonly hidden: boolean } {
  if (isSluiceError(error)) {
    const { httpStatus: status, code, details, remedy, retryable } = error;
    const headers = retryable && status >= 500 ? { headers: { 'retry-after': String(RETRY_AFTER_SECONDS) } } : {};
    // 500 is what an error has that was never meant to reach a client.
    if (status === 500) return { problem: { status, code }, hidden: true };
    return {
      problem: { status, code, detail: error.message, details, ...(remedy === undefined ? {} : { remedy }), ...headers },
      hidden: status > 500,
    };
  }
  const { status, statusCode, expose } = (error ?? {}) as { status?: unknown; statusCode?: unknown; expose?: unknown };
  const exposed = status ?? statusCode;
  // The convention of http-errors, which `ctx.throw(404)` makes.
  if (expose === true && typeof exposed === 'number' && exposed >= 400 && exposed < 500) {
    return { problem: { status: exposed, code: `HTTP_${exposed}`, detail: messageOf(error) }, hidden: false };
  }
  return { problem: { status: 500, code: 'UNEXPECTED' }, hidden: true };
}

/** The document. `requestId` is what a caller quotes to support. */
export function problemDocument(problem: Problem, requestId: string): ProblemDocument {
  const { status, code, detail, remedy, errors, details } = problem;
  return {
    type: `urn:sluice:error:${code}`,
    title: TITLES[status] ?? (status < 500 ? 'Request refused' : 'Request failed'),
    status,
    code,
    ...(detail === undefined ? {} : { detail }),
    instance: `urn:sluice:request:${requestId}`,
    ...(errors === undefined ? {} : { errors }),
    ...(remedy === undefined ? {} : { remedy }),
    ...(details === undefined || Object.keys(details).length === 0 ? {} : { details }),
  };
}

/** The document as text. A `bigint` in the details is written as text. */
export function problemText(problem: Problem, requestId: string): string {
  return JSON.stringify(problemDocument(problem, requestId), (_key, value: unknown) =>
    typeof value === 'bigint' ? value.toString() : value,
  );
}
