/**
 * The running kernel: puts the parts of the life cycle together and answers the runtime interface. Every change goes through one
 * ordered queue. Reaches the outside only through its ports.
 */
import { randomUUID } from 'node:crypto';
import {
  codeOf,
  Entries,
  Figures,
  Framework,
  Health,
  ListenSockets,
  RouteTable,
  SluiceError,
  type BackupSourceService,
  type Clock,
  type ConfigSourceService,
  type ListenSocketsService,
  type QuiesceService,
  type SystemFigures,
} from '@sluice/sdk';
import type { HeapFootprint, HistoryRecord, JournalView, Recovery } from '../host/ports.js';
import { ServiceRegistry, type RevisionOwner } from '../registry/index.js';
import { affectedBy, kernelCapabilities } from '../resolver/index.js';
import type { ArchiveReader } from './artifacts.js';
import { installDesired, moveToStartLevel, raiseAlarms } from './boot.js';
import { nameOfKey, problemOf, type Bundle } from './bundle.js';
import { ChangeRunner } from './change-runner.js';
import { CommandQueue } from './command-queue.js';
import { Commands } from './commands.js';
import { Configurations, type SchemaCheck } from './configuration.js';
import { Diagnostics } from './diagnostics.js';
import { EntryCounter } from './entries.js';
import { currentRelease, desiredState, releaseEntry } from './desired-state.js';
import { explain } from './explain.js';
import { assertStartable } from './fragments.js';
import { asSluiceError } from './failure.js';
import { ReleaseCommands } from './release-commands.js';
import { writeConfiguration } from './release-configuration.js';
import type { Release } from '../model/index.js';
import { registerKernelServices } from './kernel-services.js';
import { quarantineAtBoot, type BootQuarantine } from './quarantine.js';
import { KernelState, type KernelPorts } from './kernel-state.js';
import { rejectRunning } from './limit.js';
import { LogRouter } from './log.js';
import type {
  ArtifactContent,
  BackupResult,
  BundleDetail,
  BundleSummary,
  Cause,
  ChangeOptions,
  ChangeOutcome,
  ConfigValue,
  DiagnosisFile,
  DesiredStateDocument,
  HistoryEntry,
  LogLine,
  ReleaseEntry,
  ReleaseVerdict,
  RouteSummary,
  Runtime,
  RuntimeStatus,
  ServiceSummary,
} from './runtime.js';
import type { TrialFailure } from './probation.js';
import { detail, historyEntry, summarise } from './summaries.js';
import { TrialReturn } from './trial-return.js';
import { Trials, type RunningTrial } from './trials.js';

/** How the composition root builds a kernel. */
export interface KernelOptions {
  /** Version of the kernel. */
  readonly version: string;
  /** Versions of the SDKs the kernel serves, newest first. */
  readonly sdkVersions: readonly string[];
  readonly ports: KernelPorts;
  readonly readArchive: ArchiveReader;
  readonly checkSchema: SchemaCheck;
  /** Folder of the running kernel's data, made on demand. */
  readonly dataFolder: (name: string) => string;
  /** Writes a backup archive of the data folder, with what the sources add. */
  readonly writeBackup: (target: string, sources: readonly BackupSourceService[]) => Promise<BackupResult>;
  /** Probation after a swap in milliseconds. Default 30,000. */
  readonly watchMs?: number;
  /** Where listening sockets come from. Default: nobody keeps any for this process. */
  readonly listenSockets?: ListenSocketsService;
  /** Measures the heap by revision. Default: cannot be measured. */
  readonly measureHeap?: () => Promise<readonly HeapFootprint[]>;
}

const WATCH_MS = 30_000;
/** Longest wait, beyond the lame duck time, until what was begun has ended. */
const QUIESCE_MS_MAX = 30_000;
const OWN_SOCKETS: ListenSocketsService = { take: () => Promise.resolve(null) };

/** The kernel. */
export class KernelRuntime implements Runtime {
  readonly state: KernelState;
  readonly #options: KernelOptions;
  readonly #queue = new CommandQueue();
  readonly #commands: Commands;
  readonly #releases: ReleaseCommands;
  readonly #runner: ChangeRunner;
  readonly #trials: Trials;
  readonly #trialReturn: TrialReturn;
  readonly #startedAt: number;
  readonly #backupSources = new Set<BackupSourceService>();
  readonly #quiescing = new Set<QuiesceService>();
  /** Configuration with which a bundle that had failed was last tried again. */
  readonly #triedWith = new WeakMap<Bundle, string>();
  readonly #diagnostics: Diagnostics;
  #phase: RuntimeStatus['phase'] = 'starting';
  #stopped: Promise<void> | null = null;
  #afterShutdown: () => void = () => {};

