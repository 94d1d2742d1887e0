/** The resolver over random systems: sound, complete where that is decidable, independent of order and of memory, with real problems. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { affectedBy, consumersOf, describeWiring, type Resolution, type ResolverBundle, type Wiring } from '@sluice/kernel/resolver/index';
import { bundle, resolved } from '../../unit/resolver/bundles.js';
import { changed, changes, peacefulSystem, system, unreality, unsoundness } from './systems.js';

/** An answer as plain data, steps left out: they may differ between ways to the same answer. */
function plain({ ok, wiring, problems, others, notices, rewired }: Resolution): unknown {
  return JSON.parse(
    JSON.stringify({ ok, wiring: describeWiring(wiring), keys: [...wiring.keys()].sort(), problems, others, notices, rewired }),
  );
}

function shuffled<T>(items: readonly T[], order: readonly number[]): readonly T[] {
  return items
    .map((item, index) => ({ item, rank: order[index % Math.max(1, order.length)] ?? 0 }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ item }) => item);
}

describe('resolver, for all systems', () => {
  it('the wiring is sound: every wire holds, nothing mandatory is open, no rule is broken', () => {
    fc.assert(
      fc.property(system, (candidates) => {
        assert.deepEqual(unsoundness(candidates, resolved(candidates).wiring), []);
      }),
      { numRuns: 800 },
    );
  });

  it('every problem is real, and everybody left out has one', () => {
    fc.assert(
      fc.property(system, (candidates) => {
        const { ok, wiring, problems, others } = resolved(candidates);
        assert.deepEqual(unreality(candidates, wiring, problems), []);
        const unresolved = candidates.filter(({ key }) => !wiring.has(key)).map(({ key }) => key);
        assert.deepEqual(
          { ok, others, without: unresolved.filter((key) => !problems.some((problem) => problem.bundle === key)) },
          { ok: unresolved.length === 0, others: [], without: [] },
        );
      }),
      { numRuns: 800 },
    );
  });

  it('the order of the candidates does not matter', () => {
    fc.assert(
      fc.property(system, fc.array(fc.nat(), { minLength: 9, maxLength: 9 }), (candidates, order) => {
        const required = candidates.map(({ key }) => key);
        assert.deepEqual(
          plain(resolved(shuffled(candidates, order), { required: shuffled(required, order) })),
          plain(resolved(candidates, { required })),
        );
      }),
      { numRuns: 800 },
    );
  });

  it('where nothing but requirements can fail, everything resolves that can', () => {
    fc.assert(
      fc.property(peacefulSystem, (candidates) => {
        // The plainest way: take everything, throw out whoever lacks something, until nobody does.
        let alive = [...candidates];
        for (let before = -1; before !== alive.length;) {
          before = alive.length;
          alive = alive.filter(({ manifest }) =>
            manifest.requires.every(
              (need) =>
                need.optional ||
                alive.some((other) =>
                  other.manifest.provides.some((offer) => offer.contract === need.contract && need.range.includes(offer.version)),
                ),
            ),
          );
        }
        assert.deepEqual([...resolved(candidates).wiring.keys()].sort(), alive.map(({ key }) => key).sort());
      }),
      { numRuns: 500 },
    );
  });

  it('resolving again moves no wire', () => {
    fc.assert(
      fc.property(system, (candidates) => {
        const first = resolved(candidates).wiring;
        const second = resolved(candidates, { wired: first }).wiring;
        for (const [key, wires] of first)
          assert.ok(
            wires.every((wire) => second.get(key)?.includes(wire)),
            key,
          );
      }),
      { numRuns: 500 },
    );
  });

  it('over any sequence of changes the wiring stays sound, and what is remembered does not show', () => {
    fc.assert(
      fc.property(system, changes, (start, sequence) => {
        let candidates: readonly ResolverBundle[] = start;
        let wiring: Wiring = resolved(candidates).wiring;
        for (const change of sequence) {
          const next = changed(candidates, change);
          const remembered = resolved(next, { wired: wiring });
          assert.deepEqual(unsoundness(next, remembered.wiring), []);
          assert.deepEqual(plain(remembered), plain(resolved(next, { wired: new Map(wiring) })));
          if (change.dropped) continue;
          candidates = next;
          wiring = remembered.wiring;
        }
      }),
      { numRuns: 400 },
    );
  });

  it('after any sequence of changes, who is reached is what a walk through all wires finds', () => {
    fc.assert(
      fc.property(system, changes, fc.nat(), (start, sequence, chosen) => {
        let candidates: readonly ResolverBundle[] = start;
        let wiring: Wiring = resolved(candidates).wiring;
        for (const change of sequence) {
          const next = changed(candidates, change);
          const after = resolved(next, { wired: wiring }).wiring;
          if (change.dropped) continue;
          candidates = next;
          wiring = after;
          const keys = candidates.filter((_, index) => index === chosen % candidates.length).map(({ key }) => key);
          const copy = new Map(wiring);
          assert.deepEqual(affectedBy(wiring, keys), affectedBy(copy, keys));
          assert.deepEqual(consumersOf(wiring, keys), consumersOf(copy, keys));
        }
      }),
      { numRuns: 400 },
    );
  });

  it('a wire in force is kept while its provider is there, unless one of the two had to give way', () => {
    fc.assert(
      fc.property(system, changes, (start, [change]) => {
        if (change === undefined) return;
        const before = resolved(start).wiring;
        const next = changed(start, { ...change, removed: [], swapped: [] });
        const after = resolved(next, { wired: before }).wiring;
        for (const [key, wires] of before) {
          assert.ok(after.has(key), `${key} was resolved and is not any more`);
          for (const wire of wires) assert.ok(after.get(key)?.includes(wire), `a wire of ${key} to ${wire.provider} was moved`);
        }
      }),
      { numRuns: 400 },
    );
  });

  it('the checker finds planted faults', () => {
    const [p, user] = [bundle('p@1.0.0', { provides: ['c.A@1.0.0'] }), bundle('user@1.0.0', { requires: ['c.A@^1.0.0'] })];
    const { wiring } = resolved([p, user]);
    assert.deepEqual(unsoundness([p, user], wiring), []);
    assert.equal(unsoundness([p, user], new Map([[user.key, wiring.get(user.key) ?? []]])).length, 1);
    assert.equal(unsoundness([p, user], new Map([[user.key, []]])).length, 1);
    assert.equal(unsoundness([user], wiring).length, 2);
  });
});
