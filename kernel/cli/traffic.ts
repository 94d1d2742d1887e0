/** What `top` shows, computed from two readings of the figures. Pure. */
import type { BundleFigures, SystemFigures } from '../admin/contract.js';

/** One line of `top`. Rates are null while there is only one reading. */
export interface TopRow {
  readonly bundle: string;
  readonly version: string;
  readonly state: string;
  readonly requestsPerSecond: number | null;
  /** Events, jobs, timers, connections. */
  readonly othersPerSecond: number | null;
  readonly inFlight: number;
  /** Of the entries that ended between the readings; null when none did. */
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  readonly failuresPerSecond: number | null;
  /** Since the process began. */
  readonly failures: number;
  readonly services: number;
  readonly timers: number;
  readonly listeners: number;
  readonly lingering: number;
  readonly heapBytes: number | null;
}

/** The process in one line. */
export interface TopSummary {
  readonly at: number;
  readonly uptimeMs: number;
  readonly generation: number;
  readonly heapUsedBytes: number;
  readonly rssBytes: number;
  /** Share of the time in which the event loop ran code; null with one reading. */
  readonly loopBusy: number | null;
  /** Share of one processor; null with one reading. */
  readonly cpu: number | null;
  readonly requestsPerSecond: number | null;
  readonly inFlight: number;
  readonly held: number;
}

/** What lines can be sorted by. */
export const SORT_KEYS = ['name', 'requests', 'inflight', 'p99', 'failures', 'services', 'timers', 'lingering', 'heap'] as const;
/** One of them. */
export type SortKey = (typeof SORT_KEYS)[number];

const SORT_VALUES: Readonly<Record<Exclude<SortKey, 'name'>, (row: TopRow) => number | null>> = {
  requests: (row) => row.requestsPerSecond,
  inflight: (row) => row.inFlight,
  p99: (row) => row.p99Ms,
  failures: (row) => row.failuresPerSecond ?? row.failures,
  services: (row) => row.services,
  timers: (row) => row.timers,
  lingering: (row) => row.lingering,
  heap: (row) => row.heapBytes,
};

/** The lines, sorted: highest first, equals by name. @param before an earlier reading of the same process. */
export function topRows(before: SystemFigures | null, after: SystemFigures, sort: SortKey): readonly TopRow[] {
  const earlier = before?.startedAt === after.startedAt ? before : null;
  const seconds = earlier === null ? 0 : (after.at - earlier.at) / 1_000;
  const rows = after.bundles.map((bundle) => {
    const old = earlier?.bundles.find(({ symbolicName }) => symbolicName === bundle.symbolicName);
    return rowOf(bundle, old, seconds);
  });
  const byName = (a: TopRow, b: TopRow): number => (a.bundle < b.bundle ? -1 : 1);
  if (sort === 'name') return rows.sort(byName);
  const value = SORT_VALUES[sort];
  return rows.sort((a, b) => (value(b) ?? -1) - (value(a) ?? -1) || byName(a, b));
}

function rowOf(bundle: BundleFigures, old: BundleFigures | undefined, seconds: number): TopRow {
  const ended = (figures: BundleFigures | undefined, wanted: (kind: string) => boolean, count: 'ended' | 'failed' = 'ended'): number =>
    (figures?.entries ?? []).filter(({ kind }) => wanted(kind)).reduce((sum, entry) => sum + entry[count], 0);
  // A bundle that was uninstalled in between begins at zero again.
  const rate = (now: number, before: number): number | null => (seconds > 0 ? Math.max(0, now - before) / seconds : null);
  const isRequest = (kind: string): boolean => kind === 'request';
  const any = (): boolean => true;
  const buckets = differences(bundle, old);
  const { symbolicName, version, state, inFlight, services, timers, listeners, lingering, heapBytes } = bundle;
  return {
    ...{ bundle: symbolicName, version, state, inFlight, services, timers, listeners, lingering, heapBytes },
    requestsPerSecond: rate(ended(bundle, isRequest), ended(old, isRequest)),
    othersPerSecond: rate(
      ended(bundle, (kind) => !isRequest(kind)),
      ended(old, (kind) => !isRequest(kind)),
    ),
    p50Ms: percentile(buckets, 0.5),
    p99Ms: percentile(buckets, 0.99),
    failuresPerSecond: rate(ended(bundle, any, 'failed'), ended(old, any, 'failed')),
    failures: ended(bundle, any, 'failed'),
  };
}

/** Durations of requests, or where a bundle serves none of everything, between the readings. */
function differences(bundle: BundleFigures, old: BundleFigures | undefined): ReadonlyMap<number, number> {
  const requests = bundle.entries.some(({ kind }) => kind === 'request');
  const counts = new Map<number, number>();
  for (const [figures, sign] of [[bundle, 1] as const, [old, -1] as const]) {
    for (const { kind, buckets } of figures?.entries ?? []) {
      if (requests && kind !== 'request') continue;
      for (const [upToMs, count] of buckets) counts.set(upToMs, (counts.get(upToMs) ?? 0) + sign * count);
    }
  }
  return counts;
}

/** Upper bound of the bucket in which a share of the entries has ended. */
function percentile(buckets: ReadonlyMap<number, number>, share: number): number | null {
  const ascending = [...buckets].filter(([, count]) => count > 0).sort(([a], [b]) => a - b);
  const total = ascending.reduce((sum, [, count]) => sum + count, 0);
  let seen = 0;
  for (const [upToMs, count] of ascending) {
    seen += count;
    if (seen >= total * share) return upToMs;
  }
  return null;
}

/** The process between two readings. */
export function topSummary(before: SystemFigures | null, after: SystemFigures, rows: readonly TopRow[]): TopSummary {
  const earlier = before?.startedAt === after.startedAt ? before : null;
  const { process: now } = after;
  const active = now.loopActiveMs - (earlier?.process.loopActiveMs ?? 0);
  const idle = now.loopIdleMs - (earlier?.process.loopIdleMs ?? 0);
  const cpuMs = now.cpuUserMs + now.cpuSystemMs - (earlier === null ? 0 : earlier.process.cpuUserMs + earlier.process.cpuSystemMs);
  const wallMs = after.at - (earlier?.at ?? after.at);
  return {
    at: after.at,
    uptimeMs: after.at - after.startedAt,
    generation: after.generation,
    heapUsedBytes: now.heapUsedBytes,
    rssBytes: now.rssBytes,
    loopBusy: earlier === null || active + idle <= 0 ? null : active / (active + idle),
    cpu: wallMs > 0 ? cpuMs / wallMs : null,
    requestsPerSecond: earlier === null ? null : rows.reduce((sum, { requestsPerSecond }) => sum + (requestsPerSecond ?? 0), 0),
    inFlight: rows.reduce((sum, { inFlight }) => sum + inFlight, 0),
    held: after.replaced.held,
  };
}
