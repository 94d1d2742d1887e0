/**
 * The commands behind the runtime: turns a request into targets, plans them, refuses or runs. Each runs inside the queue.
 */
import { randomUUID } from 'node:crypto';
import { SluiceError } from '@sluice/sdk';
import type { ChangeKind } from '../host/ports.js';
import type { Tier } from '../model/index.js';
import { loadArtifact, stageArtifact, type ArchiveReader } from './artifacts.js';
import { problemOf, type Artifact, type Bundle } from './bundle.js';
import type { ChangeRunner } from './change-runner.js';
import { asSluiceError } from './failure.js';
import type { KernelState } from './kernel-state.js';
import { importersOf, planChange, type PreparedPlan, type Target } from './planner.js';
import type { ChangeOptions, ChangeOutcome, ChangePlan, ProblemData } from './runtime.js';
import { restartsWith } from './summaries.js';
import { isWarm, type TrialReturn } from './trial-return.js';
import type { RunningTrial, Trials } from './trials.js';

const EMPTY_PLAN = { changes: [], rebinds: [], restarts: [], routes: [], problems: [] } as const;

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
      const bundle = this.#installedFor(artifact);
      return target(bundle, bundleId, artifact, true, options.tier);
    });
  }

  /** Installs without starting. */
  install(artifacts: readonly Uint8Array[], options: ChangeOptions): Promise<ChangeOutcome> {
    return this.#withArtifacts(artifacts, options, (artifact, bundleId) => {
      const bundle = this.#installedFor(artifact);
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
    const repeated = this.#recorded(deployId);
    if (repeated !== null) return repeated;
    const refusals: ProblemData[] = [];
    const targets: Target[] = [];
    // Begun together: blobs that come at the same time become durable with one sync.
    const staged = bytes.map((one) => stageArtifact(one, this.#state.store, this.#readArchive));
    await Promise.allSettled(staged);
    for (const one of staged) {
      try {
        const artifact = await one;
        options.progress?.({
          phase: 'stage',
          at: this.#state.clock.now(),
          bundle: artifact.manifest.symbolicName,
          message: `${artifact.manifest.versionText} ${artifact.digest.slice(0, 12)}`,
        });
        targets.push(toTarget(artifact, this.#state.nextBundleId + targets.length));
      } catch (error) {
        refusals.push(problemOf(asSluiceError(error)));
      }
    }
    refusals.push(...duplicates(targets));
    if (refusals.length > 0) return this.#refused(deployId, refusals);
    return this.#run('deploy', deployId, targets, options);
  }

  /** The installed bundle an artifact replaces: the one of its name, for non-singletons the one of its name and major version. */
  #installedFor(artifact: Artifact): Bundle | null {
    const { symbolicName, singleton, version } = artifact.manifest;
    const same = this.#state.bundles.named(symbolicName);
    if (singleton) return same[0] ?? null;
    return same.find((bundle) => bundle.artifact.manifest.version.major === version.major) ?? null;
  }

  start(name: string, options: ChangeOptions): Promise<ChangeOutcome> {
    const bundle = this.find(name);
    return this.#run('start', options.deployId ?? randomUUID(), [target(bundle, bundle.bundleId, bundle.artifact, true)], options);
  }

  stop(name: string, options: ChangeOptions): Promise<ChangeOutcome> {
    const bundle = this.find(name);
    return this.#run('stop', options.deployId ?? randomUUID(), [target(bundle, bundle.bundleId, bundle.artifact, false)], options);
  }

  uninstall(name: string, options: ChangeOptions): Promise<ChangeOutcome> {
    const bundle = this.find(name);
    return this.#run('uninstall', options.deployId ?? randomUUID(), [target(bundle, bundle.bundleId, null, false)], options);
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
    return this.#run('rollback', options.deployId ?? randomUUID(), [target(bundle, bundle.bundleId, artifact, bundle.autostart)], options);
  }

  /** Takes a trial back: the old revisions come back at once, or, after a restart of the process, by a swap to their content. */
  async returnTrial(trial: RunningTrial, reason: SluiceError, options: ChangeOptions): Promise<ChangeOutcome> {
    if (trial.members.every(isWarm)) return this.#trialReturn.run(trial, reason, options);
    await this.#trialReturn.suspend(trial);
    const targets: Target[] = [];
    for (const { bundle } of trial.members) {
      if (bundle.previous === null) continue;
      const artifact = await loadArtifact(bundle.previous.digest, this.#state.store, this.#readArchive);
      targets.push(target(bundle, bundle.bundleId, artifact, bundle.autostart));
    }
    const outcome = await this.#run('rollback', options.deployId ?? randomUUID(), targets, { ...options, watchMs: 0 });
    return outcome.outcome === 'committed' ? { ...outcome, outcome: 'rolled-back', error: problemOf(reason) } : outcome;
  }

  /** OSGi's update in place: stop, replace, start. When the new content does not start, the old one is started again. */
  async update(bytes: Uint8Array, options: ChangeOptions): Promise<ChangeOutcome> {
    const deployId = options.deployId ?? randomUUID();
    const artifact = await stageArtifact(bytes, this.#state.store, this.#readArchive);
    const bundle = this.#installedFor(artifact) ?? this.find(artifact.manifest.symbolicName);
    const running = bundle.current !== null;
    const prepared = this.#plan([target(bundle, bundle.bundleId, artifact, bundle.autostart)], this.#state.startLevel);
    if (prepared.plan.problems.length > 0 || options.dryRun === true) return this.#planned(deployId, prepared, options);
    if (running) await this.#transition(bundle, false, options);
    const outcome = await this.#run('deploy', deployId, [target(bundle, bundle.bundleId, artifact, bundle.autostart || running)], {
      ...options,
      watchMs: 0,
    });
    if (outcome.outcome === 'refused' && running) await this.#transition(bundle, true, options);
    return outcome;
  }

  /** Starts a bundle that the desired state wants running and that failed before. */
  startAgain(bundle: Bundle): Promise<ChangeOutcome> {
    return this.#transition(bundle, true, { actor: 'kernel' });
  }

  /** Starts or stops without recording it as a decision. */
  async #transition(bundle: Bundle, run: boolean, options: ChangeOptions): Promise<ChangeOutcome> {
    const prepared = this.#plan([target(bundle, bundle.bundleId, bundle.artifact, run)], this.#state.startLevel);
    return this.#runner.run({
      kind: run ? 'start' : 'stop',
      deployId: randomUUID(),
      prepared,
      options,
      journaled: false,
      startLevel: this.#state.startLevel,
    });
  }

  async #run(kind: ChangeKind, deployId: string, targets: readonly Target[], options: ChangeOptions): Promise<ChangeOutcome> {
    const repeated = this.#recorded(deployId);
    if (repeated !== null) return repeated;
    this.#assertGeneration(options);
    // A later change of a bundle on trial confirms it; otherwise three revisions would live.
    for (const { bundle } of targets) {
      const trial = bundle === null || options.dryRun === true ? undefined : this.#trials.of(bundle);
      if (trial !== undefined) await this.#trialReturn.confirm(trial);
    }
    const prepared = this.#plan(targets, this.#state.startLevel);
    if (prepared.plan.problems.length > 0 || options.dryRun === true) return this.#planned(deployId, prepared, options);
    if (nothingToDo(prepared)) return this.#outcome(deployId, 'committed', prepared.plan);
    return this.#runner.run({ kind, deployId, prepared, options, journaled: true, startLevel: this.#state.startLevel });
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

  #refused(deployId: string, problems: readonly ProblemData[]): ChangeOutcome {
    const plan: ChangePlan = { ...EMPTY_PLAN, generation: this.#state.registry.generation, problems };
    return { ...this.#outcome(deployId, 'refused', plan), error: summary(problems) };
  }

  #outcome(deployId: string, outcome: ChangeOutcome['outcome'], plan: ChangePlan): ChangeOutcome {
    return { deployId, outcome, generation: this.#state.registry.generation, plan, timings: {}, onTrial: false };
  }

  /** The outcome already recorded for a deploy id: a repeated call changes nothing. */
  #recorded(deployId: string): ChangeOutcome | null {
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
