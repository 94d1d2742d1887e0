/** Runs jobs one after the other, in the order they came. A job that fails does not stop the next. */
export class JobQueue {
  private tail: Promise<unknown> = Promise.resolve();

  /** Resolves or rejects with the job. */
  run<T>(job: () => Promise<T>): Promise<T> {
    const result = this.tail.then(job);
    this.tail = result.catch(() => undefined);
    return result;
  }
}
