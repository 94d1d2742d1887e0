/**
 * A wiring made from the one before and what changed. A copy of a thousand entries for a change of one would be most of the garbage of a
 * change, so the entries that stayed are shared, and the changes are kept aside until they are many. Never changes once made.
 */
import type { Wire, Wiring } from './types.js';

/** Changes kept aside before a whole copy is made: looking through them again and again costs more than the copy by then. */
const CHANGES_MAX = 32;

type Wires = readonly Wire[];

/** The wiring after some changes; null takes an entry out. */
export function changedWiring(before: Wiring, changes: ReadonlyMap<string, Wires | null>): Wiring {
  const base = before instanceof LayeredWiring ? before.base : before;
  const all = before instanceof LayeredWiring ? new Map([...before.changes, ...changes]) : new Map(changes);
  const layered = new LayeredWiring(base, all);
  return all.size > CHANGES_MAX ? new Map(layered) : layered;
}

class LayeredWiring implements Wiring {
  readonly size: number;

  constructor(
    readonly base: Wiring,
    readonly changes: ReadonlyMap<string, Wires | null>,
  ) {
    let size = base.size;
    for (const [key, wires] of changes) size += Number(wires !== null) - Number(base.has(key));
    this.size = size;
  }

  get(key: string): Wires | undefined {
    const changed = this.changes.get(key);
    return changed === undefined ? this.base.get(key) : (changed ?? undefined);
  }

  has(key: string): boolean {
    return this.get(key) !== undefined;
  }

  *entries(): MapIterator<[string, Wires]> {
    for (const entry of this.base) if (!this.changes.has(entry[0])) yield entry;
    for (const [key, wires] of this.changes) if (wires !== null) yield [key, wires];
  }

  *keys(): MapIterator<string> {
    for (const [key] of this.entries()) yield key;
  }

  *values(): MapIterator<Wires> {
    for (const [, wires] of this.entries()) yield wires;
  }

  [Symbol.iterator](): MapIterator<[string, Wires]> {
    return this.entries();
  }

  forEach(visit: (wires: Wires, key: string, wiring: Wiring) => void): void {
    for (const [key, wires] of this) visit(wires, key, this);
  }
}
