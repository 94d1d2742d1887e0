/**
 * Runs one planned change through the swap protocol: journal, load, start unseen, probe, commit, switch, drain, then probation or
 * release. Always holds: a failure before the COMMIT record leaves everything that ran running, untouched; the switch is one
 * synchronous step; the journal's COMMIT is the decision.
 */
import type { SluiceError } from '@sluice/sdk';
import type { JournalRecord } from '../host/ports.js';
import type { Stage } from '../registry/index.js';
import { problemOf } from './bundle.js';
import { ChangeRun, type PlannedChange } from './change-run.js';
import { asSluiceError } from './failure.js';
import type { KernelState } from './kernel-state.js';
import { observed } from './observed-change.js';
import type { ChangeOutcome } from './runtime.js';
import { writeConfiguration } from './release-configuration.js';
import type { Trials } from './trials.js';

/** Runs changes, one at a time (its caller queues). */
export class ChangeRunner {
  readonly #state: KernelState;
  readonly #trials: Trials;

  constructor(state: KernelState, trials: Trials) {
    this.#state = state;
    this.#trials = trials;
  }

  /** Runs a change to its end or to the begin of its probation. Refusals are outcomes; only broken invariants throw. */
  async run(change: PlannedChange): Promise<ChangeOutcome> {
    const { clock } = this.#state;
    const [startedAt, started] = [clock.now(), clock.monotonic()];
    const outcome = await this.#run(change);
    if (change.journaled) this.#state.onChange(observed(change, outcome, { startedAt, durationMs: clock.monotonic() - started }));
    return outcome;
  }

  async #run(change: PlannedChange): Promise<ChangeOutcome> {
    const run = new ChangeRun(this.#state, withoutTrialOfFragments(change));
    if (change.journaled) {
      await this.#state.journal.append(run.beginRecord());
      run.phase('journal', 'recorded');
    }
    let stage: Stage | null = null;
    try {
      run.createRevisions();
      await run.load();
      stage = this.#state.registry.openStage(run.newOwners(), run.replacedOwners());
      await run.start(stage);
      await run.gate(stage);
    } catch (error) {
      return this.#abort(run, stage, error);
    }
    return this.#commit(run, stage);
  }

  async #abort(run: ChangeRun, stage: Stage | null, error: unknown): Promise<ChangeOutcome> {
    const { state, change } = run;
    const failure = asSluiceError(error);
    run.phase('abort', failure.message);
    await this.#takeBack(run, stage, failure);
    if (change.journaled) {
      const error = { code: failure.code, message: failure.message };
      // A begin without a commit is aborted by the next start, so that this could not be written changes nothing.
      await this.#recordEnd({ type: 'abort', at: state.clock.now(), deployId: change.deployId, error });
    }
    state.log.warn(`${change.kind} ${change.deployId} refused: ${failure.message}`, { code: failure.code });
    return run.outcome('refused', { error: problemOf(failure) });
  }

  /** Ends what was prepared. What ran runs on, untouched. */
  async #takeBack(run: ChangeRun, stage: Stage | null, failure: SluiceError): Promise<void> {
    const { state, change } = run;
    state.preparing.clear();
    if (stage !== null) state.registry.discard(stage);
    await run.endNewRevisions();
    for (const { target } of run.members) {
      const { bundle } = target;
      if (bundle === null) continue;
      // The number of an abandoned revision is not used again: its verdict must stay its own.
      if (run.madeRevision(bundle)) bundle.revisionNumber += 1;
      if (bundle.state === 'STARTING') state.passStates(bundle, 'STOPPING', 'RESOLVED');
      bundle.remember(state.clock.now(), `${change.kind} refused: ${failure.message}`);
      if (bundle.current === null && change.kind === 'start') bundle.error = problemOf(failure);
    }
  }

  /** Records what was decided without the record. When that fails, the journal takes nothing any more: an alarm, but not another outcome. */
  async #recordEnd(record: JournalRecord): Promise<void> {
    const state = this.#state;
    try {
      await state.journal.append(record);
    } catch (error) {
      state.raiseAlarm(problemOf(asSluiceError(error)));
    }
  }

  async #commit(run: ChangeRun, stage: Stage): Promise<ChangeOutcome> {
    const { state, change } = run;
    // A start of what the journal already wants (boot, start level) is no new decision and keeps the generation's number.
    const generation = state.registry.generation + (change.journaled ? 1 : 0);
    try {
      if (change.journaled) await state.journal.append({ type: 'commit', at: state.clock.now(), deployId: change.deployId, generation });
    } catch (error) {
      // Whether the record reached the disk is unknown: keep serving the old, accept no more changes, let recovery decide.
      state.raiseAlarm(problemOf(asSluiceError(error)));
      await this.#takeBack(run, stage, asSluiceError(error));
      throw error;
    }
    run.phase('commit', `generation ${generation}`);
    run.switchTo(stage, generation);
    state.preparing.clear();
    run.phase('switch', `generation ${generation} is serving`);
    await writeConfiguration(state);
    const { drained, onTrial } = await this.#afterSwitch(run, generation);
    return run.outcome('committed', { drained, onTrial });
  }

  /** Drain, then probation or release. Probation begins with the switch: a failing revision must not be covered by a long drain. */
  async #afterSwitch(run: ChangeRun, generation: number): Promise<{ drained: { waitedMs: number; cut: number }; onTrial: boolean }> {
    const { state, change } = run;
    const swapped = run.members.filter((member) => member.action === 'swap' && member.old !== null && member.revision !== null);
    const { confirmWithinMs } = change.kind === 'deploy' ? change.options : {};
    const watchMs = confirmWithinMs ?? change.options.watchMs ?? state.defaults.watchMs;
    const temporary = confirmWithinMs !== undefined;
    const onTrial = (swapped.length > 0 || temporary) && watchMs > 0 && change.kind !== 'rollback';
    const leaving = run.leaving().filter((one) => !(onTrial && swapped.includes(one)));
    const members = swapped.map((member) => run.trialMember(member));
    const failed = onTrial
      ? this.#trials.begin({ deployId: change.deployId, generation, watchMs, reach: run.reach, members, temporary })
      : null;
    const draining = run.drain(generation);
    const drained = failed === null || leaving.length > 0 ? await draining : await Promise.race([draining, failed]);
    if (drained === 'failed') return { drained: { waitedMs: 0, cut: 0 }, onTrial };
    state.registry.retire(generation);
    await run.release(leaving);
    if (onTrial) run.phase('probation', `for ${watchMs} ms`);
    else if (change.journaled) {
      await this.#recordEnd({ type: 'done', at: state.clock.now(), deployId: change.deployId, outcome: 'confirmed' });
      run.phase('done', 'confirmed');
    }
    return { drained, onTrial };
  }
}

/** What waits for a way back is a revision, and a fragment has none: a change of one is confirmed at once. */
function withoutTrialOfFragments(change: PlannedChange): PlannedChange {
  const { actions } = change.prepared;
  const isOfFragment = [...actions].some(([{ artifact }, action]) => artifact?.manifest.fragment && action !== 'nothing');
  return isOfFragment ? { ...change, options: { ...change.options, watchMs: 0 } } : change;
}
