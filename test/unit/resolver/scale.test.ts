/**
 * The work of the resolver, counted in steps: it grows with the bundles, not with their combinations. Steps are the same on every
 * machine; milliseconds belong to bench/.
 */
import assert from 'node:assert/strict';
import type { ResolverBundle } from '@sluice/kernel/resolver/index';
import { bundle, nextRevision, problems, resolved } from './bundles.js';

/** Bundle k needs k-1's contract; all provide one whiteboard contract. */
function chainOf(length: number): ResolverBundle[] {
  return Array.from({ length }, (_, index) =>
    bundle(`n${index}@1.0.0`, {
      provides: [`x.C${index}@1.0.0`, 'w.Routes@1.0.0'],
      requires: index === 0 ? [] : [`x.C${index - 1}@^1.0.0`],
    }),
  );
}

/** Many providers of few contracts, every consumer needs all, half of the providers are broken. */
function crowdOf(size: number): ResolverBundle[] {
  return Array.from({ length: size }, (_, index) =>
    bundle(`n${index}@1.0.0`, {
      provides: [`x.C${index % 5}@1.${index}.0`],
      requires: [0, 1, 2, 3, 4].map((contract) => `x.C${contract}@>=1.0.0`).concat(index % 2 === 0 ? ['x.Gone@^1.0.0'] : []),
    }),
  );
}

describe('resolver: work', () => {
  it('a chain of 1,000 costs at most 10 steps a bundle, 2,000 twice that', () => {
    const [one, two] = [resolved(chainOf(1_000)), resolved(chainOf(2_000))];
    assert.ok(one.ok && two.ok);
    assert.ok(one.steps <= 10_000, `${one.steps} steps`);
    assert.ok(two.steps <= 2.1 * one.steps, `${two.steps} steps against ${one.steps}`);
  });

  it('a swap among 1,000 costs at most 50 steps', () => {
    const chain = chainOf(1_000);
    const { wiring } = resolved(chain);
    chain[500] = nextRevision(chain[500] as ResolverBundle);
    const { ok, steps, rewired } = resolved(chain, { wired: wiring });
    assert.deepEqual({ ok, rewired }, { ok: true, rewired: ['n500@1.0.0#2', 'n501@1.0.0#1'] });
    assert.ok(steps <= 50, `${steps} steps`);
  });

  it('many providers of one contract, half of them broken, cost no more than providers times contracts a consumer', () => {
    const [small, large] = [100, 200].map((size) => resolved(crowdOf(size), { required: [] }).steps) as [number, number];
    assert.ok(large <= 4.5 * small, `${large} steps against ${small}`);
    assert.ok(large <= 200 * 200 * 5, `${large} steps`);
  });

  it('gives up at its budget, says so, and keeps what is remembered intact', () => {
    const chain = chainOf(50);
    const { wiring } = resolved(chain);
    const next = chain.map(nextRevision);
    const poor = resolved(next, { wired: wiring, budget: 30 });
    assert.deepEqual(
      { ok: poor.ok, size: poor.wiring.size, kinds: poor.problems.map(({ kind, code }) => [kind, code]) },
      {
        ok: false,
        size: 0,
        kinds: [['budget', 'RESOLVER_BUDGET']],
      },
    );
    assert.match(
      problems(poor)[0] ?? '',
      /^Cannot resolve 'n0@1\.0\.0#2': the resolver gave up after \d+ steps, before an answer was found\. Deploy/,
    );
    const unchanged = resolved(chain, { wired: wiring });
    assert.deepEqual({ ok: unchanged.ok, rewired: unchanged.rewired }, { ok: true, rewired: [] });
  });

  it('a chain of 5,000 that breaks at its foot is reported without exhausting the stack', () => {
    const { ok, problems: found } = resolved(chainOf(5_000).slice(1));
    assert.deepEqual([ok, found.length], [false, 4_999]);
  });
});
