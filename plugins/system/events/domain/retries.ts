/** When a failed delivery is tried again: the wait doubles from attempt to attempt. Pure, without chance: keys do not come in herds. */

/** Settings of retries. */
export interface RetrySettings {
  readonly attemptsMax: number;
  readonly retryMinMs: number;
  readonly retryMaxMs: number;
}

/** Milliseconds until the next attempt, or `park` when there is none. @param attempts attempts made so far, at least 1. */
export function afterFailure(attempts: number, settings: RetrySettings): number | 'park' {
  if (attempts >= settings.attemptsMax) return 'park';
  return Math.min(settings.retryMinMs * 2 ** Math.min(attempts - 1, 30), settings.retryMaxMs);
}
