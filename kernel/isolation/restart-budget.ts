/** How often a guest may fail: five times in a minute, with a longer wait before each next start. Pure, time is handed in. */

/** Failures within {@link WINDOW_MS} after which a bundle is quarantined. */
export const FAILURES_MAX = 5;
/** The time the failures are counted over. */
export const WINDOW_MS = 60_000;
/** The first start again comes at once: a single fault shall cost no more than the start. */
const BACK_OFF_MS = [0, 100, 400, 1_600] as const;

/** Failures of one bundle. */
export class RestartBudget {
  private failures: number[] = [];

  /** Notes a failure. Returns how long to wait before the next start, or null when the budget is used up. */
  failed(nowMs: number): number | null {
    this.failures = [...this.failures.filter((at) => at > nowMs - WINDOW_MS), nowMs];
    if (this.failures.length >= FAILURES_MAX) return null;
    return BACK_OFF_MS[this.failures.length - 1] ?? 0;
  }
}
