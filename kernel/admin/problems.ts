/** Errors of the admin protocol: any failure as an RFC 9457 document, and back to an error at the client. Pure. */
import { STATUS_CODES } from 'node:http';
import { isSluiceError, messageOf, SluiceError } from './errors.js';
import type { AdminProblem } from './contract.js';

/** A failure as an error document. Errors that are not ours keep their text: only the operator reads this socket. */
export function problemOf(error: unknown): AdminProblem {
  const own = isSluiceError(error);
  const code = own ? error.code : 'UNEXPECTED';
  const status = own ? statusOf(error) : 500;
  const message = messageOf(error);
  return {
    type: `urn:sluice:error:${code}`,
    title: STATUS_CODES[status] ?? 'Error',
    status,
    detail: message,
    code,
    message,
    details: own ? error.details : {},
    ...(own && error.remedy !== undefined ? { remedy: error.remedy } : {}),
  };
}

/** The error behind a document. */
export function errorOfProblem(problem: AdminProblem): SluiceError {
  return new SluiceError(problem.code, problem.message, {
    details: problem.details,
    httpStatus: problem.status,
    ...(problem.remedy === undefined ? {} : { remedy: problem.remedy }),
  });
}

/** Codes of unknown names and of lost races have a status of their own wherever the thrower left the default. */
function statusOf(error: SluiceError): number {
  if (error.httpStatus !== 500) return error.httpStatus;
  if (error.code.endsWith('_UNKNOWN')) return 404;
  if (error.code.endsWith('_CONFLICT') || error.code.endsWith('_BUSY')) return 409;
  return 500;
}
