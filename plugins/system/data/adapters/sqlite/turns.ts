/**
 * Takes turns on one database file inside this process. While a new revision of the data bundle stands ready beside the old one,
 * two connections are open on the file; they must never commit or checkpoint at the same instant (see domain/sqlite-version.ts).
 *
 * The shared state is plain data under a process-wide symbol, so that no revision's code is held by the other.
 */

interface SharedTurn {
  held: boolean;
  readonly waiting: (() => void)[];
  /** Counts schema changes, so that what was cached about tables is known to be old. */
  schemaEpoch: number;
  users: number;
}

const SHARED = Symbol.for('sluice.data.sqlite-turns');

/** One connection's right to ask for the turn. */
export class FileTurn {
  readonly #file: string;
  readonly #shared: SharedTurn;
  #closed = false;

  /** @param file absolute path of the database. */
  constructor(file: string) {
    this.#file = file;
    const table = sharedTable();
    const shared = table.get(file) ?? { held: false, waiting: [], schemaEpoch: 0, users: 0 };
    shared.users += 1;
    table.set(file, shared);
    this.#shared = shared;
  }

  get schemaEpoch(): number {
    return this.#shared.schemaEpoch;
  }

  schemaChanged(): void {
    this.#shared.schemaEpoch += 1;
  }

  /** Takes the turn; returns nothing when it was free, else a promise of it. */
  enter(): Promise<void> | undefined {
    if (!this.#shared.held) {
      this.#shared.held = true;
      return undefined;
    }
    return new Promise((resolve) => this.#shared.waiting.push(resolve));
  }

  leave(): void {
    const next = this.#shared.waiting.shift();
    if (next === undefined) this.#shared.held = false;
    else next();
  }

  /** Gives up the right; the turn must have been left. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#shared.users -= 1;
    if (this.#shared.users === 0) sharedTable().delete(this.#file);
  }
}

function sharedTable(): Map<string, SharedTurn> {
  const holder = globalThis as { [SHARED]?: Map<string, SharedTurn> };
  return (holder[SHARED] ??= new Map());
}
