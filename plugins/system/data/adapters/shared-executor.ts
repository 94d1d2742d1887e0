/** Plain statements of one bundle: in the unit of work that the code runs in, else each in a transaction of its own. */
import type { SqlExecutor, SqlRow, SqlValue } from '@sluice/sdk';
import type { Engine, Opener } from './engine.js';
import type { Units } from './unit-of-work.js';

/** Runs statements in the name of a bundle. */
export class SharedExecutor implements SqlExecutor {
  readonly #engine: Engine;
  readonly #units: Units;
  readonly #opener: Opener;

  constructor(bundle: string, engine: Engine, units: Units) {
    this.#engine = engine;
    this.#units = units;
    this.#opener = { bundle, waitMs: units.waitTimeoutMs };
  }

  async query(sql: string, values: readonly SqlValue[] = []): Promise<readonly SqlRow[]> {
    const unit = this.#units.current();
    return unit === undefined ? await this.#engine.query(this.#opener, sql, values) : await unit.query(sql, values);
  }

  async execute(sql: string, values: readonly SqlValue[] = []): Promise<number> {
    const unit = this.#units.current();
    return unit === undefined ? await this.#engine.execute(this.#opener, sql, values) : await unit.execute(sql, values);
  }
}
