/**
 * The commands behind the runtime: turns a request into targets, plans them, refuses or runs. Each runs inside the queue.
 */
import { randomUUID } from 'node:crypto';
import { SluiceError } from '@sluice/sdk';
import type { ChangeKind, DeployedRelease, DesiredBundle } from '../host/ports.js';
import { invertedConfiguration, type ConfigurationChange, type Tier } from '../model/index.js';
import { stageArtifact } from './admission.js';
import { loadArtifact, type ArchiveReader } from './artifacts.js';
import { problemOf, type Artifact, type Bundle } from './bundle.js';
import type { ReleaseWork } from './change-run.js';
import type { ChangeRunner } from './change-runner.js';
import { asSluiceError } from './failure.js';
import type { KernelState } from './kernel-state.js';
import { lostBundleNamed, lostBundleOf, uninstallLost } from './lost-bundles.js';
import { importersOf, planChange, type PreparedPlan, type Target } from './planner.js';
import { difference, stillToUndo } from './release-configuration.js';
import type { ChangeOptions, ChangeOutcome, ChangePlan, ConfigurationDifference, ProblemData } from './runtime.js';
import { markQuarantined } from './quarantine.js';
import { restartsWith } from './summaries.js';
import { isWarm, type TrialReturn } from './trial-return.js';
import { beforeOf, targetsBefore, wantsMoreThanSwaps, withConfigured } from './undo.js';
import type { RunningTrial, Trials } from './trials.js';

/** What a bundle that does not answer is still given to finish. */
const QUARANTINE_DRAIN_MS = 1_000;

const EMPTY_PLAN = { changes: [], rebinds: [], restarts: [], routes: [], problems: [] } as const;

/** What a release adds to a change: its record, its configuration and what the plan shows of it. */
export interface ReleasePlan {
  readonly work: ReleaseWork;
  readonly differences: readonly ConfigurationDifference[];
  readonly problems: readonly ProblemData[];
}

/** Builds and runs changes. */
export class Commands {
  readonly #state: KernelState;
  readonly #runner: ChangeRunner;
  readonly #trials: Trials;
  readonly #trialReturn: TrialReturn;
  readonly #readArchive: ArchiveReader;

  constructor(state: KernelState, runner: ChangeRunner, trials: Trials, trialReturn: TrialReturn, readArchive: ArchiveReader) {
    this.#state = state;
    this.#runner = runner;
    this.#trials = trials;
    this.#trialReturn = trialReturn;
    this.#readArchive = readArchive;
  }

