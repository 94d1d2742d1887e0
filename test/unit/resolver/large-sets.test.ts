/** Large generated sets: fast enough, the same whatever the order of the bundles, and work that grows with the set, not its square. */
import assert from 'node:assert/strict';
import { describeWiring, resolve, type ResolverBundle, type Resolution } from '@sluice/kernel/resolver/index';
import { KERNEL } from './bundles.js';
import { generatedSet, shuffled } from './generated-set.js';

const RESOLVE_MS_MAX = 1_000;

const resolved = (candidates: readonly ResolverBundle[]): Resolution =>
  resolve({ candidates, required: candidates.map(({ key }) => key), kernel: KERNEL });

function timeOf(work: () => unknown): number {
  const begunAt = performance.now();
  work();
  return performance.now() - begunAt;
}

describe('resolver: large sets', () => {
  const thousand = generatedSet(1_000);

  it('a generated set of 1,000 bundles resolves in under a second, most of it', () => {
    const { wiring, problems } = resolved(thousand);
    // The best of three: what else the machine does can only make it longer.
    const tookMs = Math.min(...[1, 2, 3].map(() => timeOf(() => resolved(thousand))));
    assert.ok(tookMs < RESOLVE_MS_MAX, `${tookMs} ms`);
    // Enough resolves and enough does not, or the set would say nothing.
    assert.ok(wiring.size > 600 && wiring.size < 1_000, `${wiring.size} resolved`);
    assert.ok(new Set(problems.map(({ kind }) => kind)).size >= 3, 'kinds of problems');
  });

  it('the answer is the same over 20 shuffles', () => {
    const plain = ({ wiring, problems, others }: Resolution): string =>
      JSON.stringify([describeWiring(wiring), [...wiring.keys()].sort(), problems, others]);
    const first = plain(resolved(thousand));
    for (let seed = 1; seed <= 20; seed++) assert.equal(plain(resolved(shuffled(thousand, seed))), first, `shuffle ${seed}`);
  });

  it('from 1,000 to 5,000 bundles the steps grow with the bundles, not with their square', () => {
    const [small, large] = [thousand, generatedSet(5_000)].map((set) => resolved(set).steps) as [number, number];
    assert.ok(large <= 6 * small, `${large} steps against ${small}: ${(large / small).toFixed(1)} times`);
  });
});
