/** The errors of units of work. Each names the bundle that opened the unit and what to do about it. */
import { messageOf, SluiceError } from '@sluice/sdk';

export function endedUnit(bundle: string): SluiceError {
  return new SluiceError('DATA_UNIT_ENDED', `A database call came after the unit of work of bundle '${bundle}' it began in had ended`, {
    details: { bundle },
    remedy: 'Await every database call inside the unit, or start detached work with data.leave().',
  });
}

export function rollbackOnly(bundle: string, cause: unknown): SluiceError {
  return new SluiceError(
    'DATA_UNIT_ROLLBACK_ONLY',
    `The unit of work of bundle '${bundle}' can only roll back, because a part of it failed: ${messageOf(cause)}`,
    {
      details: { bundle },
      remedy: 'Let the first failure end the unit; to try something that may fail, use ON CONFLICT or a unit of its own.',
      cause,
    },
  );
}

export function notAwaited(bundle: string, statements: number, parts: number): SluiceError {
  return new SluiceError(
    'DATA_STATEMENT_NOT_AWAITED',
    `The unit of work of bundle '${bundle}' was rolled back: it ended with ${statements} statements and ${parts} joined parts still under way`,
    { details: { bundle, statements, parts }, remedy: 'Await every database call inside the unit.' },
  );
}

export function cutUnit(bundle: string, timeoutMs: number, heldMs: number, statements: number): SluiceError {
  return new SluiceError(
    'DATA_UNIT_TIMEOUT',
    `The unit of work of bundle '${bundle}' was rolled back after ${heldMs} ms: it may take ${timeoutMs} ms (${statements} statements were under way)`,
    {
      details: { bundle, timeoutMs, heldMs, statementsUnderWay: statements },
      remedy: 'Await the database only inside a unit, split long work, or ask for more time with timeoutMs.',
      httpStatus: 503,
    },
  );
}

export function isolationMismatch(bundle: string): SluiceError {
  return new SluiceError(
    'DATA_ISOLATION_MISMATCH',
    `A serializable part cannot join the read-committed unit of work of bundle '${bundle}'`,
    {
      details: { bundle },
      remedy: "Open the outer unit with isolation 'serializable', or run the part in a unit of its own with data.leave().",
    },
  );
}

/** The work failed after its `finish`, when only the database could still decide. */
export function committedAnyway(bundle: string, outcome: 'committed' | 'unknown', cause: unknown): SluiceError {
  const what = outcome === 'committed' ? 'is committed' : 'may be committed';
  return new SluiceError(
    'DATA_COMMIT_FAILED',
    `The unit of work of bundle '${bundle}' ${what} although its work failed: ${messageOf(cause)}`,
    {
      details: { bundle, outcome },
      remedy: 'Do not fail after unit.finish(); find out by the idempotency key what took effect.',
      httpStatus: 503,
      cause,
    },
  );
}