  /** Installs or swaps artifacts and starts them. */
  deploy(artifacts: readonly Uint8Array[], options: ChangeOptions): Promise<ChangeOutcome> {
    return this.#withArtifacts(artifacts, options, (artifact, bundleId) => {
      const bundle = this.installedFor(artifact);
      return target(bundle, bundleId, artifact, true, options.tier);
    });
  }

  /** Installs without starting. */
  install(artifacts: readonly Uint8Array[], options: ChangeOptions): Promise<ChangeOutcome> {
    return this.#withArtifacts(artifacts, options, (artifact, bundleId) => {
      const bundle = this.installedFor(artifact);
      if (bundle === null) return target(null, bundleId, artifact, false, options.tier);
      throw new SluiceError('BUNDLE_EXISTS', `'${bundle.symbolicName}' is installed already, in version ${bundle.version}`, {
        details: { bundle: bundle.symbolicName, version: bundle.version },
        remedy: `Use 'sluice deploy' to replace it without a gap.`,
        httpStatus: 409,
      });
    });
  }

  async #withArtifacts(
    bytes: readonly Uint8Array[],
    options: ChangeOptions,
    toTarget: (artifact: Artifact, bundleId: number) => Target,
  ): Promise<ChangeOutcome> {
    const deployId = options.deployId ?? randomUUID();
    const repeated = this.recorded(deployId);
    if (repeated !== null) return repeated;
    const refusals: ProblemData[] = [];
    const targets: Target[] = [];
    for (const artifact of await this.stage(bytes, options, refusals)) {
      try {
        targets.push(toTarget(artifact, this.idFor(artifact, targets.length)));
      } catch (error) {
        refusals.push(problemOf(asSluiceError(error)));
      }
    }
    refusals.push(...duplicates(targets));
    if (refusals.length > 0) return this.refused(deployId, refusals);
    return this.run('deploy', deployId, targets, options);
  }

  /** Stores and checks artifacts. What is wrong with any of them is added to the refusals. */
  async stage(bytes: readonly Uint8Array[], options: ChangeOptions, refusals: ProblemData[]): Promise<readonly Artifact[]> {
    // Begun together: blobs that come at the same time become durable with one sync.
    const staged = bytes.map((one) => stageArtifact(this.#state, one, this.#readArchive, options));
    await Promise.allSettled(staged);
    const artifacts: Artifact[] = [];
    for (const one of staged) {
      try {
        const artifact = await one;
        options.progress?.({
          phase: 'stage',
          at: this.#state.clock.now(),
          bundle: artifact.manifest.symbolicName,
          message: `${artifact.manifest.versionText} ${artifact.digest.slice(0, 12)}`,
        });
        artifacts.push(artifact);
      } catch (error) {
        refusals.push(problemOf(asSluiceError(error)));
      }
    }
    return artifacts;
  }

  /** The installed bundle an artifact replaces: the one of its name, for non-singletons the one of its name and major version. */
  installedFor(artifact: Artifact): Bundle | null {
    const { symbolicName, singleton, version } = artifact.manifest;
    const same = this.#state.bundles.named(symbolicName);
    if (singleton) return same[0] ?? null;
    return same.find((bundle) => bundle.artifact.manifest.version.major === version.major) ?? null;
  }

  /** The id of a new bundle: of the one whose artifact was lost, if there is one, else the n-th free one. */
  idFor({ manifest }: Artifact, index: number): number {
    return lostBundleOf(this.#state, manifest)?.bundleId ?? this.#state.nextBundleId + index;
  }

  start(name: string, options: ChangeOptions): Promise<ChangeOutcome> {
    const bundle = this.find(name);
    return this.run('start', options.deployId ?? randomUUID(), [target(bundle, bundle.bundleId, bundle.artifact, true)], options);
  }

  stop(name: string, options: ChangeOptions): Promise<ChangeOutcome> {
    const bundle = this.find(name);
    return this.run('stop', options.deployId ?? randomUUID(), [target(bundle, bundle.bundleId, bundle.artifact, false)], options);
  }

  async uninstall(name: string, options: ChangeOptions): Promise<ChangeOutcome> {
    const lost = this.#state.bundles.named(name).length > 0 ? undefined : lostBundleNamed(this.#state, name);
    if (lost !== undefined && options.dryRun !== true) return this.#uninstallLost(lost, options);
    const bundle = this.find(name);
    return this.run('uninstall', options.deployId ?? randomUUID(), [target(bundle, bundle.bundleId, null, false)], options);
  }

  async #uninstallLost(lost: DesiredBundle, options: ChangeOptions): Promise<ChangeOutcome> {
    const deployId = options.deployId ?? randomUUID();
    const generation = await uninstallLost(this.#state, lost, deployId, options.actor);
    return this.#outcome(deployId, 'committed', { ...EMPTY_PLAN, generation });
  }

  /** Back to the content before: at once while on trial, by a swap otherwise. */
  async rollback(name: string, options: ChangeOptions): Promise<ChangeOutcome> {
    const bundle = this.find(name);
    const { previous } = bundle;
    const trial = this.#trials.of(bundle);
    if (trial !== undefined && options.dryRun !== true) {
      return this.returnTrial(trial, new SluiceError('ROLLED_BACK', `Rolled back by ${options.actor}`), options);
    }
    if (previous === null) {
      throw new SluiceError(
        'NOTHING_TO_ROLL_BACK',
        `'${bundle.symbolicName}' has no earlier version: ${bundle.version} is the first one installed`,
        {
          details: { bundle: bundle.symbolicName, version: bundle.version },
          remedy: 'Deploy the version you want.',
          httpStatus: 409,
        },
      );
    }
    const artifact = await loadArtifact(previous.digest, this.#state.store, this.#readArchive);
    return this.run('rollback', options.deployId ?? randomUUID(), [target(bundle, bundle.bundleId, artifact, bundle.autostart)], options);
  }

  /** Takes a trial back: the old revisions come back at once, or, after a restart of the process, by a swap to their content. */
  async returnTrial(trial: RunningTrial, reason: SluiceError, options: ChangeOptions): Promise<ChangeOutcome> {
    const open = this.#state.journal.view.open.find(({ begin }) => begin.deployId === trial.deployId);
    if (trial.members.length > 0 && trial.members.every(isWarm) && !(open !== undefined && wantsMoreThanSwaps(open))) {
      return this.#trialReturn.run(trial, reason, options);
    }
    const before = open === undefined ? [] : beforeOf(open);
    const outcome = await this.#returnCold(trial, () =>
      this.undo(trial.deployId, before, open?.begin.configuration ?? [], { ...options, watchMs: 0 }),
    );
    if (outcome.outcome === 'committed') return { ...outcome, outcome: 'rolled-back', error: problemOf(reason) };
    this.#state.raiseAlarm({
      code: 'RETURN_FAILED',
      message: `${trial.deployId} shall be taken back (${reason.message}), but the way back was refused: ${outcome.error?.message ?? outcome.outcome}`,
      details: { deployId: trial.deployId, reason: reason.code, ...outcome.error?.details },
      remedy: 'Deploy what shall run.',
    });
    return outcome;
  }

  /** The trial is told until the way back is done: who waits for its verdict must not take it for confirmed. */
  async #returnCold(trial: RunningTrial, undo: () => Promise<ChangeOutcome>): Promise<ChangeOutcome> {
    // At most two revisions of a bundle live, and the way back makes one.
    await this.#trialReturn.release(trial);
    try {
      return await undo();
    } finally {
      this.#trials.settle(trial);
    }
  }

  /** Takes a change back by another one: contents, what runs, and configuration as they were before it. */
  async undo(
    undoes: string,
    before: DeployedRelease['before'],
    configuration: readonly ConfigurationChange[],
    options: ChangeOptions,
  ): Promise<ChangeOutcome> {
    const targets = await targetsBefore(this.#state, before, this.#readArchive);
    const work = { configuration: await stillToUndo(this.#state, invertedConfiguration(configuration)), undoes };
    const configured = withConfigured(this.#state, targets, work.configuration);
    const manifests = new Map(this.#state.inOrder().map((bundle) => [bundle.symbolicName, bundle.artifact.manifest]));
    const differences = work.configuration.map((change) => difference(change, manifests));
    return this.run('rollback', options.deployId ?? randomUUID(), configured, options, { work, differences, problems: [] });
  }

  /** OSGi's update in place: stop, replace, start. When the new content does not start, the old one is started again. */
  async update(bytes: Uint8Array, options: ChangeOptions): Promise<ChangeOutcome> {
    const deployId = options.deployId ?? randomUUID();
    const artifact = await stageArtifact(this.#state, bytes, this.#readArchive, options);
    const bundle = this.installedFor(artifact) ?? this.find(artifact.manifest.symbolicName);
    const running = bundle.current !== null;
    const prepared = this.#plan([target(bundle, bundle.bundleId, artifact, bundle.autostart)], this.#state.startLevel);
    if (prepared.plan.problems.length > 0 || options.dryRun === true) return this.#planned(deployId, prepared, options);
    await this.#assertDecided();
    if (running) await this.#transition(bundle, false, options);
    const wanted = target(bundle, bundle.bundleId, artifact, bundle.autostart || running);
    let outcome: ChangeOutcome | undefined;
    try {
      outcome = await this.run('deploy', deployId, [wanted], { ...options, watchMs: 0 });
      return outcome;
    } finally {
      // Also when the journal could not be written: until the restart that decides, the old one serves.
      if (outcome?.outcome !== 'committed' && running) await this.#transition(bundle, true, options);
    }
  }

  /** Starts a bundle that the desired state wants running and that failed before. */
  startAgain(bundle: Bundle): Promise<ChangeOutcome> {
    return this.#transition(bundle, true, { actor: 'kernel' });
  }

  /**
   * Stops a bundle that failed too often or held everything up. On trial, the version before comes back instead. Not recorded as a
   * decision: what is wanted stays, and the next start of the process tries again.
   */
  async quarantine(bundle: Bundle, reason: SluiceError): Promise<void> {
    const trial = this.#trials.of(bundle);
    if (trial !== undefined) return void (await this.returnTrial(trial, reason, { actor: 'kernel:quarantine' }));
    if (bundle.current === null) return;
    await this.#transition(bundle, false, { actor: 'kernel:quarantine', drainMs: QUARANTINE_DRAIN_MS });
    markQuarantined(this.#state, bundle, reason);
  }

  /** Starts or stops without recording it as a decision. */
  async #transition(bundle: Bundle, run: boolean, options: ChangeOptions): Promise<ChangeOutcome> {
    const prepared = this.#plan([target(bundle, bundle.bundleId, bundle.artifact, run)], this.#state.startLevel);
    if (prepared.plan.problems.length > 0) return this.#planned(randomUUID(), prepared, options);
    return this.#runner.run({
      kind: run ? 'start' : 'stop',
      deployId: randomUUID(),
      prepared,
      options,
      journaled: false,
      startLevel: this.#state.startLevel,
    });
  }

  /** Plans a change and, unless it is refused or only asked for, runs it. */
  async run(
    kind: ChangeKind,
    deployId: string,
    targets: readonly Target[],
    options: ChangeOptions,
    release?: ReleasePlan,
  ): Promise<ChangeOutcome> {
    const repeated = this.recorded(deployId);
    if (repeated !== null) return repeated;
    await this.#assertDecided();
    this.#assertGeneration(options);
    this.#assertNotTemporary(targets, release?.work.undoes);
    const prepared = withRelease(this.#plan(targets, this.#state.startLevel), release);
    if (prepared.plan.problems.length > 0 || options.dryRun === true) return this.#planned(deployId, prepared, options);
    if (release === undefined && nothingToDo(prepared)) return this.#outcome(deployId, 'committed', prepared.plan);
    // A later change of what a change on trial brought confirms it, as it does in the journal; otherwise three revisions would live.
    for (const trial of this.#trialsOf([...prepared.actions.keys()])) await this.#trialReturn.confirm(trial);
    const { startLevel } = this.#state;
    return this.#runner.run({
      ...{ kind, deployId, prepared, options, journaled: true, startLevel },
      ...(release === undefined ? {} : { release: release.work }),
    });
  }

  /** A bundle of a temporary change has one change only: who confirms the temporary one must know what it is. */
  #assertNotTemporary(targets: readonly Target[], undoes: string | undefined): void {
    for (const trial of this.#trialsOf(targets)) {
      if (!trial.temporary || trial.deployId === undoes) continue;
      throw new SluiceError(
        'DEPLOY_TEMPORARY',
        `A temporary deploy of the same bundles waits to be confirmed until ${new Date(trial.endsAt).toISOString()}`,
        {
          details: { deployId: trial.deployId, endsAt: trial.endsAt },
          remedy: `'sluice confirm' keeps it, 'sluice rollback --release' takes it back; then deploy.`,
          httpStatus: 409,
        },
      );
    }
  }

  /** The running trials of changes that changed one of the targets, with all that they changed. */
  #trialsOf(targets: readonly Target[]): readonly RunningTrial[] {
    const ids = new Set(targets.map(({ bundleId }) => bundleId));
    return this.#trials.running.filter(({ deployId, members }) => {
      const open = this.#state.journal.view.open.find(({ begin }) => begin.deployId === deployId);
      const changed = open?.begin.changes.map(({ bundleId }) => bundleId) ?? [];
      return [...changed, ...members.map(({ bundle }) => bundle.bundleId)].some((id) => ids.has(id));
    });
  }

  #plan(asked: readonly Target[], startLevel: number): PreparedPlan {
    const state = this.#state;
    const targets = [...asked, ...importersOf(state.bundles, asked, state.wiring)];
    return planChange({
      bundles: state.bundles,
      targets,
      wiring: state.wiring,
      kernel: state.capabilities,
      generation: state.registry.generation,
      frameworkStartLevel: startLevel,
      restartsWith: (changed) => restartsWith(state, changed),
    });
  }

  #planned(deployId: string, prepared: PreparedPlan, options: ChangeOptions): ChangeOutcome {
    const { plan } = prepared;
    options.progress?.({ phase: 'resolve', at: this.#state.clock.now(), message: `${plan.problems.length} problem(s)` });
    if (plan.problems.length === 0) return this.#outcome(deployId, 'planned', plan);
    const error = summary(plan.problems);
    return { ...this.#outcome(deployId, options.dryRun === true ? 'planned' : 'refused', plan), error };
  }

  /** The outcome of a change that is refused before it was planned. */
  refused(deployId: string, problems: readonly ProblemData[]): ChangeOutcome {
    const plan: ChangePlan = { ...EMPTY_PLAN, generation: this.#state.registry.generation, problems };
    return { ...this.#outcome(deployId, 'refused', plan), error: summary(problems) };
  }

  #outcome(deployId: string, outcome: ChangeOutcome['outcome'], plan: ChangePlan): ChangeOutcome {
    return { deployId, outcome, generation: this.#state.registry.generation, plan, timings: {}, onTrial: false };
  }

  /** The outcome already recorded for a deploy id: a repeated call changes nothing. */
  recorded(deployId: string): ChangeOutcome | null {
    const record = this.#state.journal.view.state.history.find((one) => one.deployId === deployId);
    if (record === undefined || record.outcome === 'running') return null;
    const changes = record.changes.map(({ symbolicName, from, to }) => ({
      symbolicName,
      action: 'nothing' as const,
      from: from?.version ?? null,
      to: to?.version ?? null,
      tier: null,
    }));
    const plan: ChangePlan = { ...EMPTY_PLAN, changes, generation: record.generation ?? this.#state.registry.generation };
    const outcome = record.outcome === 'aborted' ? 'refused' : record.outcome;
    return {
      ...this.#outcome(deployId, outcome, plan),
      ...(record.error === undefined ? {} : { error: { ...record.error, details: {} } }),
    };
  }

  /**
   * After a failed write of the journal nobody knows what was decided: not even that a change would change nothing can be said.
   * @throws SluiceError `JOURNAL_POISONED`.
   */
  async #assertDecided(): Promise<void> {
    const { journal } = this.#state;
    if (journal.poisoned) await journal.append([]);
  }

  #assertGeneration(options: ChangeOptions): void {
    const { generation } = this.#state.registry;
    if (options.baseGeneration === undefined || options.baseGeneration === generation) return;
    throw new SluiceError(
      'GENERATION_CONFLICT',
      `The plan was made for generation ${options.baseGeneration}, but the system is at ${generation}: somebody else changed it`,
      {
        details: { expected: options.baseGeneration, found: generation },
        remedy: 'Make the plan again and look at what changed (sluice history).',
        httpStatus: 409,
      },
    );
  }

  /**
   * A bundle by symbolic name, `name@version` or id.
   * @throws SluiceError `BUNDLE_UNKNOWN` with the nearest names.
   */
  find(name: string): Bundle {
    const bundles = this.#state.inOrder();
    const found =
      this.#state.bundles.named(name)[0] ??
      bundles.find((bundle) => `${bundle.symbolicName}@${bundle.version}` === name || String(bundle.bundleId) === name);
    if (found !== undefined) return found;
    const nearest = bundles
      .map((bundle) => bundle.symbolicName)
      .filter((one) => one.includes(name) || name.includes(one.split('.').at(-1) ?? one));
    throw new SluiceError('BUNDLE_UNKNOWN', `No bundle '${name}' is installed`, {
      details: { name, nearest, installed: bundles.length },
      remedy: nearest.length > 0 ? `Did you mean ${nearest.join(', ')}?` : `'sluice ls' shows what is installed.`,
      httpStatus: 404,
    });
  }
}

/** The plan with what the release adds. */
function withRelease(prepared: PreparedPlan, release: ReleasePlan | undefined): PreparedPlan {
  if (release === undefined) return prepared;
  const { plan } = prepared;
  return {
    ...prepared,
    plan: {
      ...plan,
      problems: [...plan.problems, ...release.problems],
      ...(release.differences.length === 0 ? {} : { configuration: release.differences }),
    },
  };
}

function target(bundle: Bundle | null, bundleId: number, artifact: Artifact | null, autostart: boolean, tier?: Tier): Target {
  const startLevel = artifact?.manifest.startLevel ?? bundle?.startLevel ?? 50;
  return { bundle, bundleId: bundle?.bundleId ?? bundleId, artifact, autostart, startLevel, tier: tier ?? bundle?.chosenTier ?? null };
}

function nothingToDo(prepared: PreparedPlan): boolean {
  return [...prepared.actions].every(
    ([{ bundle, autostart, tier }, action]) => action === 'nothing' && bundle?.autostart === autostart && bundle.chosenTier === tier,
  );
}

function duplicates(targets: readonly Target[]): ProblemData[] {
  const seen = new Set<string>();
  return targets.flatMap(({ artifact }) => {
    const name = artifact?.manifest.symbolicName ?? '';
    if (!seen.has(name)) {
      seen.add(name);
      return [];
    }
    return [
      {
        code: 'ARTIFACT_TWICE',
        message: `'${name}' is in the change twice`,
        remedy: 'Deploy one version of each bundle at a time.',
        details: { bundle: name },
      },
    ];
  });
}

function summary(problems: readonly ProblemData[]): ProblemData {
  const [first] = problems;
  if (problems.length === 1 && first !== undefined) return first;
  return {
    code: first?.code ?? 'PLAN_REFUSED',
    message: problems.map((problem) => problem.message).join('\n'),
    ...(first?.remedy === undefined ? {} : { remedy: first.remedy }),
    details: { problems },
  };
}
