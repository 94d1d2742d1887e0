/** The figures of the running system, gathered when somebody asks. Reads, never changes. */
import type { BundleFigures, SystemFigures } from '@sluice/sdk';
import type { HeapFootprint } from '../host/ports.js';
import type { Bundle } from './bundle.js';
import type { ChangeTally } from './change-tally.js';
import type { KernelState } from './kernel-state.js';
import type { TrafficMeter } from './traffic-meter.js';

/** Where the figures come from besides the state. */
export interface FigureSources {
  readonly state: KernelState;
  readonly startedAt: number;
  readonly traffic: TrafficMeter;
  readonly changes: ChangeTally;
  /** The last measurement of the heap by bundle; null: never. */
  readonly heap: { readonly at: number; readonly footprints: readonly HeapFootprint[] } | null;
}

/** Everything at this moment. */
export function readFigures(sources: FigureSources): SystemFigures {
  const { state, startedAt, changes, heap } = sources;
  const verdicts = state.leakWatch.verdicts();
  const memory = process.memoryUsage();
  const cpu = process.cpuUsage();
  const loop = performance.eventLoopUtilization();
  const inFlight = state.entries.openByBundle();
  const services = new Map<string, number>();
  for (const { bundle } of state.registry.services()) services.set(bundle, (services.get(bundle) ?? 0) + 1);
  const count = (wanted: string): number => verdicts.filter(({ collected }) => collected === wanted).length;
  return {
    at: state.clock.now(),
    startedAt,
    generation: state.registry.generation,
    startLevel: state.startLevel,
    alarms: state.alarms.length,
    process: {
      pid: process.pid,
      heapUsedBytes: memory.heapUsed,
      heapTotalBytes: memory.heapTotal,
      externalBytes: memory.external,
      arrayBuffersBytes: memory.arrayBuffers,
      rssBytes: memory.rss,
      cpuUserMs: cpu.user / 1_000,
      cpuSystemMs: cpu.system / 1_000,
      loopActiveMs: loop.active,
      loopIdleMs: loop.idle,
    },
    registry: { ...state.registry.counts() },
    replaced: { collected: count('yes'), pending: count('pending'), held: count('no') },
    changes: changes.list(),
    bundles: state.inOrder().map((bundle) => {
      const { symbolicName } = bundle;
      const uncollected = verdicts.filter((one) => one.bundle === symbolicName && one.collected !== 'yes').length;
      return bundleFigures(bundle, sources, {
        lingering: uncollected + (bundle.older === null ? 0 : 1),
        inFlight: inFlight.get(symbolicName) ?? 0,
        services: services.get(symbolicName) ?? 0,
      });
    }),
    heapMeasuredAt: heap?.at ?? null,
  };
}

function bundleFigures(
  bundle: Bundle,
  { traffic, heap }: FigureSources,
  counted: Pick<BundleFigures, 'lingering' | 'inFlight' | 'services'>,
): BundleFigures {
  const { symbolicName, version, current } = bundle;
  const held = holdings(current?.scope.describe() ?? [], current?.pending() ?? []);
  const footprint = heap?.footprints.filter((one) => one.bundle === symbolicName);
  let artifactBytes = 0;
  for (const entry of bundle.artifact.entries.values()) artifactBytes += entry.byteLength;
  return {
    symbolicName,
    version,
    revision: current?.revision ?? bundle.revisionNumber,
    state: bundle.state,
    family: bundle.artifact.manifest.family,
    tier: bundle.tier,
    ...counted,
    entries: traffic.of(symbolicName),
    ...held,
    artifactBytes,
    heapBytes: footprint === undefined || footprint.length === 0 ? null : footprint.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}

const REFERENCE = /^\s*(optional )?references? to /;
const LISTENER = /^\s*(tracker|publisher) of |^\s*configuration listener$/;
const TIMER = /^\s*(timeout|interval|sleep) of /;

/** What a scope and a class space hold, by kind. */
function holdings(scope: readonly string[], classSpace: readonly string[]): Pick<BundleFigures, 'references' | 'timers' | 'listeners'> {
  const count = (kind: RegExp): number => scope.filter((line) => kind.test(line)).length;
  return { references: count(REFERENCE), timers: count(TIMER) + classSpace.length, listeners: count(LISTENER) };
}
