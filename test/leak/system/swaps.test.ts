/** Short form of `npm run verify ten-thousand-swaps`: a bundle that uses everything, swapped in one process. */
import { strict as assert } from 'node:assert';
import { tenThousandSwaps } from '../../verify/ten-thousand-swaps.js';

/** Well above the noise of a compiler that still warms up; one old revision in three kept would show. */
const HEAP_GROWTH_BYTES_MAX = 5_000_000;

describe('100 swaps of a bundle with components, routes, timers, events, jobs and a model', function () {
  this.timeout(120_000);

  it('leave every old revision collected and nothing open', async () => {
    const figures = await tenThousandSwaps({ swaps: 100, settledAfter: 25 });
    const { committed, collected, handles, listenerGrowth, descriptorGrowth, problems } = figures;
    assert.deepEqual(
      { committed, collected, handles, listenerGrowth, descriptorGrowth, problems },
      { committed: 100, collected: 100, handles: [], listenerGrowth: 0, descriptorGrowth: 0, problems: [] },
    );
    assert.ok(figures.heapGrowthBytes < HEAP_GROWTH_BYTES_MAX, `the heap grew by ${figures.heapGrowthBytes} bytes`);
    // Nothing stood still: each revision was visited, received both kinds of events and had its timers run.
    const { visits, events, durableEvents, revisions, contextTicks, plainTicks } = figures.facts;
    assert.deepEqual([visits, events, revisions], [101, 101, 101]);
    assert.ok(
      [durableEvents, contextTicks, plainTicks].every((count) => (count ?? 0) > 50),
      JSON.stringify(figures.facts),
    );
  });
});
