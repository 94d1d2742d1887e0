/**
 * When a changed file counts: a content that two looks in a row find the same. Events of a file watcher come early, twice or never;
 * the digest decides. Pure.
 */

/** Digest of a content; null stands for "no such file". */
export type Digest = string | null;

/** What a look means. */
export type Verdict = 'unchanged' | 'settling' | 'accept';

/** Remembers the last look at each file. */
export class Looks {
  readonly #accepted = new Map<string, Digest>();
  readonly #pending = new Map<string, Digest>();

  /** True when the last looks found no file. */
  isMissing(name: string): boolean {
    return this.#accepted.get(name) === null && !this.#pending.has(name);
  }

  /** Judges the content found now. `accept` is final: the content is the known one from here on. */
  judge(name: string, digest: Digest): Verdict {
    if (this.#accepted.get(name) === digest) {
      this.#pending.delete(name);
      return 'unchanged';
    }
    if (!this.#pending.has(name) || this.#pending.get(name) !== digest) {
      this.#pending.set(name, digest);
      return 'settling';
    }
    this.accept(name, digest);
    return 'accept';
  }

  /** Takes a content as known without a second look: the first one at start, or one written by ourselves. */
  accept(name: string, digest: Digest): void {
    this.#pending.delete(name);
    this.#accepted.set(name, digest);
  }
}
