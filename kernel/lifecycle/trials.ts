/**
 * Trials: swaps on probation. The old revision stays loaded, its services withdrawn; if live traffic does worse on the new one, the
 * old comes back by a change of its own with a higher generation. Confirmed by time, by the operator or by a later change.
 */
import type { Timer } from '@sluice/sdk';
import type { BeginRecord } from '../host/ports.js';
import type { Bundle } from './bundle.js';
import type { EntryOutcome } from './entries.js';
import type { KernelState } from './kernel-state.js';
import { Baselines, Trial, type TrialFailure } from './probation.js';
import type { Revision } from './revision.js';

/** One swapped bundle on trial. */
export interface TrialMember {
  readonly bundle: Bundle;
  readonly old: Revision;
  readonly revision: Revision;
}

/** A running trial. */
export interface RunningTrial {
  readonly deployId: string;
  readonly generation: number;
  readonly watchMs: number;
  readonly endsAt: number;
  readonly begin: BeginRecord;
  readonly members: readonly TrialMember[];
}

interface Tracked extends RunningTrial {
  readonly watch: Trial;
  timer: Timer | null;
  failure: TrialFailure | null;
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

  begin(trial: {
    deployId: string;
    generation: number;
    watchMs: number;
    reach: ReadonlySet<string>;
    begin: BeginRecord;
    members: readonly TrialMember[];
  }): void {
    const { clock } = this.#state;
    const tracked: Tracked = {
      deployId: trial.deployId,
      generation: trial.generation,
      watchMs: trial.watchMs,
      endsAt: clock.now() + trial.watchMs,
      begin: trial.begin,
      members: trial.members,
      watch: new Trial(this.#baselines.of(trial.reach), trial.reach, trial.generation),
      timer: null,
      failure: null,
    };
    tracked.timer = clock.setTimeout(() => this.onPassed(tracked), trial.watchMs);
    this.#running.set(trial.deployId, tracked);
  }

  /** Takes the outcome of an entry: feeds running trials and the baselines. */
  add(outcome: EntryOutcome): void {
    this.#baselines.add(outcome);
    if (this.#running.size === 0) return;
    for (const trial of this.#running.values()) {
      if (trial.failure !== null) continue;
      trial.failure = trial.watch.add(outcome);
      if (trial.failure !== null) this.onFailed(trial, trial.failure);
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
