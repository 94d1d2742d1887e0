/** Plain statements of one bundle: in the unit of work that the code runs in, else each in a transaction of its own. */
import type { SqlExecutor, SqlRow, SqlValue } from '@sluice/sdk';
import type { Engine, Opener } from './engine.js';
import type { Units } from './unit-of-work.js';

/** Runs statements in the name of a bundle. */
export class SharedExecutor implements SqlExecutor {
  readonly #units: Units;
  readonly #outside: SqlExecutor;

  constructor(bundle: string, engine: Engine, units: Units) {
    this.#units = units;
    const opener = (): Opener => ({ bundle, waitMs: units.waitTimeoutMs });
    this.#outside = {
      query: (sql, values = []) => engine.query(opener(), sql, values),
      execute: (sql, values = []) => engine.execute(opener(), sql, values),
    };
  }

  query(sql: string, values: readonly SqlValue[] = []): Promise<readonly SqlRow[]> {
    return this.#where((place) => place.query(sql, values));
  }

  execute(sql: string, values: readonly SqlValue[] = []): Promise<number> {
    return this.#where((place) => place.execute(sql, values));
  }

  /** Not an async function: with a context store in use each promise costs, and statements are the most frequent calls of all. */
  #where<T>(run: (place: SqlExecutor) => Promise<T>): Promise<T> {
    try {
      return run(this.#units.current() ?? this.#outside);
    } catch (error) {
      return Promise.reject(error as Error);
    }
  }
}
