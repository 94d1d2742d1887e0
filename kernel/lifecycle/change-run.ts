/**
 * One change under way: the revisions it makes, starts, gates, switches and releases. Does each phase; which comes next is decided by the
 * change runner. Always holds: until `switchTo` nobody outside sees anything of it.
 */
import type { BeginRecord, Change, ChangeKind, ReleaseRecord } from '../host/ports.js';
import type { ConfigurationChange } from '../model/index.js';
import type { RevisionOwner, Stage } from '../registry/index.js';
import { affectedBy, type Wiring } from '../resolver/index.js';
import { nameOfKey, type Bundle } from './bundle.js';
import { shallTargetRun } from './fragments.js';
import { componentGate, healthGate, publisherGate } from './gates.js';
import type { KernelState } from './kernel-state.js';
import { isRecorded, nextRevision, startOrder, targetKey, type Action, type PreparedPlan, type Target } from './planner.js';
import type { Revision } from './revision.js';
import type { ChangeOptions, ChangeOutcome, ProgressEvent } from './runtime.js';

/** A change about to be run. */
export interface PlannedChange {
  readonly kind: ChangeKind;
  readonly deployId: string;
  readonly prepared: PreparedPlan;
  readonly options: ChangeOptions;
  /** False for bringing up or down what the journal already records. */
  readonly journaled: boolean;
  /** The framework start level that decides what runs. */
  readonly startLevel: number;
  readonly release?: ReleaseWork;
}

/** What a change does besides contents of bundles. */
export interface ReleaseWork {
  /** The release that is deployed; absent for the way back from one. */
  readonly record?: ReleaseRecord;
  readonly configuration: readonly ConfigurationChange[];
  /** Deploy id of the change that is taken back. */
  readonly undoes?: string;
}

/** One bundle of the change. */
export interface Member {
  readonly target: Target;
  readonly action: Action;
  /** The revision that runs now. */
  readonly old: Revision | null;
  /** The revision being prepared. */
  revision: Revision | null;
  /** Null before the switch for one that is new. */
  bundle: Bundle | null;
}

/** The result of a drain without entries. */
const NOTHING_OPEN = Object.freeze({ waitedMs: 0, cut: 0 });

type Phase = ProgressEvent['phase'];

/** The running of one change: its members, and what is done to them in each phase. */
export class ChangeRun {
  readonly state: KernelState;
  readonly change: PlannedChange;
  readonly members: readonly Member[];
  readonly #timings: Record<string, number> = {};
  #phaseStartedAt: number;
  readonly #wiringBefore: Wiring;
  #reach: ReadonlySet<string> | null = null;

  constructor(state: KernelState, change: PlannedChange) {
    this.state = state;
    this.change = change;
    this.#phaseStartedAt = state.clock.monotonic();
    this.members = [...change.prepared.actions].map(([target, action]) => ({
      target,
      action,
      old: target.bundle?.current ?? null,
      revision: null,
      bundle: target.bundle,
    }));
    this.#wiringBefore = state.wiring;
  }

