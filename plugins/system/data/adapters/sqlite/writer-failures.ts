/** The errors of the writer: who waited, who held it, and what is known about a commit that was not confirmed. */
import { SluiceError } from '@sluice/sdk';
import { statementFailure } from '../../domain/failures.js';
import type { Opener } from '../engine.js';

interface Holder {
  readonly bundle: string;
  readonly heldMs: number;
}

function holderText(holder: Holder | null): string {
  return holder === null ? 'nobody (between two units)' : `bundle '${holder.bundle}' for ${holder.heldMs} ms`;
}

export function waitedTooLong(opener: Opener, waiting: number, holder: Holder | null): SluiceError {
  return new SluiceError(
    'DATA_WRITER_TIMEOUT',
    `Bundle '${opener.bundle}' did not get the database writer within ${opener.waitMs} ms: it is held by ${holderText(holder)}, ${waiting} more wait`,
    {
      details: { bundle: opener.bundle, waitMs: opener.waitMs, holder: holder?.bundle ?? null, heldMs: holder?.heldMs ?? null, waiting },
      remedy: 'Shorten the unit of work of the holder: it should await the database only.',
      retryable: true,
      httpStatus: 503,
    },
  );
}

export function queueFull(bundle: string, waiting: number, holder: Holder | null): SluiceError {
  return new SluiceError(
    'DATA_WRITER_QUEUE_FULL',
    `Bundle '${bundle}' was refused the database writer: ${waiting} already wait and it is held by ${holderText(holder)}`,
    {
      details: { bundle, waiting, holder: holder?.bundle ?? null },
      remedy: 'Try again later; the system is over its capacity.',
      retryable: true,
      httpStatus: 503,
    },
  );
}

/** A constraint that is checked at COMMIT rolls back for certain; after any other failure only the disk knows. */
export function commitFailure(error: unknown, units: number): SluiceError {
  if ((error as { code?: unknown }).code !== 'SQLITE_CONSTRAINT') return commitUnknown(error);
  return units === 1 ? statementFailure(error, 'COMMIT') : groupLost(error);
}

function commitUnknown(error: unknown): SluiceError {
  return new SluiceError('DATA_COMMIT_FAILED', `The database did not confirm the commit: ${(error as Error).message}`, {
    details: { driverCode: String((error as { code?: unknown }).code ?? ''), outcome: 'unknown' },
    remedy: 'Find out by the idempotency key whether it took effect; check disk space and disk health.',
    httpStatus: 503,
    cause: error,
  });
}

export function groupLost(error: unknown): SluiceError {
  return new SluiceError(
    'DATA_COMMIT_FAILED',
    `The unit of work was rolled back with the transaction that it shared, because another unit broke it: ${(error as Error).message}`,
    { details: { outcome: 'rolled back' }, remedy: 'Run the unit again.', retryable: true, httpStatus: 503, cause: error },
  );
}

export function closed(bundle: string): SluiceError {
  return new SluiceError('DATA_CLOSED', `Bundle '${bundle}' cannot use the database: it is closed`, {
    details: { bundle },
    remedy: 'Take the data service anew; a service or model kept from a stopped revision of the data bundle ends with it.',
    retryable: true,
    httpStatus: 503,
  });
}
