/**
 * The state all parts of the life cycle share: bundles, wiring, registry, entries, journal, ports. Changed only inside a command of
 * the queue. Holds; decides nothing.
 */
import { ConfigSource, SluiceError, type ConfigSourceService, type Logger, type ObservedChange } from '@sluice/sdk';
import type { BlobStore, HostClock, Journal, LeakWatch, Loader } from '../host/ports.js';
import { effectiveTier, type BundleState, type ConfigurationChange, type Manifest } from '../model/index.js';
import type { RevisionOwner, ServiceRegistry, Stage } from '../registry/index.js';
import { PACKAGE_NAMESPACE, type Capability, type Wiring } from '../resolver/index.js';
import { Bundle, type Artifact } from './bundle.js';
import { BundleTable } from './bundle-table.js';
import type { Configurations } from './configuration.js';
import type { EntryCounter } from './entries.js';
import { withFragments } from './fragments.js';
import type { LogRouter } from './log.js';
import { Revision, type RevisionServices } from './revision.js';
import type { ProblemData, ReleaseVerdict } from './runtime.js';
import { nextRevision, type Target } from './planner.js';
import { OPEN_GATE, SILENT_AUDIT, type AuditRecorder, type TrustGate } from '../trust/ports.js';
import { assertTrusted } from './admission.js';

/** The outside world, as the composition root or the test kit provides it. */
export interface KernelPorts {
  readonly clock: HostClock;
  readonly store: BlobStore;
  readonly journal: Journal;
  readonly loader: Loader;
  readonly leakWatch: LeakWatch;
  /** Decides what may run. Default: everything. */
  readonly trust?: TrustGate;
  /** Records what is changed. Default: nobody does. */
  readonly audit?: AuditRecorder;
}

/** Settings with defaults. */
export interface KernelDefaults {
  /** Probation after a swap in milliseconds. */
  readonly watchMs: number;
}

/** Events of bundles and the framework, in OSGi's words. */
export interface KernelEvent {
  readonly at: number;
  readonly kind: string;
  readonly subject: string;
  readonly message: string;
}

const EVENT_OF_STATE: Readonly<Record<BundleState, string>> = {
  INSTALLED: 'UNRESOLVED',
  RESOLVED: 'RESOLVED',
  STARTING: 'STARTING',
  ACTIVE: 'STARTED',
  STOPPING: 'STOPPING',
  UNINSTALLED: 'UNINSTALLED',
};

/** Revisions that were ended and whose fate is reported. */
const REMAINS_MAX = 1_000;

/** Shared state. */
export class KernelState {
  readonly version: string;
  readonly clock: HostClock;
  readonly store: BlobStore;
  readonly journal: Journal;
  readonly leakWatch: LeakWatch;
  readonly loader: Loader;
  readonly trust: TrustGate;
  readonly audit: AuditRecorder;
  readonly registry: ServiceRegistry;
  readonly entries: EntryCounter;
  readonly router: LogRouter;
  readonly log: Logger;
  readonly configurations: Configurations;
  readonly defaults: KernelDefaults;
  /** Capabilities of the kernel for the resolver. */
  capabilities: readonly Capability[];
  /** The kernel as an owner of services and references. */
  readonly owner: RevisionOwner;
  readonly bundles = new BundleTable();
  readonly alarms: ProblemData[] = [];
  /** Manifests of the revisions being prepared, by symbolic name. */
  readonly preparing = new Map<string, Manifest>();
  /** What ended revisions left behind, by `name@version#revision`. */
  readonly remains = new Map<string, readonly string[]>();
  wiring: Wiring = new Map();
  startLevel = 0;
  nextBundleId = 1;
  /** Called when a revision failed in its tier more often than it may. */
  onFailed: (revision: Revision, error: SluiceError) => void = () => {};
  /** Called after each change that was carried out or refused. */
  onChange: (change: ObservedChange) => void = () => {};
  readonly #revisionServices: RevisionServices;
  readonly #listeners = new Set<(event: KernelEvent) => void>();

