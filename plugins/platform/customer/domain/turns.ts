/**
 * Lets a few tasks run at once and a bounded number wait. A password check takes 128 MiB: without a bound, a burst of
 * logins would take all memory and all threads of the process.
 */
import { SluiceError } from '@sluice/sdk';
import { CustomerErrors } from '@sluice/customer-api';

/** Bounded turns. */
export class Turns {
  private running = 0;
  private readonly waiting: (() => void)[] = [];

  constructor(
    private readonly atOnceMax: number,
    private readonly waitingMax: number,
  ) {}

  /**
   * Runs a task in its turn.
   * @throws SluiceError `LOGIN_BUSY` (retryable) when too many wait.
   */
  async run<T>(task: () => Promise<T>): Promise<T> {
    if (this.running >= this.atOnceMax) await this.turn();
    else this.running += 1;
    try {
      return await task();
    } finally {
      // The turn passes to the next one without being free in between.
      const next = this.waiting.shift();
      if (next === undefined) this.running -= 1;
      else next();
    }
  }

  private turn(): Promise<void> {
    if (this.waiting.length >= this.waitingMax) {
      return Promise.reject(
        new SluiceError(CustomerErrors.loginBusy, `Login not checked: ${this.waitingMax} logins wait already`, {
          details: { waitingMax: this.waitingMax, retryAfterSeconds: 5 },
          remedy: 'Try again in a few seconds.',
          retryable: true,
          httpStatus: 503,
        }),
      );
    }
    return new Promise((resolve) => this.waiting.push(resolve));
  }
}
