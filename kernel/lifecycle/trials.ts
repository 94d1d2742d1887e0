/**
 * Trials: swaps on probation. The old revision stays loaded, its services withdrawn; if live traffic does worse on the new one, the
 * old comes back by a change of its own with a higher generation. Confirmed by time, by the operator or by a later change.
 */
import type { Timer } from '@sluice/sdk';
import type { Bundle } from './bundle.js';
import type { EntryOutcome } from './entries.js';
import type { KernelState } from './kernel-state.js';
import { Baselines, Trial, type TrialFailure } from './probation.js';
import type { Revision } from './revision.js';

/** One swapped bundle on trial. */
export interface TrialMember {
  readonly bundle: Bundle;
  /** The revision that waits; null after a restart of the process, when the way back is a swap to the content before. */
  readonly old: Revision | null;
  readonly revision: Revision;
}

/** A running trial. */
export interface RunningTrial {
  readonly deployId: string;
  readonly generation: number;
  readonly watchMs: number;
  readonly endsAt: number;
  readonly members: readonly TrialMember[];
  /** Not confirmed in time, it is taken back; otherwise time confirms it. */
  readonly temporary: boolean;
}

interface Tracked extends RunningTrial {
  readonly watch: Trial;
  timer: Timer | null;
  failure: TrialFailure | null;
  readonly tellFailed: (failed: 'failed') => void;
}

/** Keeps the running trials; what to do about their end is told by the owner. */
export class Trials {
  readonly #state: KernelState;
  readonly #baselines = new Baselines();
  readonly #running = new Map<string, Tracked>();
  /** Called once for each trial that passed its time. */
  onPassed: (trial: RunningTrial) => void = () => {};
  /** Called once for each trial that failed. */
  onFailed: (trial: RunningTrial, failure: TrialFailure) => void = () => {};

  constructor(state: KernelState) {
    this.#state = state;
  }

  /** Running trials, oldest first. */
  get running(): readonly RunningTrial[] {
    return [...this.#running.values()];
  }

  /** Begins a trial. The promise resolves if it fails, and never otherwise. */
  begin(trial: {
    deployId: string;
    generation: number;
    watchMs: number;
    reach: ReadonlySet<string>;
    members: readonly TrialMember[];
    temporary?: boolean;
  }): Promise<'failed'> {
    const { clock } = this.#state;
    let tellFailed: Tracked['tellFailed'] = () => {};
    const failed = new Promise<'failed'>((resolve) => (tellFailed = resolve));
    const tracked: Tracked = {
      deployId: trial.deployId,
      generation: trial.generation,
      watchMs: trial.watchMs,
      endsAt: clock.now() + trial.watchMs,
      members: trial.members,
      temporary: trial.temporary === true,
      watch: new Trial(this.#baselines.of(trial.reach), trial.reach, trial.generation),
      timer: null,
      failure: null,
      tellFailed,
    };
    tracked.timer = clock.setTimeout(() => this.onPassed(tracked), trial.watchMs);
    this.#running.set(trial.deployId, tracked);
    return failed;
  }

  /** Takes the outcome of an entry: feeds running trials and the baselines. */
  add(outcome: EntryOutcome): void {
    this.#baselines.add(outcome);
    if (this.#running.size === 0) return;
    for (const trial of this.#running.values()) {
      if (trial.failure !== null) continue;
      trial.failure = trial.watch.add(outcome);
      if (trial.failure === null) continue;
      trial.tellFailed('failed');
      this.onFailed(trial, trial.failure);
    }
  }

  /** The trial a bundle is on. */
  of(bundle: Bundle): RunningTrial | undefined {
    return this.running.find((trial) => trial.members.some((member) => member.bundle === bundle));
  }

  /** True while a trial runs (it may have been settled by another command meanwhile). */
  isRunning(trial: RunningTrial): boolean {
    return this.#running.has(trial.deployId);
  }

  /** Ends the watching; the caller releases or restores. */
  settle(trial: RunningTrial): void {
    const tracked = this.#running.get(trial.deployId);
    tracked?.timer?.cancel();
    this.#running.delete(trial.deployId);
  }
}
