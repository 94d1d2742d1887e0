/**
 * Figures as metrics. Every answer is made anew from one reading: a bundle that is gone is in none of the series, without anybody having
 * to take it out, and nothing is counted twice on the way of a request.
 */
import type { Registry } from 'prom-client';
import type { BundleFigures, SystemFigures } from '@sluice/sdk';
import { durationHistogram } from './duration-histogram.js';
import { promClient } from './library.js';

/** Delay of the event loop since the last reading, milliseconds. */
export interface LoopDelay {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

type Labels = Readonly<Record<string, string>>;

/** The metrics as text. */
export async function renderMetrics(
  figures: SystemFigures,
  delay: LoopDelay,
): Promise<{ readonly contentType: string; readonly text: string }> {
  const registry = new (promClient().Registry)();
  addProcess(registry, figures, delay);
  addSystem(registry, figures);
  addBundles(registry, figures.bundles);
  addTraffic(registry, figures.bundles);
  return { contentType: registry.contentType, text: await registry.metrics() };
}

function gauge(registry: Registry, name: string, help: string, values: readonly (readonly [Labels, number])[]): void {
  const metric = new (promClient().Gauge)({ name, help, labelNames: labelsOf(values), registers: [registry] });
  for (const [labels, value] of values) metric.set(labels, value);
}

function counter(registry: Registry, name: string, help: string, values: readonly (readonly [Labels, number])[]): void {
  const metric = new (promClient().Counter)({ name, help, labelNames: labelsOf(values), registers: [registry] });
  for (const [labels, value] of values) metric.inc(labels, value);
}

function labelsOf(values: readonly (readonly [Labels, number])[]): string[] {
  return Object.keys(values[0]?.[0] ?? {});
}

const one = (value: number): readonly (readonly [Labels, number])[] => [[{}, value]];

function addProcess(registry: Registry, { process, startedAt }: SystemFigures, delay: LoopDelay): void {
  counter(registry, 'process_cpu_user_seconds_total', 'Processor time in user mode.', one(process.cpuUserMs / 1e3));
  counter(registry, 'process_cpu_system_seconds_total', 'Processor time in the operating system.', one(process.cpuSystemMs / 1e3));
  counter(registry, 'process_cpu_seconds_total', 'Processor time.', one((process.cpuUserMs + process.cpuSystemMs) / 1e3));
  gauge(registry, 'process_start_time_seconds', 'When the process began, as a Unix time.', one(startedAt / 1e3));
  gauge(registry, 'process_resident_memory_bytes', 'Memory in use of the machine.', one(process.rssBytes));
  gauge(registry, 'nodejs_heap_size_total_bytes', 'Size of the heap.', one(process.heapTotalBytes));
  gauge(registry, 'nodejs_heap_size_used_bytes', 'Heap in use.', one(process.heapUsedBytes));
  gauge(registry, 'nodejs_external_memory_bytes', 'Memory of objects outside of the heap.', one(process.externalBytes));
  counter(registry, 'nodejs_eventloop_active_seconds_total', 'Time the event loop ran code.', one(process.loopActiveMs / 1e3));
  counter(registry, 'nodejs_eventloop_idle_seconds_total', 'Time the event loop waited.', one(process.loopIdleMs / 1e3));
  gauge(registry, 'nodejs_eventloop_lag_p50_seconds', 'Median delay of the event loop since the last reading.', one(delay.p50Ms / 1e3));
  gauge(registry, 'nodejs_eventloop_lag_p99_seconds', '99th percentile of that delay.', one(delay.p99Ms / 1e3));
  gauge(registry, 'nodejs_eventloop_lag_max_seconds', 'Longest such delay.', one(delay.maxMs / 1e3));
}

function addSystem(registry: Registry, figures: SystemFigures): void {
  const { replaced, changes, registry: held } = figures;
  gauge(registry, 'sluice_generation', 'Number of the last committed change.', one(figures.generation));
  gauge(registry, 'sluice_start_level', 'Start level of the framework.', one(figures.startLevel));
  gauge(registry, 'sluice_alarms', 'Alarms since the process began.', one(figures.alarms));
  const byOutcome = changes.map(({ kind, outcome, count, totalMs }) => ({ labels: { kind, outcome }, count, totalMs }));
  counter(
    registry,
    'sluice_changes_total',
    'Changes of bundles that were begun, by their outcome.',
    byOutcome.map(({ labels, count }) => [labels, count]),
  );
  counter(
    registry,
    'sluice_change_seconds_total',
    'Time they took.',
    byOutcome.map(({ labels, totalMs }) => [labels, totalMs / 1e3]),
  );
  gauge(registry, 'sluice_revisions_pending', 'Ended revisions whose collection is not known yet.', one(replaced.pending));
  gauge(registry, 'sluice_revisions_held', 'Ended revisions that something holds in memory.', one(replaced.held));
  gauge(
    registry,
    'sluice_registry',
    'What the service registry holds, by kind.',
    Object.entries(held).map(([kind, count]) => [{ kind }, count]),
  );
}

const BUNDLE_GAUGES: readonly (readonly [name: string, help: string, value: (figures: BundleFigures) => number | null])[] = [
  ['sluice_bundle_in_flight', 'Entries (requests, events, jobs) under way.', (bundle) => bundle.inFlight],
  ['sluice_bundle_revisions_lingering', 'Replaced revisions that are not gone.', (bundle) => bundle.lingering],
  ['sluice_bundle_services', 'Registered services.', (bundle) => bundle.services],
  ['sluice_bundle_references', 'References to services.', (bundle) => bundle.references],
  ['sluice_bundle_timers', 'Timers.', (bundle) => bundle.timers],
  ['sluice_bundle_listeners', 'Trackers, publishers and configuration listeners.', (bundle) => bundle.listeners],
  ['sluice_bundle_artifact_bytes', 'Size of its artifact in memory.', (bundle) => bundle.artifactBytes],
  ['sluice_bundle_heap_bytes', 'Heap reachable only through it, when last measured.', (bundle) => bundle.heapBytes],
];

function addBundles(registry: Registry, bundles: readonly BundleFigures[]): void {
  gauge(
    registry,
    'sluice_bundle_info',
    'Installed bundles: 1 for the version and state that each has.',
    bundles.map(({ symbolicName, version, state, tier, family }) => [{ bundle: symbolicName, version, state, tier, family }, 1]),
  );
  for (const [name, help, value] of BUNDLE_GAUGES) {
    const values = bundles.flatMap((bundle) => {
      const found = value(bundle);
      return found === null ? [] : [[{ bundle: bundle.symbolicName }, found] as const];
    });
    gauge(registry, name, help, values);
  }
}

function addTraffic(registry: Registry, bundles: readonly BundleFigures[]): void {
  const all = bundles.flatMap(({ symbolicName, entries }) =>
    entries.map((figures) => ({ labels: { bundle: symbolicName, kind: figures.kind }, figures })),
  );
  counter(
    registry,
    'sluice_entries_total',
    'Entries that ended: requests, events, jobs.',
    all.flatMap(({ labels, figures }) => [
      [{ ...labels, outcome: 'ok' }, figures.ended - figures.failed] as const,
      [{ ...labels, outcome: 'failed' }, figures.failed] as const,
    ]),
  );
  registry.registerMetric(durationHistogram('sluice_entry_duration_seconds', 'How long entries took.', all));
}
