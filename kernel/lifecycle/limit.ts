/** Time limits on foreign code: every await on a bundle has one, and the error names who did not answer. */
import { SluiceError, type Clock } from '@sluice/sdk';

/** What a limit is about, for the error. */
export interface LimitSubject {
  readonly bundle: string;
  readonly version: string;
  /** What was being done, e.g. `activate` or `deactivate of component Posting`. */
  readonly activity: string;
}

interface RunningCall {
  readonly subject: LimitSubject;
  reject(error: Error): void;
}

/** Calls into bundles that have not come back. */
const running = new Set<RunningCall>();

/**
 * Waits for work, but not longer than the limit. The work itself is not stopped (JavaScript cannot); its late result is ignored.
 * It runs on a stack of its own, with no microtask queued: when the watchdog ends an endless loop, it ends all that is beneath it and all
 * that is queued, which must be nothing of ours.
 * @throws SluiceError `TIME_LIMIT` naming bundle, version and activity.
 */
export function withLimit<T>(clock: Clock, subject: LimitSubject, limitMs: number, work: () => T | Promise<T>): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const call: RunningCall = { subject, reject };
    running.add(call);
    afterMicrotasks(() => {
      let result: T | Promise<T>;
      try {
        result = work();
      } catch (error) {
        running.delete(call);
        return reject(error as Error);
      }
      if (!isPromise(result)) {
        running.delete(call);
        return resolve(result);
      }
      const timer = clock.setTimeout(() => {
        running.delete(call);
        reject(limitError(subject, limitMs));
      }, limitMs);
      const settle = (): void => {
        timer.cancel();
        running.delete(call);
      };
      result.then(
        (value) => {
          settle();
          resolve(value);
        },
        (error: unknown) => {
          settle();
          reject(error as Error);
        },
      );
    });
  });
}

// Ending code that runs as a microtask, or before the microtasks of its turn, loses all that are queued: continuations of anybody.
function afterMicrotasks(work: () => void): void {
  queueMicrotask(() => process.nextTick(work));
}

/** The code of a bundle was ended from outside: whoever waits for it gets the error instead of waiting for its limit, or for ever. */
export function rejectRunning(bundle: string, version: string, error: Error): void {
  for (const call of running) {
    if (call.subject.bundle !== bundle || call.subject.version !== version) continue;
    running.delete(call);
    call.reject(error);
  }
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
