/**
 * The system clock: real time for the kernel and, through scopes, for bundles.
 * Owns nothing: whoever sets a timer cancels it. A delay beyond Node's limit of 2^31-1 ms is waited for in steps.
 */
import type { HostClock, HostTimer } from './ports.js';

/** Longest delay Node's timers take; a longer one would fire at once. */
const DELAY_MS_MAX = 2_147_483_647;

/** Wall clock, monotonic clock and timers of the process. */
export class SystemClock implements HostClock {
  now(): number {
    return Date.now();
  }

  monotonic(): number {
    return performance.now();
  }

  setTimeout(callback: () => void, delayMs: number): HostTimer {
    if (delayMs > DELAY_MS_MAX) return longTimeout(callback, delayMs);
    const handle = setTimeout(callback, delayMs);
    return timerOf(handle, () => clearTimeout(handle));
  }

  setInterval(callback: () => void, periodMs: number): HostTimer {
    const handle = setInterval(callback, Math.min(periodMs, DELAY_MS_MAX));
    return timerOf(handle, () => clearInterval(handle));
  }

  setImmediate(callback: () => void): HostTimer {
    const handle = setImmediate(callback);
    return timerOf(handle, () => clearImmediate(handle));
  }

  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) return reject(signal.reason as Error);
      const timer = this.setTimeout(() => {
        signal?.removeEventListener('abort', aborted);
        resolve();
      }, delayMs);
      const aborted = (): void => {
        timer.cancel();
        reject(signal?.reason as Error);
      };
      signal?.addEventListener('abort', aborted, { once: true });
    });
  }
}

function timerOf(handle: { ref(): unknown; unref(): unknown }, cancel: () => void): HostTimer {
  return { cancel, ref: () => void handle.ref(), unref: () => void handle.unref() };
}

function longTimeout(callback: () => void, delayMs: number): HostTimer {
  let remainingMs = delayMs;
  let handle: NodeJS.Timeout;
  const step = (): void => {
    const stepMs = Math.min(remainingMs, DELAY_MS_MAX);
    remainingMs -= stepMs;
    handle = setTimeout(remainingMs > 0 ? step : callback, stepMs);
  };
  step();
  return { cancel: () => clearTimeout(handle), ref: () => void handle.ref(), unref: () => void handle.unref() };
}
