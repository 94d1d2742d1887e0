/** Marks delivered events in batches: while one statement is under way, the next ones gather. */

/** Gathers ids. */
export class DoneBatch {
  readonly #write: (ids: readonly string[]) => Promise<void>;
  #gathering: string[] = [];
  #next: Promise<void> | null = null;
  #current: Promise<void> = Promise.resolve();

  constructor(write: (ids: readonly string[]) => Promise<void>) {
    this.#write = write;
  }

  /** Resolves when the id is written. Rejects when the statement it was part of failed. */
  add(id: string): Promise<void> {
    this.#gathering.push(id);
    if (this.#next === null) {
      const before = this.#current.catch(() => undefined);
      this.#next = before.then(() => this.#flush());
      this.#current = this.#next;
    }
    return this.#next;
  }

  #flush(): Promise<void> {
    const ids = this.#gathering;
    this.#gathering = [];
    this.#next = null;
    return this.#write(ids);
  }
}
