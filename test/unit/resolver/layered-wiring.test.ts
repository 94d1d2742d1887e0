/** A wiring made from the one before and what changed is the same as a copy that was changed. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { changedWiring } from '@sluice/kernel/resolver/layered-wiring';
import type { Wire, Wiring } from '@sluice/kernel/resolver/index';

const key = fc.constantFrom(...'abcdefghijklmnopqrstuvwxyz');
const change = fc.array(fc.tuple(key, fc.option(fc.constant<readonly Wire[]>([]))), { maxLength: 8 });

describe('resolver: layered wiring', () => {
  it('is a changed copy, through any number of changes, and leaves the one before as it was', () => {
    fc.assert(
      fc.property(fc.array(key), fc.array(change, { maxLength: 30 }), (start, steps) => {
        let wiring: Wiring = new Map(start.map((one) => [one, []]));
        let copy = new Map(wiring);
        for (const step of steps) {
          const before = wiring;
          const copyBefore = copy;
          wiring = changedWiring(before, new Map(step));
          copy = new Map(copyBefore);
          for (const [one, wires] of new Map(step)) {
            if (wires === null) copy.delete(one);
            else copy.set(one, wires);
          }
          assert.deepEqual(shown(wiring), shown(copy));
          assert.deepEqual(shown(before), shown(copyBefore));
        }
      }),
    );
  });
});

/** Everything that can be asked of a wiring. */
function shown(wiring: Wiring): unknown {
  const visited: unknown[] = [];
  wiring.forEach((wires, one, all) => visited.push([one, wires, all === wiring]));
  return {
    size: wiring.size,
    all: [...wiring].sort(),
    entries: [...wiring.entries()].sort(),
    keys: [...wiring.keys()].sort(),
    values: [...wiring.values()].length,
    has: [...'abcxyz'].map((one) => [wiring.has(one), wiring.get(one)]),
    visited: visited.sort(),
  };
}