  /** Names of the bundles whose entries can reach what is replaced, before or after the change. Looked for when asked, after the switch. */
  get reach(): ReadonlySet<string> {
    return (this.#reach ??= this.#reached());
  }

  /** Ends a phase: notes its time, tells whoever listens. */
  phase(phase: Phase, message: string, bundle?: string): void {
    const now = this.state.clock.monotonic();
    this.#timings[phase] = (this.#timings[phase] ?? 0) + now - this.#phaseStartedAt;
    this.#phaseStartedAt = now;
    this.change.options.progress?.({ phase, at: this.state.clock.now(), message, ...(bundle === undefined ? {} : { bundle }) });
  }

  beginRecord(): BeginRecord {
    const { change, state } = this;
    return {
      type: 'begin',
      at: state.clock.now(),
      deployId: change.deployId,
      kind: change.kind,
      actor: change.options.actor,
      baseGeneration: state.registry.generation,
      changes: this.members.flatMap(({ target }) => (isRecorded(target) ? [journalChange(target)] : [])),
      ...releaseRecords(change),
    };
  }

  /** Makes a revision for every member that shall run with content that does not run yet. */
  createRevisions(): void {
    for (const member of this.members) {
      const { target, action } = member;
      if (!shallTargetRun(target, this.change.startLevel) || action === 'nothing') continue;
      const { attachments } = this.change.prepared;
      member.revision = this.state.createRevision(target, attachments.get(targetKey(target, action) ?? ''));
      this.state.preparing.set(member.revision.symbolicName, member.revision.manifest);
    }
  }

  newOwners(): RevisionOwner[] {
    return this.members.flatMap((member) => (member.revision === null ? [] : [member.revision]));
  }

  replacedOwners(): RevisionOwner[] {
    return this.members.flatMap((member) => (member.old === null || member.action === 'nothing' ? [] : [member.old]));
  }

  /** Evaluates the code of all new revisions, exporters of packages before their importers. */
  async load(): Promise<void> {
    for (const member of this.#inOrder()) {
      const revision = member.revision as Revision;
      await revision.load(this.state.importsOf(revision.key, this.change.prepared.wiring, (key) => this.#revisionOf(key)));
      this.phase('load', `${revision.key} loaded`, revision.symbolicName);
    }
  }

  /** Starts all new revisions inside the stage, in start order. */
  async start(stage: Stage): Promise<void> {
    for (const member of this.#inOrder()) {
      const revision = member.revision as Revision;
      const { bundle } = member.target;
      if (bundle !== null && member.old === null)
        this.state.passStates(bundle, ...(bundle.state === 'INSTALLED' ? (['RESOLVED', 'STARTING'] as const) : (['STARTING'] as const)));
      const config = await this.state.configOf(revision.manifest, stage, this.change.release?.configuration);
      await revision.start(stage, config);
      const handover = await member.old?.exportState(revision.manifest);
      if (handover !== undefined) await revision.importState(handover);
      this.phase('start', `${revision.key} started, not visible yet`, revision.symbolicName);
    }
  }

  /** Publishers check and probe, then the health checks of the new revisions must pass. */
  async gate(stage: Stage): Promise<void> {
    await publisherGate(this.state, stage);
    componentGate(this.members);
    await healthGate(this.state, stage, this.newOwners());
    this.phase('probe', 'health checks passed');
  }

  /** The switch: one synchronous step. */
  switchTo(stage: Stage, generation: number): void {
    const { state } = this;
    const isDecision = generation > state.registry.generation;
    this.#announce();
    state.registry.commit(stage, generation);
    for (const member of this.members) this.#enterState(member);
    for (const { bundle, old } of this.#inOrder()) if (bundle !== null && old === null) state.passStates(bundle, 'ACTIVE');
    state.rewire(this.change.prepared.wiring);
    // To bring up what was decided before is not news: a pointer file would be written for each bundle of a start.
    if (isDecision) state.committed(generation);
  }

  /** What OSGi tells before services come and go: who stops, what is new and resolved, who starts. */
  #announce(): void {
    const { state } = this;
    const stopping = this.members.filter(({ old, revision, action }) => old !== null && revision === null && action !== 'nothing');
    for (const { bundle } of this.#inStopOrder(stopping)) if (bundle !== null) state.passStates(bundle, 'STOPPING');
    for (const member of this.members) if (member.target.artifact !== null) member.bundle ??= state.addBundle(member.target);
    const starting = this.#inOrder().filter(({ old }) => old === null);
    for (const { bundle } of starting) if (bundle?.state === 'INSTALLED') state.passStates(bundle, 'RESOLVED');
    for (const { bundle } of starting) if (bundle !== null) state.passStates(bundle, 'STARTING');
  }

  #enterState({ target, revision, old, action, bundle }: Member): void {
    if (bundle === null) return;
    const { state } = this;
    const before = bundle.version;
    if (target.artifact === null) {
      bundle.current = null;
      return;
    }
    const isOtherContent = bundle.artifact.digest !== target.artifact.digest;
    if (isOtherContent) {
      // As the journal says, which has the commit by now: a rollback walks back, so what it leaves is not what the next one returns to.
      bundle.previous = state.journal.view.state.bundles.find((one) => one.bundleId === bundle.bundleId)?.previous ?? null;
      bundle.artifact = target.artifact;
    }
    // The number that the wiring knows the content by, also when nothing of it runs.
    bundle.revisionNumber = revision?.revision ?? (isOtherContent ? nextRevision(bundle) : bundle.revisionNumber);
    // What is done without a record (a start of the system, a stop in order to update) leaves what is wanted as it was.
    if (this.change.journaled) bundle.autostart = target.autostart;
    bundle.startLevel = target.startLevel;
    bundle.chosenTier = target.tier;
    if (action === 'nothing') return;
    bundle.error = null;
    bundle.older = revision === null ? null : old;
    bundle.current = revision;
    revision?.committed();
    if (isOtherContent) state.emit('UPDATED', bundle.symbolicName, bundle.version);
    else if (old !== null && revision !== null) state.emit('REFRESHED', bundle.symbolicName, bundle.version);
    const after = revision === null ? `installed ${bundle.version}` : `started ${bundle.version}`;
    const how = old === null ? after : revision === null ? `stopped ${before}` : `swapped ${before} -> ${bundle.version}`;
    bundle.remember(state.clock.now(), `${how} by ${this.change.options.actor} (${this.change.deployId})`);
  }

  #reached(): ReadonlySet<string> {
    if (this.members.every((member) => member.old === null)) return new Set();
    // What a change names without changing it is reached only as every other bundle is.
    const changed = this.members.filter(({ action }) => action !== 'nothing');
    const keys = changed.flatMap(({ target, old, action }) =>
      [old?.key, targetKey(target, action)].filter((key) => typeof key === 'string'),
    );
    const before = affectedBy(this.#wiringBefore, keys);
    const { direct, transitive } = affectedBy(this.change.prepared.wiring, keys);
    return new Set([...keys, ...direct, ...transitive, ...before.direct, ...before.transitive].map(nameOfKey));
  }

  /** The members whose running revision ends with this change. One that does nothing keeps its own. */
  leaving(): readonly Member[] {
    return this.members.filter(({ old, revision, action }) => old !== null && old !== revision && action !== 'nothing');
  }

  /** Waits until no entry of an older generation can reach what was replaced. */
  async drain(generation: number): Promise<{ waitedMs: number; cut: number }> {
    const leaving = this.leaving();
    if (leaving.length === 0) return NOTHING_OPEN;
    const limitMs = this.change.options.drainMs ?? Math.max(...leaving.map(({ old }) => (old as Revision).manifest.drainTimeoutMs));
    const { entries } = this.state;
    // Mostly nobody is on the way, and then it need not be known whom the change reaches.
    const drained = entries.open(generation, null) === 0 ? NOTHING_OPEN : await entries.drain(generation, this.reach, limitMs);
    this.phase('drain', `${drained.waitedMs.toFixed(0)} ms${drained.cut > 0 ? `, ${drained.cut} entries still open at the deadline` : ''}`);
    return drained;
  }

  /** Ends revisions that left. */
  async release(leaving: readonly Member[]): Promise<void> {
    for (const { old, target, revision, bundle } of this.#inStopOrder(leaving)) {
      await this.state.endRevision(old as Revision);
      if (bundle === null) continue;
      bundle.older = null;
      if (target.artifact === null) this.state.removeBundle(bundle);
      else if (revision === null) this.state.passStates(bundle, 'RESOLVED');
    }
    for (const { target, old } of this.members) {
      if (target.artifact === null && target.bundle !== null && old === null) this.state.removeBundle(target.bundle);
    }
    if (leaving.length > 0) this.phase('release', `${leaving.length} revision${leaving.length === 1 ? '' : 's'} ended`);
  }

  madeRevision(bundle: Bundle): boolean {
    return this.members.some((member) => member.target.bundle === bundle && member.revision !== null);
  }

  trialMember(member: Member): { bundle: Bundle; old: Revision; revision: Revision } {
    return { bundle: member.target.bundle as Bundle, old: member.old as Revision, revision: member.revision as Revision };
  }

  async endNewRevisions(): Promise<void> {
    for (const member of [...this.members].reverse()) if (member.revision !== null) await member.revision.end();
  }

  outcome(outcome: ChangeOutcome['outcome'], more: Partial<ChangeOutcome> = {}): ChangeOutcome {
    return {
      deployId: this.change.deployId,
      outcome,
      generation: this.state.registry.generation,
      plan: this.change.prepared.plan,
      timings: this.#timings,
      onTrial: false,
      ...more,
    };
  }

  #inOrder(): Member[] {
    const items = this.members.flatMap((member) =>
      member.revision === null
        ? []
        : [{ key: member.revision.key, startLevel: member.target.startLevel, bundleId: member.target.bundleId, member }],
    );
    return startOrder(items, this.change.prepared.wiring).map((item) => item.member);
  }

  /** The reverse of the order in which they would start. */
  #inStopOrder(members: readonly Member[]): Member[] {
    const items = members.map((member) => ({
      key: member.old?.key ?? '',
      startLevel: member.target.startLevel,
      bundleId: member.target.bundleId,
      member,
    }));
    return startOrder(items, this.#wiringBefore)
      .reverse()
      .map((item) => item.member);
  }

  #revisionOf(key: string): Revision | undefined {
    return this.members.find((member) => member.revision?.key === key)?.revision ?? this.state.revisionOf(key);
  }
}

function releaseRecords({ release, kind, options }: PlannedChange): Partial<BeginRecord> {
  return {
    ...(kind === 'deploy' && options.confirmWithinMs !== undefined ? { confirmWithinMs: options.confirmWithinMs } : {}),
    ...(release?.record === undefined ? {} : { release: release.record }),
    ...(release === undefined || release.configuration.length === 0 ? {} : { configuration: release.configuration }),
    ...(release?.undoes === undefined ? {} : { undoes: release.undoes }),
  };
}

function journalChange(target: Target): Change {
  const { bundle, artifact } = target;
  return {
    symbolicName: (artifact?.manifest ?? bundle?.artifact.manifest)?.symbolicName ?? '',
    bundleId: target.bundleId,
    from: bundle === null ? null : { digest: bundle.artifact.digest, version: bundle.version },
    to: artifact === null ? null : { digest: artifact.digest, version: artifact.manifest.versionText },
    autostart: target.autostart,
    startLevel: target.startLevel,
    ...(target.tier === null ? {} : { tier: target.tier }),
  };
}
