/**
 * What the kernel counts and remembers for whoever asks later: traffic, changes, events, the last measurement of the heap. And the answers
 * made of it. Owns the counters; changes nothing else.
 */
import { messageOf, type ChangeObserverService, type HealthReportEntry, type ObservedChange, type SystemFigures } from '@sluice/sdk';
import type { HeapFootprint } from '../host/ports.js';
import type { DiagnosisFile } from '../model/index.js';
import { ChangeTally } from './change-tally.js';
import { diagnose } from './diagnosis.js';
import type { EntryOutcome } from './entries.js';
import { EventRing } from './event-ring.js';
import { readFigures, type FigureSources } from './figures.js';
import { groupHolders } from './holders.js';
import type { KernelState } from './kernel-state.js';
import type { ReleaseVerdict, Runtime } from './runtime.js';
import { TrafficMeter } from './traffic-meter.js';

/** Counters of one kernel. */
export class Diagnostics {
  /** Filled and emptied as observers come and go. */
  readonly changeObservers = new Set<ChangeObserverService>();
  readonly #traffic = new TrafficMeter();
  readonly #changes = new ChangeTally();
  readonly #events = new EventRing();
  readonly #startedAt: number;
  readonly #measureHeap: (() => Promise<readonly HeapFootprint[]>) | undefined;
  #heap: FigureSources['heap'] = null;

  /** @param measureHeap undefined: the heap cannot be measured here. */
  constructor(startedAt: number, measureHeap: (() => Promise<readonly HeapFootprint[]>) | undefined) {
    this.#startedAt = startedAt;
    this.#measureHeap = measureHeap;
  }

  /** Begins to follow what happens. */
  follow(state: KernelState): void {
    state.onChange = (change) => this.#changed(change, state);
    state.listen((event) => {
      this.#events.add(event);
      // Told before the bundle is taken out; of a non-singleton others may stay.
      if (event.kind === 'UNINSTALLED' && state.bundles.named(event.subject).length <= 1) this.#traffic.forget(event.subject);
    });
  }

  /** On the path of every entry. */
  entryEnded(outcome: EntryOutcome): void {
    this.#traffic.add(outcome);
  }

  #changed(change: ObservedChange, state: KernelState): void {
    this.#changes.add(change);
    for (const observer of this.changeObservers) {
      try {
        observer.changed(change);
      } catch (error) {
        state.log.warn('An observer of changes failed', { deployId: change.deployId, error: messageOf(error) });
      }
    }
  }

  /** The figures of this moment. */
  read(state: KernelState): SystemFigures {
    return readFigures({ state, startedAt: this.#startedAt, traffic: this.#traffic, changes: this.#changes, heap: this.#heap });
  }

  /** Measures the heap by bundle, where that is possible. Stops the world for about a second per 100 MB. */
  async measureHeap(state: KernelState): Promise<void> {
    if (this.#measureHeap !== undefined) this.#heap = { footprints: await this.#measureHeap(), at: state.clock.now() };
  }

  /** Verdicts on replaced revisions with what holds those that stayed; `collect` forces collections and searches the heap. */
  async leaks(state: KernelState, { collect }: { readonly collect: boolean }): Promise<readonly ReleaseVerdict[]> {
    if (collect) await state.leakWatch.collect();
    return Promise.all(
      state.verdicts().map(async (verdict) => {
        const found = collect && verdict.collected === 'no' ? await state.leakWatch.holders(verdict) : [];
        const holders = [...verdict.holders, ...found];
        return { ...verdict, holders, held: groupHolders(holders) };
      }),
    );
  }

  /** Everything worth knowing, as files. */
  diagnose(runtime: Runtime, state: KernelState, health: () => Promise<readonly HealthReportEntry[]>): Promise<readonly DiagnosisFile[]> {
    return diagnose({ runtime, state, events: this.#events, figures: () => this.read(state), health });
  }
}
