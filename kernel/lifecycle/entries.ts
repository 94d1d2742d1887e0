/**
 * Entries into the system (requests, events, jobs) and the generation each one sees.
 * Always holds: an entry sees the generation that was current when it began until it ends; a generation's count is the number of
 * entries begun in it and not yet ended; after its end an entry no longer pins anything, even if a handle it opened lives on.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { Clock, EntriesService, Entry, EntryKind } from '@sluice/sdk';

/** Outcome of an entry, reported to the probation watch. */
export interface EntryOutcome {
  readonly bundle: string;
  readonly version: string;
  readonly kind: EntryKind;
  readonly generation: number;
  readonly failed: boolean;
  readonly durationMs: number;
}

// The async context holds this cell for as long as any handle opened inside lives; emptied at the end it pins nothing.
interface Cell {
  entry: CountedEntry | null;
}

interface GenerationCount {
  readonly number: number;
  readonly byBundle: Map<string, number>;
}

interface Drain {
  readonly below: number;
  readonly bundles: ReadonlySet<string> | null;
  readonly finish: () => void;
}

/** Counts entries by generation and bundle. */
export class EntryCounter implements EntriesService {
  readonly #store = new AsyncLocalStorage<Cell>();
  readonly #clock: Clock;
  readonly #currentGeneration: () => number;
  readonly #onEnd: (outcome: EntryOutcome) => void;
  readonly #counts = new Map<number, GenerationCount>();
  readonly #drains = new Set<Drain>();
  #total = 0;

  constructor(clock: Clock, currentGeneration: () => number, onEnd: (outcome: EntryOutcome) => void) {
    this.#clock = clock;
    this.#currentGeneration = currentGeneration;
    this.#onEnd = onEnd;
  }

  /** Entries that have begun and not ended. */
  get total(): number {
    return this.#total;
  }

  begin(kind: EntryKind, bundle: string, version: string, timeoutMs = Infinity): Entry {
    const generation = this.#currentGeneration();
    let count = this.#counts.get(generation);
    if (count === undefined) this.#counts.set(generation, (count = { number: generation, byBundle: new Map() }));
    count.byBundle.set(bundle, (count.byBundle.get(bundle) ?? 0) + 1);
    this.#total += 1;
    return new CountedEntry(this.#store, this.#clock.monotonic(), timeoutMs, { kind, bundle, version, generation }, this.#ended);
  }

  generation(): number {
    return this.#currentGeneration();
  }

  current(): { generation: number; deadline: number } | undefined {
    return this.#store.getStore()?.entry ?? undefined;
  }

  /** Generation of the entry this code runs in; undefined outside of any. */
  readonly entryGeneration = (): number | undefined => this.#store.getStore()?.entry?.generation;

  readonly #ended = (entry: CountedEntry, failed: boolean, durationMs: number | undefined): void => {
    const { kind, bundle, version, generation } = entry.identity;
    const count = this.#counts.get(generation);
    if (count === undefined) return;
    this.#total -= 1;
    const left = (count.byBundle.get(bundle) ?? 1) - 1;
    if (left > 0) count.byBundle.set(bundle, left);
    else count.byBundle.delete(bundle);
    if (count.byBundle.size === 0) this.#counts.delete(generation);
    if (this.#drains.size > 0) this.#checkDrains();
    // Named one by one: a spread followed by more properties takes 3 to 9 us in Node 20, on every entry.
    this.#onEnd({ kind, bundle, version, generation, failed, durationMs: durationMs ?? this.#clock.monotonic() - entry.startedAt });
  };

  #checkDrains(): void {
    for (const drain of this.#drains) {
      if (this.open(drain.below, drain.bundles) === 0) {
        this.#drains.delete(drain);
        drain.finish();
      }
    }
  }

  /** Open entries by generation and bundle. */
  openByGeneration(): readonly { readonly generation: number; readonly bundles: Readonly<Record<string, number>> }[] {
    return [...this.#counts.values()].map(({ number, byBundle }) => ({ generation: number, bundles: Object.fromEntries(byBundle) }));
  }

  /** Open entries by bundle. */
  openByBundle(): ReadonlyMap<string, number> {
    const open = new Map<string, number>();
    for (const { byBundle } of this.#counts.values())
      for (const [bundle, entries] of byBundle) open.set(bundle, (open.get(bundle) ?? 0) + entries);
    return open;
  }

  /** How many entries of generations below a number are open, counting only those of the given bundles. */
  open(below: number, bundles: ReadonlySet<string> | null): number {
    let open = 0;
    for (const count of this.#counts.values()) {
      if (count.number >= below) continue;
      for (const [bundle, entries] of count.byBundle) if (bundles === null || bundles.has(bundle)) open += entries;
    }
    return open;
  }

  /**
   * Waits until no entry of an older generation is left in the given bundles (null: any), or the limit passes.
   * @returns how long it took and how many entries were still open when the limit passed.
   */
  async drain(below: number, bundles: ReadonlySet<string> | null, limitMs: number): Promise<{ waitedMs: number; cut: number }> {
    const startedAt = this.#clock.monotonic();
    if (this.open(below, bundles) === 0) return { waitedMs: 0, cut: 0 };
    await new Promise<void>((resolve) => {
      const drain: Drain = {
        below,
        bundles,
        finish: () => {
          timer.cancel();
          resolve();
        },
      };
      const timer = this.#clock.setTimeout(() => {
        this.#drains.delete(drain);
        resolve();
      }, limitMs);
      this.#drains.add(drain);
    });
    return { waitedMs: this.#clock.monotonic() - startedAt, cut: this.open(below, bundles) };
  }
}

interface EntryIdentity {
  readonly kind: EntryKind;
  readonly bundle: string;
  readonly version: string;
  readonly generation: number;
}

class CountedEntry implements Entry {
  readonly startedAt: number;
  readonly deadline: number;
  readonly identity: EntryIdentity;
  readonly #store: AsyncLocalStorage<Cell>;
  readonly #cell: Cell;
  readonly #ended: (entry: CountedEntry, failed: boolean, durationMs: number | undefined) => void;

  constructor(
    store: AsyncLocalStorage<Cell>,
    now: number,
    timeoutMs: number,
    identity: EntryIdentity,
    ended: (entry: CountedEntry, failed: boolean, durationMs: number | undefined) => void,
  ) {
    this.#store = store;
    this.startedAt = now;
    this.deadline = now + timeoutMs;
    this.identity = identity;
    this.#ended = ended;
    this.#cell = { entry: this };
  }

  get generation(): number {
    return this.identity.generation;
  }

  run<T>(code: () => T): T {
    return this.#store.run(this.#cell, code);
  }

  end(outcome: { failed?: boolean; durationMs?: number } = {}): void {
    if (this.#cell.entry === null) return;
    this.#cell.entry = null;
    this.#ended(this, outcome.failed ?? false, outcome.durationMs);
  }
}
