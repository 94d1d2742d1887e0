/** Durations counted in buckets, and what `top` makes of two readings. */
import { deepStrictEqual as equal, ok } from 'node:assert';
import * as fc from 'fast-check';
import { topRows, topSummary } from '@sluice/kernel/cli/traffic';
import type { EntryOutcome } from '@sluice/kernel/lifecycle/entries';
import { TrafficMeter } from '@sluice/kernel/lifecycle/traffic-meter';
import { FIGURES } from '../../contract/admin/scripted-runtime.js';

const outcome = (durationMs: number, failed = false): EntryOutcome => ({
  ...{ bundle: 'a', version: '1.0.0', kind: 'request', generation: 1 },
  durationMs,
  failed,
});

describe('traffic meter', () => {
  it('puts each duration below a bound that is at most a quarter higher', () => {
    fc.assert(
      fc.property(fc.double({ min: 0.01, max: 2_000_000, noNaN: true }), (durationMs) => {
        const meter = new TrafficMeter();
        meter.add(outcome(durationMs));
        const [bound = 0, count] = meter.of('a')[0]?.buckets[0] ?? [];
        ok(count === 1 && bound >= durationMs && bound <= durationMs * 1.25 + 0.002, `${durationMs} in ${bound}`);
      }),
    );
  });

  it('takes what is shorter or longer than it can tell, sums up, and forgets', () => {
    const meter = new TrafficMeter();
    for (const [durationMs, failed] of [[0], [-1], [1e12, true], [3]] as const) meter.add(outcome(durationMs, failed === true));
    const [figures] = meter.of('a');
    equal([figures?.ended, figures?.failed, figures?.buckets.map(([, count]) => count)], [4, 1, [2, 1, 1]]);
    meter.forget('a');
    equal(meter.of('a'), []);
  });
});

describe('top', () => {
  const [first] = FIGURES.bundles;
  const later = {
    ...FIGURES,
    at: 3_000,
    process: { ...FIGURES.process, cpuUserMs: 506, loopActiveMs: 1_008, loopIdleMs: 1_009 },
    bundles: [
      {
        ...(first as NonNullable<typeof first>),
        entries: [
          {
            kind: 'request',
            ended: 300,
            failed: 12,
            totalMs: 900,
            buckets: [
              [1.024, 198],
              [10.24, 100],
              [81.92, 2],
            ],
          },
          { kind: 'job', ended: 4, failed: 0, totalMs: 4, buckets: [[1.024, 4]] },
        ],
      },
      { ...(first as NonNullable<typeof first>), symbolicName: 'a.new', entries: [], inFlight: 0, heapBytes: 5 },
    ],
  } as const;

  it('makes rates and percentiles of what ended between two readings', () => {
    const [row, other] = topRows(FIGURES, later, 'requests');
    equal(
      { ...row },
      {
        ...{ bundle: 'core.ledger', version: '1.1.0', state: 'ACTIVE', inFlight: 3, services: 1, timers: 1, listeners: 0, lingering: 1 },
        ...{ requestsPerSecond: 100, othersPerSecond: 2, p50Ms: 1.024, p99Ms: 10.24, failuresPerSecond: 5, failures: 12, heapBytes: null },
      },
    );
    equal([other?.bundle, other?.requestsPerSecond, other?.p99Ms], ['a.new', 0, null]);
    const { loopBusy, cpu, requestsPerSecond, inFlight, held } = topSummary(FIGURES, later, topRows(FIGURES, later, 'name'));
    equal([loopBusy, cpu, requestsPerSecond, inFlight, held], [0.5, 0.25, 100, 3, 1]);
  });

  it('has no rates with one reading, or when the process began anew in between', () => {
    const restarted = { ...later, startedAt: 2_000 };
    for (const before of [null, { ...FIGURES }]) {
      const [row] = topRows(before, restarted, 'requests');
      equal([row?.requestsPerSecond, row?.failures], [null, row?.bundle === 'core.ledger' ? 12 : 0]);
    }
  });

  it('sorts by any key, highest first, equals by name', () => {
    const order = (key: Parameters<typeof topRows>[2]): string[] => topRows(FIGURES, later, key).map(({ bundle }) => bundle);
    equal(
      [order('name'), order('requests'), order('heap'), order('services')],
      [
        ['a.new', 'core.ledger'],
        ['core.ledger', 'a.new'],
        ['a.new', 'core.ledger'],
        ['a.new', 'core.ledger'],
      ],
    );
  });
});