  constructor(options: {
    version: string;
    ports: KernelPorts;
    registry: ServiceRegistry;
    entries: EntryCounter;
    router: LogRouter;
    configurations: Configurations;
    defaults: KernelDefaults;
    capabilities: readonly Capability[];
    owner: RevisionOwner;
  }) {
    const { ports } = options;
    this.version = options.version;
    this.clock = ports.clock;
    this.store = ports.store;
    this.journal = ports.journal;
    this.leakWatch = ports.leakWatch;
    this.loader = ports.loader;
    this.trust = ports.trust ?? OPEN_GATE;
    this.audit = ports.audit ?? SILENT_AUDIT;
    this.registry = options.registry;
    this.entries = options.entries;
    this.router = options.router;
    this.log = options.router.logger('kernel', options.version);
    this.configurations = options.configurations;
    this.defaults = options.defaults;
    this.capabilities = options.capabilities;
    this.owner = options.owner;
    this.#revisionServices = {
      registry: options.registry,
      clock: ports.clock,
      log: options.router,
      loader: ports.loader,
      leakWatch: ports.leakWatch,
      timers: ports.clock,
      remainingMs: () => (options.entries.current()?.deadline ?? Number.POSITIVE_INFINITY) - ports.clock.monotonic(),
      failed: (revision, error) => this.onFailed(revision, error),
    };
  }

  /** Bundles in install order. */
  inOrder(): readonly Bundle[] {
    return this.bundles.inOrder();
  }

  /** Manifest of a bundle: of the revision being prepared, else of the installed content. */
  manifestOf(symbolicName: string): Manifest | undefined {
    return this.preparing.get(symbolicName) ?? this.bundles.named(symbolicName)[0]?.artifact.manifest;
  }

  /** The running revision behind a resolver key. */
  revisionOf(key: string): Revision | undefined {
    return this.bundles.withKey(key)?.current ?? undefined;
  }

  /** @param fragments what is attached to it, in install order. */
  createRevision(target: Target, fragments: readonly Artifact[] | undefined): Revision {
    const { artifact, bundle, bundleId } = target;
    if (artifact === null) throw new SluiceError('STATE_INVALID', `no content for bundle ${bundleId}`);
    assertTrusted(this.trust, artifact);
    const { manifest, digest, entries } = artifact;
    const source = {
      bundleId,
      symbolicName: manifest.symbolicName,
      version: manifest.versionText,
      revision: nextRevision(bundle),
      digest,
      manifest,
      entries,
      tier: effectiveTier(manifest.isolation, target.tier),
    };
    return new Revision({ ...source, ...withFragments(artifact, fragments), artifact }, this.#revisionServices);
  }

  /** Puts a wiring in force. A fragment has no start that would show whether it resolved. */
  rewire(wiring: Wiring): void {
    this.wiring = wiring;
    for (const bundle of this.inOrder()) {
      if (bundle.isFragment && bundle.current === null) this.passStates(bundle, wiring.has(bundle.key) ? 'RESOLVED' : 'INSTALLED');
    }
  }

  /** Wired packages of a consumer: name to what the provider exports. */
  importsOf(key: string, wiring: Wiring, revisionOf: (key: string) => Revision | undefined): ReadonlyMap<string, () => unknown> {
    const imports = new Map<string, () => unknown>();
    for (const wire of wiring.get(key) ?? []) {
      if (wire.requirement.namespace !== PACKAGE_NAMESPACE) continue;
      imports.set(wire.requirement.name, () => {
        const provider = revisionOf(wire.provider);
        if (provider === undefined) {
          throw new SluiceError(
            'IMPORT_UNAVAILABLE',
            `'${key}' imports '${wire.requirement.name}' from '${wire.provider}', which is not running`,
            {
              details: { consumer: key, provider: wire.provider, package: wire.requirement.name },
              remedy: `Start '${wire.provider}' first.`,
            },
          );
        }
        return provider.exportsOf(wire.requirement.name);
      });
    }
    return imports;
  }

  /**
   * The checked configuration of a bundle, read through the best source visible to the stage.
   * @param pending changes that belong to the change under way.
   */
  async configOf(
    manifest: Manifest,
    stage: Stage | null,
    pending: readonly ConfigurationChange[] = [],
  ): Promise<Readonly<Record<string, unknown>>> {
    if (manifest.config === null) return Object.freeze({});
    const unwritten = (this.journal.view.unwritten ?? []).flatMap(({ changes }) => changes);
    const changes = [...unwritten, ...pending].filter(({ bundle }) => bundle === manifest.symbolicName);
    return this.withConfigSource((source) => this.configurations.load(manifest, source, changes), stage);
  }

  /** Works with the best source of configuration, if there is one. */
  async withConfigSource<R>(work: (source: ConfigSourceService | undefined) => Promise<R>, stage: Stage | null = null): Promise<R> {
    const handle = this.registry.optional(this.owner, ConfigSource, undefined, stage);
    try {
      return await work(handle.reference.get());
    } finally {
      handle.close();
    }
  }

  addBundle(target: Target): Bundle {
    const { artifact, bundleId } = target;
    if (artifact === null) throw new SluiceError('STATE_INVALID', `no content for bundle ${bundleId}`);
    const bundle = new Bundle(bundleId, artifact, {
      autostart: target.autostart,
      startLevel: target.startLevel,
      revision: 1,
      previous: null,
      tier: target.tier,
    });
    this.bundles.add(bundle);
    this.nextBundleId = Math.max(this.nextBundleId, bundleId + 1);
    this.emit('INSTALLED', bundle.symbolicName, bundle.version);
    return bundle;
  }

  removeBundle(bundle: Bundle): void {
    if (bundle.state === 'STOPPING') this.passStates(bundle, 'RESOLVED');
    if (bundle.state === 'RESOLVED') this.passStates(bundle, 'INSTALLED');
    this.passStates(bundle, 'UNINSTALLED');
    this.bundles.delete(bundle);
  }

  /** Moves a bundle through states, telling each. */
  passStates(bundle: Bundle, ...states: readonly BundleState[]): void {
    for (const state of states) {
      const stopped = bundle.state === 'STOPPING' && state === 'RESOLVED';
      if (bundle.state === state) continue;
      bundle.moveTo(state);
      this.emit(stopped ? 'STOPPED' : EVENT_OF_STATE[state], bundle.symbolicName, bundle.version);
    }
  }

  /** Ends a revision and notes what it left behind. */
  async endRevision(revision: Revision): Promise<void> {
    const remains = await revision.end();
    const lines = [...remains.forced, ...remains.undoFailures];
    if (remains.error !== null) lines.unshift(remains.error.message);
    if (lines.length > 0) {
      this.log.warn(`${revision.key} ended, but not cleanly`, { bundle: revision.symbolicName, left: lines });
    }
    this.remains.set(revision.key, lines);
    if (this.remains.size > REMAINS_MAX) this.remains.delete(this.remains.keys().next().value as string);
  }

  /** Verdicts on ended revisions, with what they left behind. */
  verdicts(): Omit<ReleaseVerdict, 'held'>[] {
    return this.leakWatch.verdicts().map(({ bundle, version, revision, collected }) => ({
      bundle,
      version,
      revision,
      collected,
      holders: this.remains.get(`${bundle}@${version}#${revision}`) ?? [],
    }));
  }

  raiseAlarm(problem: ProblemData): void {
    this.alarms.push(problem);
    if (this.alarms.length > 100) this.alarms.shift();
    this.log.error(problem.message, { code: problem.code, details: problem.details });
  }

  /** Called after a change took effect. */
  committed(generation: number): void {
    this.emit('GENERATION', 'framework', String(generation));
  }

  emit(kind: string, subject: string, message: string): void {
    if (this.#listeners.size === 0) return;
    const event = { at: this.clock.now(), kind, subject, message };
    for (const listener of this.#listeners) listener(event);
  }

  listen(listener: (event: KernelEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }
}
