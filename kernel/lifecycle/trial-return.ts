/** The two ends of a trial: confirmed (the old revision is released) or returned (the old revision's services come back). */
import { randomUUID } from 'node:crypto';
import { SluiceError } from '@sluice/sdk';
import type { BeginRecord } from '../host/ports.js';
import { affectedBy, resolve } from '../resolver/index.js';
import { invertedConfiguration, type Tier } from '../model/index.js';
import { nameOfKey, problemOf } from './bundle.js';
import { withLimit } from './limit.js';
import type { KernelState } from './kernel-state.js';
import { writeConfiguration } from './release-configuration.js';
import { observed } from './observed-change.js';
import type { ChangeOptions, ChangeOutcome, ChangePlan } from './runtime.js';
import type { Revision } from './revision.js';
import type { RunningTrial, TrialMember, Trials } from './trials.js';

/** Longest time for publishers to take back what they served before. */
const PREPARE_TIMEOUT_MS = 10_000;

/** A member whose old revision is still loaded. */
type WarmMember = TrialMember & { readonly old: Revision };

/** True while the old revision waits in memory, and the new one runs: what was stopped meanwhile (by the start level) does not come back by itself. */
export function isWarm(member: TrialMember): member is WarmMember {
  return member.old !== null && member.bundle.current === member.revision;
}

/** Ends trials. Runs inside the queue. */
export class TrialReturn {
  readonly #state: KernelState;
  readonly #trials: Trials;

  constructor(state: KernelState, trials: Trials) {
    this.#state = state;
    this.#trials = trials;
  }