  constructor(options: KernelOptions) {
    const { ports, version } = options;
    this.#options = options;
    this.#startedAt = ports.clock.now();
    this.#diagnostics = new Diagnostics(this.#startedAt, options.measureHeap);
    const router = new LogRouter(ports.clock, (error) => ports.loader.mapStack(error));
    const owner: RevisionOwner = { bundleId: 0, symbolicName: 'kernel', version, revision: 1 };
    const entries: EntryCounter = new EntryCounter(
      ports.clock,
      () => registry.generation,
      (outcome) => {
        this.#diagnostics.entryEnded(outcome);
        this.#trials.add(outcome);
      },
    );
    const registry: ServiceRegistry = new ServiceRegistry({
      entryGeneration: entries.entryGeneration,
      warn: (code, message, details) => router.write('warn', 'kernel', version, message, { code, ...details }),
    });
    this.state = new KernelState({
      version,
      ports,
      registry,
      entries,
      router,
      owner,
      configurations: new Configurations(options.checkSchema),
      defaults: { watchMs: options.watchMs ?? WATCH_MS },
      capabilities: kernelCapabilities([Entries, Figures, Framework, ListenSockets], ...options.sdkVersions),
    });
    this.#trials = new Trials(this.state);
    this.#trialReturn = new TrialReturn(this.state, this.#trials);
    this.#runner = new ChangeRunner(this.state, this.#trials);
    this.#commands = new Commands(this.state, this.#runner, this.#trials, this.#trialReturn, options.readArchive);
    this.#releases = new ReleaseCommands(this.state, this.#commands, this.#trials, options.readArchive);
    this.#trials.onPassed = (trial) => this.#inBackground(() => this.#timePassed(trial));
    this.#trials.onFailed = (trial, failure) => {
      const reason = probationFailed(trial, failure);
      this.#inBackground(async () => {
        if (this.#trials.isRunning(trial)) await this.#commands.returnTrial(trial, reason, { actor: 'kernel:probation' });
      });
    };
    this.state.onFailed = (revision, error) => {
      const bundle = this.state.inOrder().find(({ current }) => current === revision);
      if (bundle !== undefined) this.#inBackground(() => this.#commands.quarantine(bundle, error));
    };
    this.#diagnostics.follow(this.state);
    registerKernelServices(this.state, {
      runtime: this,
      phase: () => this.#phase,
      dataFolder: options.dataFolder,
      backupSources: this.#backupSources,
      quiescing: this.#quiescing,
      listenSockets: options.listenSockets ?? OWN_SOCKETS,
      figures: { read: () => this.#diagnostics.read(this.state) },
      changeObservers: this.#diagnostics.changeObservers,
      configChanged: (bundle) => this.#inBackground(() => this.#reconfigure(bundle)),
    });
  }

  /** Runs a command that nobody waits for. A failure is an alarm. */
  #inBackground(command: () => Promise<unknown>): void {
    this.#queue.run(command).catch((error: unknown) => {
      const failure = asSluiceError(error);
      if (failure.code !== 'KERNEL_STOPPING') this.state.raiseAlarm(problemOf(failure));
    });
  }

  /** Runs upkeep of the host between two changes: no artifact is on its way into the store then. */
  betweenChanges(work: () => Promise<void>): void {
    this.#inBackground(work);
  }

  /**
   * The code of a bundle was ended from outside (the watchdog), or is to be stopped because of what it did: whoever waits for it gets the
   * error, and the bundle is quarantined.
   */
  quarantine(name: string, version: string, error: SluiceError): void {
    rejectRunning(name, version, error);
    this.#inBackground(async () => {
      const bundle = this.state.inOrder().find(({ symbolicName, current }) => symbolicName === name && current?.version === version);
      if (bundle !== undefined) await this.#commands.quarantine(bundle, error);
    });
  }

  /**
   * Installs and starts what recovery says is wanted.
   * @param quarantined the bundle the process before was ended for.
   */
  boot(recovery: Recovery, quarantined: BootQuarantine | null = null): Promise<void> {
    return this.#queue.run(async () => {
      const { state } = this;
      const now = state.clock.now();
      await state.journal.append([...recovery.append, { type: 'boot', at: now }]);
      raiseAlarms(state, [...state.journal.repairs, ...recovery.alarms]);
      state.registry.withdraw([], recovery.state.generation);
      await installDesired(state, recovery.state, this.#options.readArchive);
      if (quarantined !== null) quarantineAtBoot(state, quarantined);
      await moveToStartLevel(state, this.#runner, recovery.state.startLevel);
      await writeConfiguration(state);
      await state.journal.append({ type: 'booted', at: state.clock.now(), generation: state.registry.generation });
      for (const trial of trialsToResume(recovery, state.journal.view)) this.#resumeTrial(trial);
      this.#phase = 'running';
      state.emit('STARTED', 'framework', state.version);
    });
  }

  /** The end of a trial that did not do worse: a temporary change that nobody confirmed is taken back all the same. */
  async #timePassed(trial: RunningTrial): Promise<void> {
    if (!trial.temporary) return this.#trialReturn.confirm(trial);
    if (!this.#trials.isRunning(trial)) return;
    const reason = new SluiceError('DEPLOY_NOT_CONFIRMED', `Nobody confirmed the temporary change within ${trial.watchMs} ms`, {
      details: { deployId: trial.deployId, watchMs: trial.watchMs },
      remedy: `Deploy it again and confirm it with 'sluice confirm'.`,
    });
    await this.#commands.returnTrial(trial, reason, { actor: 'kernel:release' });
  }

  /**
   * A change that was on trial when the process ended is on trial again: for the whole time, or, when it is temporary, until the moment
   * that was set at its commit.
   */
  #resumeTrial({ deployId, generation, bundles }: NonNullable<Recovery['trial']>): void {
    const { state } = this;
    const members = state.inOrder().flatMap((bundle) => {
      const { current } = bundle;
      return current === null || bundle.previous === null || !bundles.includes(bundle.symbolicName)
        ? []
        : [{ bundle, old: null, revision: current }];
    });
    const keys = members.map(({ revision }) => revision.key);
    const { direct, transitive } = affectedBy(state.wiring, keys);
    const reach = new Set([...keys, ...direct, ...transitive].map(nameOfKey));
    const open = state.journal.view.open.find(({ begin }) => begin.deployId === deployId);
    const limitMs = open?.begin.confirmWithinMs;
    const temporary = open !== undefined && limitMs !== undefined;
    const watchMs = temporary ? Math.max(1, open.at + limitMs - state.clock.now()) : state.defaults.watchMs;
    void this.#trials.begin({ deployId, generation, watchMs, reach, members, temporary });
  }

  status(): RuntimeStatus {
    const { state } = this;
    const bundles = state.inOrder();
    const [trial] = this.#trials.running;
    const release = currentRelease(state);
    const memory = process.memoryUsage();
    return {
      version: state.version,
      node: process.version,
      pid: process.pid,
      startedAt: this.#startedAt,
      dataFolder: this.#options.dataFolder(''),
      generation: state.registry.generation,
      startLevel: state.startLevel,
      phase: this.#phase,
      bundles: {
        total: bundles.length,
        active: bundles.filter((bundle) => bundle.state === 'ACTIVE').length,
        failed: bundles.filter((bundle) => bundle.error !== null).length,
      },
      services: state.registry.counts().services,
      entries: state.entries.total,
      memory: { heapUsedBytes: memory.heapUsed, rssBytes: memory.rss },
      trial:
        trial === undefined
          ? null
          : {
              deployId: trial.deployId,
              endsAt: trial.endsAt,
              bundles: trial.members.map(({ bundle }) => bundle.symbolicName),
              ...(trial.temporary ? { temporary: true } : {}),
            },
      ...(release === undefined ? {} : { release: { name: release.release.name, version: release.release.version } }),
      alarms: state.alarms,
      addresses: this.#ask(RouteTable, (table) => table.addresses()) ?? [],
    };
  }

  /** Asks a service that may be absent. */
  #ask<S, R>(contract: Parameters<ServiceRegistry['optional']>[1] & { __service?: S }, question: (service: S) => R): R | undefined {
    const handle = this.state.registry.optional(this.state.owner, contract, undefined, null);
    try {
      const service = handle.reference.get() as S | undefined;
      return service === undefined ? undefined : question(service);
    } finally {
      handle.close();
    }
  }

  bundles(): readonly BundleSummary[] {
    return this.state.inOrder().map((bundle) => summarise(bundle, this.#trials));
  }

  inspect(bundle: string): BundleDetail {
    return detail(this.#commands.find(bundle), this.state, this.#trials);
  }

  why(subject: string): Promise<readonly Cause[]> {
    const health = async (bundle: string) => (await this.#ask(Health, (service) => service.report({ bundle })))?.checks ?? [];
    return explain(subject, { state: this.state, routes: () => this.routes(), health, config: (bundle) => this.configOf(bundle) });
  }

  services(filter?: string): readonly ServiceSummary[] {
    return this.state.registry.services(filter);
  }

  routes(): readonly RouteSummary[] {
    return this.#ask(RouteTable, (table) => table.list()) ?? [];
  }

  history(limit: number): readonly HistoryEntry[] {
    return this.state.journal.view.state.history.slice(-limit).map(historyEntry);
  }

  deploy(artifacts: readonly Uint8Array[], options: ChangeOptions): Promise<ChangeOutcome> {
    return this.#queue.run(() => this.#commands.deploy(artifacts, options));
  }

  deployRelease(release: Release, artifacts: readonly Uint8Array[], options: ChangeOptions): Promise<ChangeOutcome> {
    return this.#queue.run(() => this.#releases.deploy(release, artifacts, options));
  }

  rollbackRelease(options: ChangeOptions): Promise<ChangeOutcome> {
    return this.#queue.run(() => this.#releases.rollback(options));
  }

  releases(): readonly ReleaseEntry[] {
    return (this.state.journal.view.state.releases ?? []).map(releaseEntry);
  }

  desiredState(): Promise<DesiredStateDocument> {
    return this.#queue.run(() => desiredState(this.state));
  }

  async artifactOf(bundle: string): Promise<ArtifactContent> {
    const { symbolicName, version, artifact } = this.#commands.find(bundle);
    const bytes = await this.state.store.get(artifact.digest);
    return { name: symbolicName, version, digest: artifact.digest, base64: bytes.toString('base64') };
  }

  install(artifacts: readonly Uint8Array[], options: ChangeOptions): Promise<ChangeOutcome> {
    return this.#queue.run(() => this.#commands.install(artifacts, options));
  }

  start(bundle: string, options: ChangeOptions): Promise<ChangeOutcome> {
    return this.#queue.run(() => {
      assertStartable(this.#commands.find(bundle));
      return this.#commands.start(bundle, options);
    });
  }

  stop(bundle: string, options: ChangeOptions): Promise<ChangeOutcome> {
    return this.#queue.run(() => this.#commands.stop(bundle, options));
  }

  uninstall(bundle: string, options: ChangeOptions): Promise<ChangeOutcome> {
    return this.#queue.run(() => this.#commands.uninstall(bundle, options));
  }

  update(artifact: Uint8Array, options: ChangeOptions): Promise<ChangeOutcome> {
    return this.#queue.run(() => this.#commands.update(artifact, options));
  }

  rollback(bundle: string, options: ChangeOptions): Promise<ChangeOutcome> {
    return this.#queue.run(() => this.#commands.rollback(bundle, options));
  }

  confirm(actor: string): Promise<ChangeOutcome> {
    return this.#queue.run(async () => {
      const running = [...this.#trials.running];
      const [trial] = running;
      if (trial === undefined) throw nothingOnTrial(this.state.journal.view.state.history.at(-1));
      for (const one of running) await this.#trialReturn.confirm(one);
      this.state.log.info(`Confirmed by ${actor}`, { deployId: trial.deployId });
      const kept = running.flatMap(({ members }) => members.map(({ bundle }) => bundle));
      return this.#settled(
        trial.deployId,
        'committed',
        kept.map(({ symbolicName, version }) => ({ symbolicName, action: 'nothing', from: version, to: version, tier: null })),
      );
    });
  }

  #settled(deployId: string, outcome: ChangeOutcome['outcome'], changes: ChangeOutcome['plan']['changes'] = []): ChangeOutcome {
    const { generation } = this.state.registry;
    return {
      deployId,
      outcome,
      generation,
      plan: { generation, changes, rebinds: [], restarts: [], routes: [], problems: [] },
      timings: {},
      onTrial: false,
    };
  }

  setStartLevel(level: number, options: ChangeOptions): Promise<ChangeOutcome> {
    return this.#queue.run(async () => {
      const { state } = this;
      const deployId = options.deployId ?? randomUUID();
      const at = state.clock.now();
      const begin = {
        type: 'begin',
        at,
        deployId,
        kind: 'startlevel',
        actor: options.actor,
        baseGeneration: state.registry.generation,
        changes: [],
        startLevel: level,
      } as const;
      const generation = state.registry.generation + 1;
      await state.journal.append([
        begin,
        { type: 'commit', at, deployId, generation },
        { type: 'done', at, deployId, outcome: 'confirmed' },
      ]);
      state.registry.withdraw([], generation);
      await moveToStartLevel(state, this.#runner, level);
      return this.#settled(deployId, 'committed');
    });
  }

  async configOf(bundle: string): Promise<readonly ConfigValue[]> {
    const { manifest } = this.#commands.find(bundle);
    return this.#withConfigSource((source) => this.state.configurations.show(manifest, source));
  }

  configSet(bundle: string, values: Readonly<Record<string, unknown>>, actor: string): Promise<void> {
    return this.#queue.run(() =>
      this.#withConfigSource(async (source) => {
        const found = this.#commands.find(bundle);
        if (source === undefined) {
          const remedy = 'Deploy and start system.config.';
          throw new SluiceError('CONFIG_SOURCE_MISSING', 'No bundle keeps configuration', { remedy, httpStatus: 503 });
        }
        const { symbolicName } = found;
        await this.state.configurations.preview(found.manifest, source, values);
        const before = await storedAtRunTime(source, symbolicName, Object.keys(values));
        await source.set(symbolicName, values, actor);
        try {
          await this.#reconfigure(symbolicName);
        } catch (error) {
          // What the running bundle refuses would fail its next start.
          await source.set(symbolicName, before, 'kernel');
          throw error;
        }
      }),
    );
  }

  configHistory(bundle: string): ReturnType<Runtime['configHistory']> {
    return this.#withConfigSource(async (source) => (await source?.history(this.#commands.find(bundle).symbolicName)) ?? []);
  }

  #withConfigSource<R>(work: (source: ConfigSourceService | undefined) => Promise<R>): Promise<R> {
    return this.state.withConfigSource(work);
  }

  /** A bundle failed to start, maybe because of its configuration (a port that is taken); now that this changed, it may. */
  async #startAgain(bundle: Bundle): Promise<void> {
    // A change is told more than once. What cannot be read is read by the start, which tells why.
    const config = await this.state.configOf(bundle.artifact.manifest, null).then((values) => JSON.stringify(values), codeOf);
    if (this.#triedWith.get(bundle) === config) return;
    this.#triedWith.set(bundle, config);
    await this.#commands.startAgain(bundle);
  }

  /** Reads the configuration of a bundle again and hands it over when it changed. */
  async #reconfigure(name: string): Promise<void> {
    for (const bundle of this.state.inOrder()) {
      if (bundle.symbolicName !== name) continue;
      const revision = bundle.current;
      if (revision === null) {
        if (bundle.autostart && bundle.error !== null) await this.#startAgain(bundle);
        continue;
      }
      const config = await this.state.configOf(revision.manifest, null);
      if (JSON.stringify(config) === JSON.stringify(revision.config)) continue;
      await revision.changeConfig(config);
      bundle.remember(this.state.clock.now(), 'took over a changed configuration');
      this.state.emit('CONFIGURED', name, bundle.version);
    }
  }

  logs(query: { bundle?: string; level?: string; limit?: number; since?: number }): readonly LogLine[] {
    return this.state.router.recent(query);
  }

  followLogs(query: { bundle?: string; level?: string }, line: (line: LogLine) => void): () => void {
    return this.state.router.follow(query, line);
  }

  followEvents(event: (event: { at: number; kind: string; subject: string; message: string }) => void): () => void {
    return this.state.listen(event);
  }

  leaks(options: { collect: boolean }): Promise<readonly ReleaseVerdict[]> {
    return this.#diagnostics.leaks(this.state, options);
  }

  async figures(options: { heap: boolean }): Promise<SystemFigures> {
    if (options.heap) await this.#diagnostics.measureHeap(this.state);
    return this.#diagnostics.read(this.state);
  }

  async diagnose(options: { heap: boolean }): Promise<readonly DiagnosisFile[]> {
    if (options.heap) await this.#diagnostics.measureHeap(this.state);
    const health = async () => (await this.#ask(Health, (service) => service.report()))?.checks ?? [];
    return this.#diagnostics.diagnose(this, this.state, health);
  }

  backup(target: string): Promise<BackupResult> {
    return this.#queue.run(() => this.#options.writeBackup(target, [...this.#backupSources]));
  }

  shutdown({ lameDuckMs = 0 }: { lameDuckMs?: number } = {}): Promise<void> {
    this.#stopped ??= this.#queue.close(() => this.#shutdown(lameDuckMs));
    return this.#stopped;
  }

  /** Sets what happens after a shutdown that came through the admin protocol. */
  onShutdown(callback: () => void): void {
    this.#afterShutdown = callback;
  }

  async #shutdown(lameDuckMs: number): Promise<void> {
    const { state } = this;
    this.#phase = 'stopping';
    await this.#quiesce(lameDuckMs);
    for (const trial of this.#trials.running) await this.#trialReturn.suspend(trial);
    await moveToStartLevel(state, this.#runner, 0);
    state.leakWatch.close();
    await state.loader.settled();
    await state.store.close();
    await state.journal.close();
    this.#afterShutdown();
  }

  /** Lets no new work in and waits for what was begun, while every bundle still runs. */
  async #quiesce(lameDuckMs: number): Promise<void> {
    const { clock } = this.state;
    const work = [...this.#quiescing].map((one) =>
      Promise.resolve()
        .then(() => one.quiesce({ lameDuckMs }))
        .catch((error: unknown) => this.state.raiseAlarm(problemOf(asSluiceError(error)))),
    );
    if (work.length === 0) return;
    if (await within(clock, lameDuckMs + QUIESCE_MS_MAX, Promise.all(work))) return;
    this.state.raiseAlarm({
      code: 'QUIESCE_TIMEOUT',
      message: `Work begun before the end was still not over after ${lameDuckMs + QUIESCE_MS_MAX} ms`,
      details: { lameDuckMs, limitMs: QUIESCE_MS_MAX },
      remedy: 'It is cut now. Give routes that work for long a time limit.',
    });
  }
}

