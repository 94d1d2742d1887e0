/** When a kernel that crashed is started again. Pure: at once at first, then later and later, and after too many crashes not at all. */

/** Crashes within the window after which the supervisor gives up. */
export const CRASHES_MAX = 5;
/** The window. */
export const CRASH_WINDOW_MS = 60_000;
const DELAYS_MS = [0, 250, 1_000, 4_000] as const;

/** The crashes of a kernel, and what follows from them. */
export class RestartPolicy {
  readonly #crashes: number[] = [];

  /**
   * Notes a crash.
   * @param at milliseconds on a monotonic clock.
   * @returns milliseconds until the next start, or null to give up.
   */
  crashed(at: number): number | null {
    this.#crashes.push(at);
    while ((this.#crashes[0] ?? at) <= at - CRASH_WINDOW_MS) this.#crashes.shift();
    const recent = this.#crashes.length;
    return recent >= CRASHES_MAX ? null : (DELAYS_MS[recent - 1] ?? 0);
  }
}
