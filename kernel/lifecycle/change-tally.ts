/** How many changes of which kind had which outcome since the process began, and how long they took. */
import type { ChangeFigures, ObservedChange } from '@sluice/sdk';

/** Counts changes. */
export class ChangeTally {
  readonly #counts = new Map<
    string,
    { readonly kind: string; readonly outcome: ChangeFigures['outcome']; count: number; totalMs: number }
  >();

  add({ kind, outcome, durationMs }: Pick<ObservedChange, 'kind' | 'outcome' | 'durationMs'>): void {
    const key = `${kind} ${outcome}`;
    const found = this.#counts.get(key) ?? { kind, outcome, count: 0, totalMs: 0 };
    found.count += 1;
    found.totalMs += durationMs;
    this.#counts.set(key, found);
  }

  list(): readonly ChangeFigures[] {
    return [...this.#counts.values()].map((one) => ({ ...one }));
  }
}