/** The trial that recovery found, and the temporary changes before it. */
function trialsToResume({ trial }: Recovery, { open }: JournalView): readonly NonNullable<Recovery['trial']>[] {
  const temporary = open.filter(({ begin }) => begin.confirmWithinMs !== undefined && begin.deployId !== trial?.deployId);
  return [
    ...temporary.map(({ begin, generation }) => ({
      ...{ deployId: begin.deployId, generation },
      bundles: begin.changes.map(({ symbolicName }) => symbolicName),
    })),
    ...(trial === null ? [] : [trial]),
  ];
}

/** Waits for a promise, but not longer than a limit; false when it took longer. */
async function within(clock: Clock, limitMs: number, work: Promise<unknown>): Promise<boolean> {
  const limit = new AbortController();
  const late = clock.sleep(limitMs, limit.signal).then(
    () => false,
    () => false,
  );
  const inTime = await Promise.race([work.then(() => true), late]);
  limit.abort();
  return inTime;
}

function nothingOnTrial(last: HistoryRecord | undefined): SluiceError {
  const names = last?.changes.map(({ symbolicName, to }) => (to === null ? symbolicName : `${symbolicName} ${to.version}`)).join(', ');
  const fate = last?.outcome === 'rolled-back' ? 'taken back' : last?.outcome === 'aborted' ? 'refused' : 'kept';
  let before = 'nothing was deployed yet';
  if (last?.kind === 'rollback') before = `the last change went back to ${names}`;
  else if (last !== undefined) before = `the last change, ${last.kind} of ${names}, was ${fate}`;
  return new SluiceError('NOTHING_ON_TRIAL', `Nothing to confirm: no deploy is on probation, and ${before}`, {
    remedy: `'sluice history' shows what was deployed.`,
    httpStatus: 409,
  });
}

/** What run time says about some keys of a bundle, as it is kept; undefined where it says nothing. */
async function storedAtRunTime(source: ConfigSourceService, bundle: string, keys: readonly string[]): Promise<Record<string, unknown>> {
  const layer = (await source.layers(bundle)).find((one) => one.layer === 'runtime');
  const stored = layer?.stored ?? layer?.values ?? {};
  return Object.fromEntries(keys.map((key) => [key, stored[key]]));
}

function probationFailed(trial: RunningTrial, { reason, baseline, trial: found }: TrialFailure): SluiceError {
  const names = trial.members.map(({ revision }) => `${revision.symbolicName} ${revision.version}`).join(', ');
  const seen =
    reason === 'failures'
      ? `${found.failures} of ${found.entries} entries failed`
      : `99 % of entries took up to ${found.p99Ms.toFixed(0)} ms, before it was ${baseline.p99Ms.toFixed(0)} ms`;
  return new SluiceError('PROBATION_FAILED', `${names} did worse on live traffic than the version before: ${seen}`, {
    details: { reason, baseline, trial: found },
    remedy: 'The version before serves again. Look at the log of the failed version.',
  });
}
