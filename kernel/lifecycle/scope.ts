/**
 * The scope tree: owner of everything acquired. Whatever is handed over is undone exactly once, in reverse order, children
 * included; one failed undo never stops the rest. Leaves time limits of single undos to the caller of `close`.
 */
import { messageOf, SluiceError, type Scope, type Undo } from '@sluice/sdk';

interface Owned {
  readonly what: string;
  undo: Undo | null;
}

/** One undo that threw. */
export interface UndoFailure {
  readonly what: string;
  readonly message: string;
}

const NO_FAILURES: readonly UndoFailure[] = Object.freeze([]);

/** A scope. Closing is idempotent: every caller gets the same promise. */
export class ScopeNode implements Scope {
  readonly name: string;
  readonly #owned = new Set<Owned>();
  readonly #parent: ScopeNode | null;
  #closing: Promise<void> | null = null;
  #failures: readonly UndoFailure[] = NO_FAILURES;

  constructor(name: string, parent: ScopeNode | null = null) {
    this.name = name;
    this.#parent = parent;
  }

  /** True from the moment closing began. */
  get closed(): boolean {
    return this.#closing !== null;
  }

  /** Undos that threw while closing, also those of children. */
  get failures(): readonly UndoFailure[] {
    return this.#failures;
  }

  own(what: string, undo: Undo): () => Promise<void> {
    if (this.closed) {
      // Whoever acquires after the end must not leak: undo at once, then say so.
      void this.#run({ what, undo });
      throw closedError(this.name, what);
    }
    const owned: Owned = { what, undo };
    this.#owned.add(owned);
    return async () => {
      this.#owned.delete(owned);
      await this.#run(owned);
    };
  }

  /** Forgets an acquisition that ended by itself (a one-shot timer that fired). */
  ownQuietly(what: string, undo: Undo): { release(): void } {
    if (this.closed) throw closedError(this.name, what);
    const owned: Owned = { what, undo };
    this.#owned.add(owned);
    return { release: () => void this.#owned.delete(owned) };
  }

  child(name: string): ScopeNode {
    if (this.closed) throw closedError(this.name, `child scope '${name}'`);
    const child = new ScopeNode(name, this);
    const owned: Owned = { what: name, undo: () => child.close() };
    this.#owned.add(owned);
    child.#onClosed = () => this.#owned.delete(owned);
    childrenOf.set(owned, child);
    return child;
  }

  #onClosed: (() => void) | null = null;

  close(): Promise<void> {
    this.#closing ??= this.#closeAll();
    return this.#closing;
  }

  async #closeAll(): Promise<void> {
    const inReverse = [...this.#owned].reverse();
    for (const owned of inReverse) {
      await this.#run(owned);
      this.#owned.delete(owned);
    }
    this.#onClosed?.();
    if (this.#parent !== null && this.#failures.length > 0) this.#parent.#failures = [...this.#parent.#failures, ...this.#failures];
  }

  async #run(owned: Owned): Promise<void> {
    const { undo } = owned;
    if (undo === null) return;
    owned.undo = null;
    try {
      await undo();
    } catch (error) {
      this.#failures = [...this.#failures, { what: owned.what, message: messageOf(error) }];
    }
  }

  /** How many acquisitions are held, those of children included. */
  get size(): number {
    let size = 0;
    for (const owned of this.#owned) size += childrenOf.get(owned)?.size ?? 1;
    return size;
  }

  /** What is held, as an indented tree of lines. */
  describe(indent = ''): string[] {
    const lines: string[] = [];
    for (const owned of this.#owned) {
      lines.push(`${indent}${owned.what}`);
      const child = childrenOf.get(owned);
      if (child !== undefined) lines.push(...child.describe(`${indent}  `));
    }
    return lines;
  }
}

// Which owned entries are child scopes; weak, so that a closed child is not kept.
const childrenOf = new WeakMap<Owned, ScopeNode>();

/** The error of every use of a scope or context after its end. */
export function closedError(owner: string, what: string): SluiceError {
  return new SluiceError('CONTEXT_CLOSED', `Cannot acquire ${what}: the scope of ${owner} is closed. Its bundle was stopped or replaced`, {
    details: { owner, what },
    remedy: 'Do not keep a context or a timer beyond the life of the bundle; look at ctx.signal.',
  });
}
