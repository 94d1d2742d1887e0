/** Errors for people: what failed, why, what to do. And the exit code that fits. */
import { isSluiceError, messageOf } from '../admin/errors.js';
import { EXIT, exitCodeOfError, type ExitCode } from '../admin/exit-codes.js';
import { printable, type Terminal } from './terminal.js';

/** A failure as data, from wherever it came. */
export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly remedy?: string;
  readonly details: Readonly<Record<string, unknown>>;
  readonly exitCode: ExitCode;
}

/** Reads anything thrown. */
export function failureOf(error: unknown): Failure {
  if (!isSluiceError(error)) return { code: 'UNEXPECTED', message: messageOf(error), details: {}, exitCode: EXIT.unexpected };
  return {
    code: error.code,
    message: error.message,
    ...(error.remedy === undefined ? {} : { remedy: error.remedy }),
    details: error.details,
    exitCode: exitCodeOfError(error.code, error.httpStatus),
  };
}

/** Prints a failure on standard error. */
export function printFailure(terminal: Terminal, failure: Pick<Failure, 'code' | 'message' | 'remedy'>, json: boolean): void {
  if (json) return terminal.note(JSON.stringify({ error: failure }));
  // The message says what failed and why; the remedy, where there is one, what to do.
  terminal.note(`${terminal.paint('bad', 'Error')} ${printable(failure.message)}`);
  if (failure.remedy !== undefined) terminal.note(`  ${terminal.paint('strong', 'Try')}  ${printable(failure.remedy)}`);
  terminal.note(terminal.paint('faint', `  Code ${failure.code}`));
}
