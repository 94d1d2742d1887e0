/** The one ordered queue of commands: changes never overlap, and a failing one does not stop the next. */
import { SluiceError } from '@sluice/sdk';

/** Commands waiting at once; a caller that floods is refused instead of growing the heap. */
const WAITING_MAX = 1_000;

/** Runs commands one after the other, in the order they were handed over. */
export class CommandQueue {
  #tail: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #closed = false;

  /** How many commands run or wait. */
  get size(): number {
    return this.#waiting;
  }

  /**
   * Runs a command after all earlier ones.
   * @throws SluiceError `QUEUE_FULL`, `KERNEL_STOPPING`.
   */
  run<T>(command: () => Promise<T>): Promise<T> {
    if (this.#closed)
      return Promise.reject(new SluiceError('KERNEL_STOPPING', 'The kernel is stopping and takes no more changes', { httpStatus: 503 }));
    return this.#push(command);
  }

  #push<T>(command: () => Promise<T>): Promise<T> {
    if (this.#waiting >= WAITING_MAX) {
      return Promise.reject(
        new SluiceError('QUEUE_FULL', `${this.#waiting} changes are waiting already`, {
          httpStatus: 503,
          retryable: true,
          remedy: 'Wait until some of them are done.',
        }),
      );
    }
    this.#waiting += 1;
    const result = this.#tail.then(command);
    this.#tail = result.then(
      () => void (this.#waiting -= 1),
      () => void (this.#waiting -= 1),
    );
    return result;
  }

  /** Takes no more commands; runs a last one after those waiting. */
  close<T>(last: () => Promise<T>): Promise<T> {
    this.#closed = true;
    return this.#push(last);
  }
}
