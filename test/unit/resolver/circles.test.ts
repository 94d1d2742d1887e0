/** Circles of imports: refused with their path, unless an optional import opens them. */
import assert from 'node:assert/strict';
import { circles, shortestCircle } from '@sluice/kernel/resolver/graph';
import { bundle, problems, resolved, wires } from './bundles.js';

describe('resolver: circles of imports', () => {
  const a = bundle('a@1.0.0', { exports: ['pa'], imports: ['pb@^1.0.0'] });
  const b = bundle('b@1.0.0', { exports: ['pb'], imports: ['pc@^1.0.0'] });
  const c = bundle('c@1.0.0', { exports: ['pc'], imports: ['pa@^1.0.0'] });
  const user = bundle('user@1.0.0', { imports: ['pa@^1.0.0'] });
  const free = bundle('free@1.0.0');

  it('no member resolves; each is told the path through itself, and who needs them the chain', () => {
    const { ok, wiring, problems: found } = resolved([a, b, c, user, free]);
    assert.deepEqual(
      { ok, keys: [...wiring.keys()], found: found.map((problem) => [problem.kind, problem.bundle, 'path' in problem && problem.path]) },
      {
        ok: false,
        keys: [free.key],
        found: [
          ['cycle', a.key, [a.key, b.key, c.key]],
          ['cycle', b.key, [b.key, c.key, a.key]],
          ['cycle', c.key, [c.key, a.key, b.key]],
          ['chain', user.key, [user.key, a.key]],
        ],
      },
    );
  });

  it('says it in words', () => {
    assert.equal(
      problems(resolved([a, b, c]))[0],
      "Cannot resolve 'a@1.0.0#1': it imports a package that in turn needs it, so that none can be loaded first ('a@1.0.0#1' imports 'pb' from 'b@1.0.0#1' imports 'pc' from 'c@1.0.0#1' imports 'pa' from 'a@1.0.0#1'). Move what they share out of 'pb' into a package that imports none of them, or make one of the imports optional.",
    );
  });

  it('an optional import is left unwired where that opens the circle', () => {
    const polite = bundle('c@1.0.0', { exports: ['pc'], imports: ['?pa@^1.0.0'] });
    const { ok, wiring, notices } = resolved([a, b, polite]);
    assert.deepEqual(
      { ok, wires: wires(wiring), notices },
      {
        ok: true,
        wires: ['a@1.0.0#1 -> b@1.0.0#1 pb@1.0.0', 'b@1.0.0#1 -> c@1.0.0#1 pc@1.0.0'],
        notices: [{ kind: 'cycle-broken', path: ['c@1.0.0#1', 'a@1.0.0#1'], names: ['pa'] }],
      },
    );
  });

  it('a bundle that imports its own export is no circle', () => {
    const own = bundle('own@1.0.0', { exports: ['p'], imports: ['p@^1.0.0'] });
    assert.deepEqual(wires(resolved([own]).wiring), ['own@1.0.0#1 -> own@1.0.0#1 p@1.0.0']);
  });

  it('an import one way and a contract the other is only worth a notice', () => {
    const lib = bundle('lib@1.0.0', { exports: ['lib'], requires: ['x.X@^1.0.0'] });
    const app = bundle('app@1.0.0', { imports: ['lib@^1.0.0'], provides: ['x.X@1.0.0'] });
    const { ok, notices } = resolved([lib, app]);
    assert.deepEqual([ok, notices], [true, [{ kind: 'contract-cycle', path: [app.key, lib.key], names: ['lib', 'x.X'] }]]);
  });

  it('a swap that closes a circle is refused, and what ran keeps its wires', () => {
    const base = bundle('base@1.0.0', { exports: ['base'] });
    const top = bundle('top@1.0.0', { exports: ['top'], imports: ['base@>=1.0.0'] });
    const before = resolved([base, top]).wiring;
    const closing = bundle('base@1.1.0', { exports: ['base'], imports: ['top@^1.0.0'] });
    const after = resolved([closing, top], { wired: before });
    assert.deepEqual(
      after.problems.map(({ kind, bundle: key }) => [kind, key]),
      [
        ['cycle', top.key],
        ['cycle', closing.key],
      ],
    );
    assert.deepEqual(wires(before), ['top@1.0.0#1 -> base@1.0.0#1 base@1.0.0']);
  });
});

describe('resolver: circles in graphs', () => {
  it('finds groups that reach each other, without recursion', () => {
    const edges: Record<number, readonly number[]> = { 0: [1, 2], 1: [0], 2: [3], 3: [4], 4: [2, 3], 5: [5], 6: [0] };
    const groups = circles([0, 5, 6], (node) => edges[node] ?? []).map((group) => [...group].sort());
    assert.deepEqual(groups.sort(), [
      [0, 1],
      [2, 3, 4],
    ]);
    const ring = 20_000;
    assert.equal(circles([0], (node) => [(node + 1) % ring])[0]?.length, ring);
  });

  it('finds the shortest circle through a node', () => {
    const edges: Record<string, readonly string[]> = { a: ['b', 'c'], b: ['d'], c: ['a'], d: ['a'] };
    const path = shortestCircle('a', new Set(['a', 'b', 'c', 'd']), (node) => edges[node] ?? []);
    assert.deepEqual(
      [path, shortestCircle('b', new Set(['a', 'b', 'd']), (node) => edges[node] ?? [])],
      [
        ['a', 'c'],
        ['b', 'd', 'a'],
      ],
    );
  });
});
