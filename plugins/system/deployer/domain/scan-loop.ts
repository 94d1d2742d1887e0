/**
 * Decides when to scan: in a fixed period, soon after a hint, and again while something is settling.
 * Always holds: one scan at a time; a hint during a scan leads to another scan after it; after `stop` none begins.
 */
import type { Clock, Timer } from '@sluice/sdk';

/** Times of the loop. */
export interface ScanTimes {
  readonly scanPeriodMs: number;
  readonly settleMs: number;
}

/** Runs scans. */
export class ScanLoop {
  readonly #clock: Pick<Clock, 'setTimeout'>;
  readonly #scan: () => Promise<'settled' | 'settling'>;
  #times: ScanTimes;
  #timer: Timer | null = null;
  #running: Promise<void> | null = null;
  #hinted = false;
  #stopped = false;

  /** @param scan looks at everything once; says whether something needs a second look. Must not reject. */
  constructor(clock: Pick<Clock, 'setTimeout'>, times: ScanTimes, scan: () => Promise<'settled' | 'settling'>) {
    this.#clock = clock;
    this.#times = times;
    this.#scan = scan;
  }

  start(): void {
    this.#arm(this.#times.scanPeriodMs);
  }

  /** Something may have changed. Many hints make one scan. */
  readonly hint = (): void => {
    if (this.#hinted || this.#stopped) return;
    this.#hinted = true;
    if (this.#running === null) this.#arm(this.#times.settleMs);
  };

  setTimes(times: ScanTimes): void {
    this.#times = times;
    if (this.#running === null && !this.#stopped) this.#arm(this.#hinted ? times.settleMs : times.scanPeriodMs);
  }

  /** Ends the loop; resolves when a scan under way is over. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#running;
  }

  #arm(delayMs: number): void {
    this.#timer?.cancel();
    this.#timer = this.#clock.setTimeout(() => void (this.#running = this.#run()), delayMs);
  }

  async #run(): Promise<void> {
    this.#hinted = false;
    const outcome = await this.#scan();
    this.#running = null;
    if (this.#stopped) return;
    const soon = outcome === 'settling' || this.#hinted;
    this.#arm(soon ? this.#times.settleMs : this.#times.scanPeriodMs);
  }
}
