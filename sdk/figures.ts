/**
 * What the running system counts: traffic, changes, what each bundle holds, memory. Read by metrics and by tools. Everything is
 * cumulative since the process began or a count of this moment, so that any number of readers can take differences.
 */
import { localContract } from './contract.js';
import type { EntryKind } from './system.js';

/** Entries of one kind that ended in one bundle. */
export interface EntryFigures {
  readonly kind: EntryKind;
  readonly ended: number;
  readonly failed: number;
  /** Sum of their durations in milliseconds. */
  readonly totalMs: number;
  /** How many took up to so many milliseconds and longer than the bound before; ascending, bounds without entries left out. */
  readonly buckets: readonly (readonly [upToMs: number, count: number])[];
}

/** One installed bundle. */
export interface BundleFigures {
  readonly symbolicName: string;
  readonly version: string;
  readonly revision: number;
  readonly state: string;
  readonly family: string;
  readonly tier: string;
  /** Replaced revisions that still run for a probation or drain, or that were ended and not seen collected. */
  readonly lingering: number;
  /** Entries that have begun and not ended. */
  readonly inFlight: number;
  readonly entries: readonly EntryFigures[];
  readonly services: number;
  /** References, optional references, lists. */
  readonly references: number;
  readonly timers: number;
  /** Trackers, publishers, configuration listeners. */
  readonly listeners: number;
  /** Bytes of its artifact's entries, which are kept in memory. */
  readonly artifactBytes: number;
  /** Bytes of the heap reachable only through code and instances of its revisions in memory, when last measured; null when never. */
  readonly heapBytes: number | null;
}

/** Changes of one kind with one outcome. */
export interface ChangeFigures {
  readonly kind: string;
  readonly outcome: 'committed' | 'refused' | 'rolled-back';
  readonly count: number;
  readonly totalMs: number;
}

/** The whole system. */
export interface SystemFigures {
  /** Wall clock in milliseconds. */
  readonly at: number;
  readonly startedAt: number;
  readonly generation: number;
  readonly startLevel: number;
  readonly alarms: number;
  readonly process: {
    readonly pid: number;
    readonly heapUsedBytes: number;
    readonly heapTotalBytes: number;
    readonly externalBytes: number;
    readonly arrayBuffersBytes: number;
    readonly rssBytes: number;
    readonly cpuUserMs: number;
    readonly cpuSystemMs: number;
    /** Time the event loop ran code and waited, since the process began. */
    readonly loopActiveMs: number;
    readonly loopIdleMs: number;
  };
  /** What the service registry holds, by kind. */
  readonly registry: Readonly<Record<string, number>>;
  /** Verdicts on replaced revisions; of the collected ones the newest 100 are known. */
  readonly replaced: { readonly collected: number; readonly pending: number; readonly held: number };
  readonly changes: readonly ChangeFigures[];
  readonly bundles: readonly BundleFigures[];
  /** When the heap was last measured by bundle; null: never. */
  readonly heapMeasuredAt: number | null;
}

/** The kernel's figures, for system bundles. */
export interface FiguresService {
  /** Takes some ten microseconds per bundle; the result is not changed later. */
  read(): SystemFigures;
}

/** Contract of the kernel's figures. */
export const Figures = localContract<FiguresService>('sluice.kernel.Figures', '1.0.0', ['read']);

/** A change that was carried out or refused. */
export interface ObservedChange {
  readonly deployId: string;
  readonly kind: string;
  readonly actor: string;
  readonly outcome: 'committed' | 'refused' | 'rolled-back';
  readonly generation: number;
  /** Wall clock in milliseconds. */
  readonly startedAt: number;
  readonly durationMs: number;
  /** Milliseconds by phase, in the order the phases ended. */
  readonly phases: Readonly<Record<string, number>>;
  readonly bundles: readonly string[];
  readonly error?: { readonly code: string; readonly message: string };
}

/** A whiteboard service that is told of each change after its end. Must not throw and must be short. */
export interface ChangeObserverService {
  changed(change: ObservedChange): void;
}

/** Whiteboard contract of observers of changes. */
export const ChangeObserver = localContract<ChangeObserverService>('sluice.kernel.ChangeObserver', '1.0.0', []);
