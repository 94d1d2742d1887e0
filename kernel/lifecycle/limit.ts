/** Time limits on foreign code: every await on a bundle has one, and the error names who did not answer. */
import { SluiceError, type Clock } from '@sluice/sdk';

/** What a limit is about, for the error. */
export interface LimitSubject {
  readonly bundle: string;
  readonly version: string;
  /** What was being done, e.g. `activate` or `deactivate of component Posting`. */
  readonly activity: string;
}

/**
 * Waits for work, but not longer than the limit. The work itself is not stopped (JavaScript cannot); its late result is ignored.
 * @throws SluiceError `TIME_LIMIT` naming bundle, version and activity.
 */
export async function withLimit<T>(clock: Clock, subject: LimitSubject, limitMs: number, work: () => T | Promise<T>): Promise<T> {
  const running = work();
  if (!isPromise(running)) return running;
  return new Promise<T>((resolve, reject) => {
    const timer = clock.setTimeout(() => reject(limitError(subject, limitMs)), limitMs);
    running.then(
      (value) => {
        timer.cancel();
        resolve(value);
      },
      (error: unknown) => {
        timer.cancel();
        reject(error as Error);
      },
    );
  });
}

function isPromise<T>(value: T | Promise<T>): value is Promise<T> {
  return typeof value === 'object' && value !== null && typeof (value as Promise<T>).then === 'function';
}

function limitError(subject: LimitSubject, limitMs: number): SluiceError {
  return new SluiceError('TIME_LIMIT', `'${subject.bundle}' ${subject.version} did not finish ${subject.activity} within ${limitMs} ms`, {
    details: { ...subject, limitMs },
    remedy: `Look for an await in ${subject.activity} that never resolves, or raise the limit in the manifest.`,
  });
}
