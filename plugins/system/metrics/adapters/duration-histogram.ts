/** A histogram that somebody else has counted: given as counts by upper bound, answered as Prometheus wants it. */
import type { Histogram, MetricValueWithName } from 'prom-client';
import type { EntryFigures } from '@sluice/sdk';

/** Bounds of the answer, in milliseconds: powers of two, since those are bounds of the counts. */
const BOUNDS_MS = Array.from({ length: 16 }, (_, power) => 0.512 * 2 ** power);

interface Counted {
  readonly labels: Readonly<Record<string, string>>;
  readonly figures: Pick<EntryFigures, 'ended' | 'totalMs' | 'buckets'>;
}

/** A metric for a registry: durations in seconds. */
export function durationHistogram(name: string, help: string, counted: readonly Counted[]): Histogram {
  const values = counted.flatMap((one) => valuesOf(name, one));
  const read = (): ReturnType<Histogram['get']> =>
    Promise.resolve({ name, help, type: 'histogram' as never, aggregator: 'sum', values, collect: () => undefined });
  // A registry asks a metric for its name and its values, nothing else.
  return { name, get: read } as unknown as Histogram;
}

function valuesOf(name: string, { labels, figures: { ended, totalMs, buckets } }: Counted): MetricValueWithName<string>[] {
  const below = BOUNDS_MS.map((boundMs) => ({
    metricName: `${name}_bucket`,
    labels: { ...labels, le: String(boundMs / 1e3) },
    // Bounds are sums of powers of two; what is computed here may differ in the last digit.
    value: buckets.reduce((sum, [upToMs, count]) => (upToMs <= boundMs * 1.000_001 ? sum + count : sum), 0),
  }));
  return [
    ...below,
    { metricName: `${name}_bucket`, labels: { ...labels, le: '+Inf' }, value: ended },
    { metricName: `${name}_sum`, labels, value: totalMs / 1e3 },
    { metricName: `${name}_count`, labels, value: ended },
  ];
}