  /** Confirms a trial: releases the old revisions. Does nothing when it was settled meanwhile. */
  async confirm(trial: RunningTrial): Promise<void> {
    if (!this.#trials.isRunning(trial)) return;
    this.#trials.settle(trial);
    await this.release(trial);
    await this.#state.journal.append({ type: 'done', at: this.#state.clock.now(), deployId: trial.deployId, outcome: 'confirmed' });
    this.#state.log.info(`Probation of ${trial.deployId} is over: confirmed`, { generation: trial.generation });
  }

  /** Ends the old revisions of a trial that goes on after a restart of the process: no decision, so nothing is recorded. */
  async suspend(trial: RunningTrial): Promise<void> {
    this.#trials.settle(trial);
    await this.release(trial);
  }

  /** Ends the old revisions that wait. */
  async release(trial: RunningTrial): Promise<void> {
    for (const { bundle, old } of trial.members) {
      if (old !== null) await this.#state.endRevision(old);
      bundle.older = null;
    }
  }

  /** Brings the old revisions back in one switch. All of them must still be loaded. */
  async run(trial: RunningTrial, reason: SluiceError, options: ChangeOptions): Promise<ChangeOutcome> {
    const state = this.#state;
    const [startedAt, started] = [state.clock.now(), state.clock.monotonic()];
    const deployId = options.deployId ?? randomUUID();
    const members = trial.members.filter(isWarm);
    const stage = state.registry.openStage(
      members.map(({ old }) => old),
      members.map(({ revision }) => revision),
    );
    const generation = state.registry.generation + 1;
    try {
      const aborted = new AbortController();
      const subject = { bundle: 'kernel', version: state.version, activity: 'taking back the routes of the old revision' };
      await withLimit(state.clock, subject, PREPARE_TIMEOUT_MS, () => state.registry.prepare(stage, aborted.signal));
      await state.journal.append([
        this.#begin(trial, members, deployId, options.actor),
        { type: 'commit', at: state.clock.now(), deployId, generation },
        {
          type: 'done',
          at: state.clock.now(),
          deployId: trial.deployId,
          outcome: 'rolled-back',
          details: { code: reason.code, message: reason.message },
        },
        { type: 'done', at: state.clock.now(), deployId, outcome: 'confirmed' },
      ]);
    } catch (error) {
      // Nothing was switched: the trial goes on, and with it the old revisions wait.
      state.registry.discard(stage);
      throw error;
    }
    this.#trials.settle(trial);
    state.registry.commit(stage, generation);
    for (const member of members) this.#enterState(member, reason);
    state.rewire(this.#wiring());
    state.committed(generation);
    await writeConfiguration(state);
    state.log.warn(`${trial.deployId} rolled back: ${reason.message}`, { code: reason.code, generation });
    const reach = this.#reach(members);
    const limitMs = options.drainMs ?? Math.max(...members.map(({ revision }) => revision.manifest.drainTimeoutMs));
    const drained = await state.entries.drain(generation, reach, limitMs);
    state.registry.retire(generation);
    for (const { bundle, revision } of members) {
      await state.endRevision(revision);
      bundle.older = null;
    }
    const outcome: ChangeOutcome = {
      deployId,
      outcome: 'rolled-back',
      generation,
      plan: plan(members, generation),
      error: problemOf(reason),
      timings: {},
      drained,
      onTrial: false,
    };
    state.onChange(observed({ kind: 'rollback', options }, outcome, { startedAt, durationMs: state.clock.monotonic() - started }));
    return outcome;
  }

  #begin(trial: RunningTrial, members: readonly WarmMember[], deployId: string, actor: string): BeginRecord {
    const open = this.#state.journal.view.open.find(({ begin }) => begin.deployId === trial.deployId);
    const configuration = invertedConfiguration(open?.begin.configuration);
    return {
      type: 'begin',
      at: this.#state.clock.now(),
      deployId,
      kind: 'rollback',
      actor,
      baseGeneration: this.#state.registry.generation,
      undoes: trial.deployId,
      ...(configuration.length === 0 ? {} : { configuration }),
      changes: members
        .filter(({ old, revision }) => old.digest !== revision.digest || old.tier !== revision.tier)
        .map(({ bundle, old, revision }) => ({
          symbolicName: bundle.symbolicName,
          bundleId: bundle.bundleId,
          from: { digest: revision.digest, version: revision.version },
          to: { digest: old.digest, version: old.version },
          autostart: true,
          startLevel: bundle.startLevel,
          ...(chosenBefore(old) === null ? {} : { tier: old.tier }),
        })),
    };
  }

  #enterState({ bundle, old, revision }: WarmMember, reason: SluiceError): void {
    bundle.current = old;
    bundle.older = revision;
    bundle.chosenTier = chosenBefore(old);
    bundle.artifact = old.artifact;
    const desired = this.#state.journal.view.state.bundles.find((one) => one.bundleId === bundle.bundleId);
    bundle.previous = desired?.previous ?? null;
    this.#state.emit('UPDATED', bundle.symbolicName, bundle.version);
    bundle.remember(this.#state.clock.now(), `rolled back ${revision.version} -> ${old.version}: ${reason.message}`);
  }

  #wiring(): KernelState['wiring'] {
    const state = this.#state;
    const resolution = resolve({
      candidates: state.bundles.candidates(),
      required: (key) => state.revisionOf(key) !== undefined,
      wired: state.wiring,
      kernel: state.capabilities,
    });
    if (!resolution.ok) {
      state.raiseAlarm({
        code: 'ROLLBACK_UNRESOLVED',
        message: 'After the rollback not every running bundle resolves any more',
        details: { problems: resolution.problems },
      });
    }
    return resolution.wiring;
  }

  #reach(members: readonly WarmMember[]): ReadonlySet<string> {
    const keys = members.flatMap(({ old, revision }) => [old.key, revision.key]);
    const { direct, transitive } = affectedBy(this.#state.wiring, keys);
    return new Set([...keys, ...direct, ...transitive].map(nameOfKey));
  }
}

/** The tier an operator had chosen for a revision: what its manifest asks for anyway need not have been chosen. */
function chosenBefore({ tier, manifest }: Revision): Tier | null {
  return tier === manifest.isolation ? null : tier;
}

function plan(members: readonly WarmMember[], generation: number): ChangePlan {
  const changes = members.map(({ bundle, old, revision }) => ({
    symbolicName: bundle.symbolicName,
    action: 'swap' as const,
    from: revision.version,
    to: old.version,
    tier: old.tier,
  }));
  return { generation, changes, rebinds: [], restarts: [], routes: [], problems: [] };
}
