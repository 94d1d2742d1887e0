/**
 * Which level is wanted from which source. Owned here: the rule that the longest matching name wins.
 * Always holds: looking up a source costs one map read after the first time, however many rules there are.
 */
import type { LogLevel } from '@sluice/sdk';

/** Sources remembered; the names of all bundles of a large system fit, invented ones cannot fill the memory. */
const REMEMBERED_MAX = 5_000;

/** Decides the lowest level of each source. */
export class LevelRules {
  readonly #fallback: LogLevel;
  readonly #exact: ReadonlyMap<string, LogLevel>;
  readonly #prefixes: readonly { readonly prefix: string; readonly level: LogLevel }[];
  readonly #remembered = new Map<string, LogLevel>();

  /** @param levels levels by symbolic name; a key `core.*` stands for every name below `core`. */
  constructor(fallback: LogLevel, levels: Readonly<Record<string, LogLevel>>) {
    this.#fallback = fallback;
    const rules = Object.entries(levels);
    this.#exact = new Map(rules.filter(([name]) => !name.endsWith('.*')));
    this.#prefixes = rules
      .filter(([name]) => name.endsWith('.*'))
      .map(([name, level]) => ({ prefix: name.slice(0, -1), level }))
      .sort((a, b) => b.prefix.length - a.prefix.length);
  }

  /** Lowest level wanted from a source. */
  of(source: string): LogLevel {
    const known = this.#remembered.get(source);
    if (known !== undefined) return known;
    const level = this.#exact.get(source) ?? this.#prefixes.find((rule) => source.startsWith(rule.prefix))?.level ?? this.#fallback;
    if (this.#remembered.size < REMEMBERED_MAX) this.#remembered.set(source, level);
    return level;
  }
}
