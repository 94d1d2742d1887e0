/**
 * Verifies that replaced revisions are collected. Follows their markers weakly and counts major collections instead of seconds: an idle
 * process collects nothing for minutes, and that is no leak. Listens to the garbage collector only while something is pending.
 * Why something is not collected is answered by `retainers.ts`, on demand.
 */
import { constants, PerformanceObserver } from 'node:perf_hooks';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { takeHeapGraph, type HeapGraph } from './heap-graph.js';
import type { LeakVerdict, LeakWatch, RevisionLabel } from './ports.js';
import { holdersOf } from './retainers.js';

/** Major collections after which what is still there counts as leaked: marking that began earlier may keep it for one, rarely two. */
const SURVIVED_MAX = 3;
/** Verdicts `yes` that are remembered. */
const COLLECTED_MAX = 100;
const ROUNDS_MAX = 6;
/** Turns of the event loop between forced collections: finalisers, closed handles and settled promises let go in them. */
const TURNS = 3;

interface Watched {
  readonly label: RevisionLabel;
  readonly markerName: string;
  /** Undefined once it was seen collected. */
  subject: WeakRef<object> | undefined;
  collections: number;
}

/** Makes a leak watch. */
export function createLeakWatch(): LeakWatch {
  return new MarkerWatch();
}

class MarkerWatch implements LeakWatch {
  private watched: Watched[] = [];
  private observer: PerformanceObserver | undefined;
  private snapshot: Promise<HeapGraph> | undefined;

  watch(label: RevisionLabel, subject: object, markerName: string): void {
    const { bundle, version, revision } = label;
    this.watched.push({ label: { bundle, version, revision }, markerName, subject: new WeakRef(subject), collections: 0 });
    this.listen();
  }

  verdicts(): readonly LeakVerdict[] {
    this.check(0);
    return this.watched.map(verdictOf);
  }

  async collect(roundsMax = ROUNDS_MAX): Promise<readonly LeakVerdict[]> {
    // Forced collections are counted here; the observer would report them a second time.
    this.unlisten();
    for (let round = 0; round < roundsMax && this.watched.some(isPending); round += 1) {
      await turns(TURNS);
      forceCollection();
      this.check(1);
    }
    this.listen();
    return this.verdicts();
  }

  async holders(label: RevisionLabel): Promise<readonly string[]> {
    const found = this.watched.findLast(({ label: { bundle, version, revision }, subject }) => {
      return subject !== undefined && bundle === label.bundle && version === label.version && revision === label.revision;
    });
    if (found === undefined) return [];
    // Questions asked together share one snapshot: each takes seconds on a large heap.
    this.snapshot ??= takeHeapGraph().finally(() => (this.snapshot = undefined));
    return holdersOf(await this.snapshot, found.markerName);
  }

  close(): void {
    this.unlisten();
    this.watched = [];
  }

  private check(collections: number): void {
    for (const one of this.watched) {
      if (one.subject === undefined) continue;
      one.collections += collections;
      if (one.subject.deref() === undefined) one.subject = undefined;
    }
    const collected = this.watched.filter((one) => one.subject === undefined);
    const forgotten = new Set(collected.slice(0, Math.max(0, collected.length - COLLECTED_MAX)));
    if (forgotten.size > 0) this.watched = this.watched.filter((one) => !forgotten.has(one));
    // What survived too long stays watched (it may be let go yet), but only while it is pending is the collector listened to.
    if (!this.watched.some(isPending)) this.unlisten();
  }

  private listen(): void {
    if (this.observer !== undefined || !this.watched.some(isPending)) return;
    this.observer = new PerformanceObserver((list) => {
      const majors = list
        .getEntries()
        .filter((entry) => (entry as { detail?: { kind?: number } }).detail?.kind === constants.NODE_PERFORMANCE_GC_MAJOR);
      if (majors.length > 0) this.check(majors.length);
    });
    this.observer.observe({ entryTypes: ['gc'] });
  }

  private unlisten(): void {
    this.observer?.disconnect();
    this.observer = undefined;
  }
}

function isPending(one: Watched): boolean {
  return one.subject !== undefined && one.collections < SURVIVED_MAX;
}

function verdictOf(one: Watched): LeakVerdict {
  const collected = one.subject === undefined ? 'yes' : isPending(one) ? 'pending' : 'no';
  return { ...one.label, collected, collections: one.collections };
}

let collector: (() => void) | undefined;

/** One major collection, whatever flags the process was started with. Stops the world. */
export function forceCollection(): void {
  if (collector === undefined) {
    setFlagsFromString('--expose-gc');
    collector = runInNewContext('gc') as () => void;
    setFlagsFromString('--no-expose-gc');
  }
  collector();
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
