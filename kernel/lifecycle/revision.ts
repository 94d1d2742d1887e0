/**
 * One revision of a bundle: from verified bytes to running code and back to nothing.
 * Owns its scope, its class space and its component runtime. Leaves when it becomes visible to the registry's stage, and when it
 * starts or ends to the change runner. Always holds: `end` undoes everything, whatever state the start was left in.
 */
import { deserialize, serialize } from 'node:v8';
import { isBundleDefinition, isSluiceError, messageOf, SluiceError, type Clock, type Logger } from '@sluice/sdk';
import { ComponentRuntime, type ComponentDescription } from '../component/index.js';
import type { GuestOrder, LeakWatch, LoadedRevision, Loader, RevisionHooks } from '../host/ports.js';
import type { Manifest, Tier } from '../model/index.js';
import type { RevisionOwner, ServiceRegistry, Stage } from '../registry/index.js';
import type { Artifact } from './bundle.js';
import { RevisionContext, type ContextHost } from './context.js';
import { withLimit } from './limit.js';
import type { LogRouter } from './log.js';
import { ScopeNode } from './scope.js';

/** What every revision of a kernel shares. */
export interface RevisionServices {
  readonly registry: ServiceRegistry;
  readonly clock: Clock;
  readonly log: LogRouter;
  readonly loader: Loader;
  readonly leakWatch: LeakWatch;
  readonly timers: RevisionHooks['timers'];
  /** Time the running entry has left, milliseconds. */
  readonly remainingMs?: () => number;
  /** A revision failed in its tier more often than it may. */
  readonly failed?: (revision: Revision, error: SluiceError) => void;
}

/** Identity and content of a revision. */
export interface RevisionSource extends RevisionOwner {
  readonly digest: string;
  readonly manifest: Manifest;
  readonly entries: ReadonlyMap<string, Uint8Array>;
  /** Default `inline`. */
  readonly tier?: Tier;
  /** The installed content, where manifest and entries have what fragments add besides. */
  readonly artifact?: Artifact;
}

/** What was left over when a revision ended. */
export interface RevisionRemains {
  /** Scope entries whose undo threw. */
  readonly undoFailures: readonly string[];
  /** Things the registry or the class space still held and gave up by force. */
  readonly forced: readonly string[];
  /** The deactivator's error, when it failed or ran out of time. */
  readonly error: SluiceError | null;
}

/** State on its way from one revision to the next. */
interface HandedState {
  readonly bytes: Uint8Array;
  readonly stateVersion: number;
}

type ConfigCallback = (config: Readonly<Record<string, unknown>>) => void | Promise<void>;

/** A revision. */
export class Revision implements ContextHost {
  readonly bundleId: number;
  readonly symbolicName: string;
  readonly version: string;
  readonly revision: number;
  /** `name@version#revision`, the key of resolver and reports. */
  readonly key: string;
  readonly digest: string;
  readonly manifest: Manifest;
  readonly entries: ReadonlyMap<string, Uint8Array>;
  readonly tier: Tier;
  readonly artifact: Artifact;
  readonly registry: ServiceRegistry;
  readonly clock: Clock;
  readonly log: Logger;
  readonly scope: ScopeNode;
  readonly #services: RevisionServices;
  // Made on demand: most revisions of a large system use neither, and an AbortController costs 10 us.
  #configCallbacks: Set<ConfigCallback> | null = null;
  #abort: AbortController | null = null;
  #aborted = false;
  stage: Stage | null = null;
  config: Readonly<Record<string, unknown>> = Object.freeze({});
  #loaded: LoadedRevision | null = null;
  #components: ComponentRuntime | null = null;
  #context: RevisionContext | null = null;
  #activated = false;
  #componentsBuilt = 0;
  #ending: Promise<RevisionRemains> | null = null;

  constructor(source: RevisionSource, services: RevisionServices) {
    this.bundleId = source.bundleId;
    this.symbolicName = source.symbolicName;
    this.version = source.version;
    this.revision = source.revision;
    this.key = `${source.symbolicName}@${source.version}#${source.revision}`;
    this.digest = source.digest;
    this.manifest = source.manifest;
    this.entries = source.entries;
    this.tier = source.tier ?? 'inline';
    this.artifact = source.artifact ?? { digest: source.digest, manifest: source.manifest, entries: source.entries };
    this.#services = services;
    this.registry = services.registry;
    this.clock = services.clock;
    this.log = services.log.logger(source.symbolicName, source.version);
    this.scope = new ScopeNode(this.key);
  }

  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    if (this.#aborted && !this.#abort.signal.aborted) this.#abort.abort(this.#stoppingError());
    return this.#abort.signal;
  }

  get configCallbacks(): Set<ConfigCallback> {
    return (this.#configCallbacks ??= new Set());
  }

  #stoppingError(): SluiceError {
    return new SluiceError('BUNDLE_STOPPING', `${this.key} is stopping`);
  }

  /**
   * Evaluates the bundle's code. Nothing of it runs but its module bodies.
   * @param imports wired packages by name.
   */
  async load(imports: ReadonlyMap<string, () => unknown>): Promise<void> {
    await this.#limited('evaluating its code', this.manifest.startTimeoutMs, () => this.#load(imports));
  }

  #load(imports: ReadonlyMap<string, () => unknown>): void {
    const loaded = this.#services.loader.load({
      entries: this.entries,
      manifest: this.manifest,
      digest: this.digest,
      revision: this.revision,
      imports,
      hooks: {
        timers: this.#services.timers,
        timerFailed: (error) => this.log.error('A timer callback failed', { error: this.#services.loader.mapStack(error) }),
        print: (level, message) => this.#services.log.write(level, this.symbolicName, this.version, message, {}),
        ...(this.#services.remainingMs === undefined ? {} : { remainingMs: this.#services.remainingMs }),
        failed: (error) => this.#services.failed?.(this, error),
      },
      ...(this.tier === 'inline' ? {} : { guest: this.#guestOrder(this.tier) }),
    });
    if (!isBundleDefinition(loaded.definition)) {
      loaded.close();
      throw new SluiceError('BUNDLE_EXPORT_INVALID', `'${this.symbolicName}' ${this.version} does not export a bundle definition`, {
        details: { bundle: this.symbolicName, version: this.version },
        remedy: 'End the entry file with: export default defineBundle({ ... });',
      });
    }
    this.#loaded = loaded;
  }

  #guestOrder(tier: Exclude<Tier, 'inline'>): GuestOrder {
    const { raw: packageJson, stopTimeoutMs } = this.manifest;
    return { tier, bundleId: this.bundleId, packageJson, stopTimeoutMs };
  }

  /** What the revision exports under a package name. */
  exportsOf(packageName: string): unknown {
    return this.#loaded?.exportsOf(packageName);
  }

  /** Runs the activator, then the components, registering into the stage. Throws what went wrong first; `end` cleans up. */
  async start(stage: Stage | null, config: Readonly<Record<string, unknown>>): Promise<void> {
    const loaded = this.#loaded;
    if (loaded === null) throw new SluiceError('REVISION_NOT_LOADED', `${this.key} was started before it was loaded`);
    this.stage = stage;
    this.config = config;
    this.#context = new RevisionContext(this, this.scope, this.log);
    const { definition } = loaded;
    try {
      if (definition.activate !== undefined) {
        const context = this.#context;
        await this.#limited('activate', this.manifest.startTimeoutMs, () => definition.activate?.(context));
      }
      this.#activated = true;
      if (definition.components !== undefined && definition.components.length > 0) {
        this.#components = this.#createComponents(loaded, stage);
        await this.#components.start();
      }
    } catch (error) {
      throw this.#startError(error);
    }
  }

  /** The bundle's own error with the bundle's name, and a stack in its sources. */
  #startError(error: unknown): SluiceError {
    if (isSluiceError(error)) return error;
    const stack = this.#services.loader.mapStack(error).split('\n').slice(0, 8);
    return new SluiceError('ACTIVATE_FAILED', `'${this.symbolicName}' ${this.version} failed to start: ${messageOf(error)}`, {
      cause: error,
      details: { bundle: this.symbolicName, version: this.version, stack },
      remedy: 'The stack names the line; mend it and deploy again.',
    });
  }

  #createComponents(loaded: LoadedRevision, stage: Stage | null): ComponentRuntime {
    return new ComponentRuntime({
      owner: this,
      registry: this.registry,
      stage,
      container: loaded.container,
      components: loaded.definition.components ?? [],
      config: this.config,
      activateTimeoutMs: this.manifest.startTimeoutMs,
      deactivateTimeoutMs: this.manifest.stopTimeoutMs,
      createContext: (name, config) => {
        const scope = this.scope.child(`component ${name}`);
        const origin = { name, id: ++this.#componentsBuilt };
        return {
          context: new RevisionContext(this, scope, this.log.child({ component: name }), origin, config),
          close: () => scope.close(),
        };
      },
      limit: (activity, limitMs, work) => this.#limited(activity, limitMs, work),
      warn: (code, message, details) => this.log.warn(message, { code, ...details }),
    });
  }

  /** The stage was committed: what was registered is visible now. */
  committed(): void {
    this.stage = null;
    this.#components?.commit();
  }

  /**
   * State for the next revision, in the newest form that both know; undefined when one of the two hands none over.
   * @throws SluiceError `STATE_NOT_CLONEABLE`, `STATE_TOO_LARGE`, `TIME_LIMIT`, or what the bundle threw.
   */
  async exportState(next: Manifest): Promise<HandedState | undefined> {
    const handover = this.#loaded?.definition.state;
    if (handover === undefined || this.manifest.stateVersion === null || next.stateVersion === null) return undefined;
    // On the way back to an older version, what hands over is the newer one: it is asked for a form that the older one knows.
    const stateVersion = Math.min(this.manifest.stateVersion, next.stateVersion);
    const state = await this.#limited('exportState', STATE_TIMEOUT_MS, () => handover.exportState(stateVersion));
    return { bytes: this.#serialised(state, stateVersion), stateVersion };
  }

  /** A copy in bytes: what the new revision gets shares no object with the old one, and its size is known. */
  #serialised(state: unknown, stateVersion: number): Uint8Array {
    let bytes: Uint8Array;
    try {
      bytes = serialize(state);
    } catch (cause) {
      throw new SluiceError(
        'STATE_NOT_CLONEABLE',
        `The state of '${this.symbolicName}' ${this.version} cannot be copied: ${messageOf(cause)}`,
        {
          cause,
          details: { bundle: this.symbolicName, version: this.version, stateVersion },
          remedy: 'Return plain data from exportState: no functions, no class instances with private state.',
          httpStatus: 422,
        },
      );
    }
    if (bytes.byteLength <= STATE_BYTES_MAX) return bytes;
    throw new SluiceError(
      'STATE_TOO_LARGE',
      `The state of '${this.symbolicName}' ${this.version} takes ${bytes.byteLength} bytes, at most ${STATE_BYTES_MAX} are handed over`,
      {
        details: { bundle: this.symbolicName, version: this.version, stateVersion, bytes: bytes.byteLength, bytesMax: STATE_BYTES_MAX },
        remedy: 'Keep data that grows in the database and hand over only what cannot be read again.',
        httpStatus: 422,
      },
    );
  }

  /** Takes over the state of the revision before. Throws when the bundle refuses it: the swap is refused then. */
  async importState({ bytes, stateVersion }: HandedState): Promise<void> {
    const handover = this.#loaded?.definition.state;
    if (handover === undefined) return;
    try {
      await this.#limited('importState', STATE_TIMEOUT_MS, () => handover.importState(deserialize(bytes), stateVersion));
    } catch (error) {
      throw this.#startError(error);
    }
  }

  /** Hands a checked configuration to the callbacks and components. Throws when the bundle refuses it; who had taken it gets the old one back. */
  async changeConfig(config: Readonly<Record<string, unknown>>): Promise<void> {
    const before = this.config;
    const taken: ConfigCallback[] = [];
    this.config = config;
    try {
      for (const callback of [...(this.#configCallbacks ?? [])]) {
        await this.#handOver(callback, config);
        taken.push(callback);
      }
      await this.#components?.configChanged(config);
    } catch (error) {
      this.config = before;
      for (const callback of taken.reverse()) {
        await this.#handOver(callback, before).catch((cause: unknown) =>
          this.log.warn('The configuration before a refused change was refused as well', { error: cause }),
        );
      }
      throw error;
    }
  }

  #handOver(callback: ConfigCallback, config: Readonly<Record<string, unknown>>): Promise<void> {
    return this.#limited('onConfigChange', this.manifest.startTimeoutMs, () => callback(config));
  }

  /** Timers that its code set without a context. */
  pending(): readonly string[] {
    return this.#loaded?.pending() ?? [];
  }

  /** True when it has components, whatever their state. */
  get hasComponents(): boolean {
    return this.#components !== null;
  }

  /** Components with their state, for `inspect` and `why`. */
  components(): readonly ComponentDescription[] {
    return this.#components?.describe() ?? [];
  }

  /**
   * Ends the revision: components, deactivator (time limit), then everything the scope owns, then what the registry still holds.
   * Idempotent. Never throws: a failing stop still ends stopped, with the reason in the result.
   */
  end(): Promise<RevisionRemains> {
    this.#ending ??= this.#end();
    return this.#ending;
  }

  async #end(): Promise<RevisionRemains> {
    let error: SluiceError | null = null;
    const note = (cause: unknown): void => {
      error ??=
        cause instanceof SluiceError
          ? cause
          : new SluiceError('DEACTIVATE_FAILED', messageOf(cause), { cause, details: { bundle: this.symbolicName } });
    };
    this.#aborted = true;
    this.#abort?.abort(this.#stoppingError());
    try {
      await this.#components?.stop();
    } catch (cause) {
      note(cause);
    }
    const definition = this.#loaded?.definition;
    const context = this.#context;
    if (this.#activated && definition?.deactivate !== undefined && context !== null) {
      try {
        await this.#limited('deactivate', this.manifest.stopTimeoutMs, () => definition.deactivate?.(context));
      } catch (cause) {
        note(cause);
      }
    }
    await this.#closeScope(note);
    const forced = [...this.registry.forget(this), ...(this.#loaded?.pending() ?? [])];
    this.#release();
    const undoFailures = this.scope.failures.map((failure) => `${failure.what}: ${failure.message}`);
    return { undoFailures, forced, error };
  }

  async #closeScope(note: (cause: unknown) => void): Promise<void> {
    try {
      await this.#limited('closing its scope', this.manifest.stopTimeoutMs, () => this.scope.close());
    } catch (cause) {
      note(cause);
    }
  }

  /** Drops every strong reference to code of the bundle and begins to watch whether it is collected. */
  #release(): void {
    const loaded = this.#loaded;
    if (loaded === null) return;
    const { marker, markerName } = loaded;
    loaded.close();
    this.#services.leakWatch.watch({ bundle: this.symbolicName, version: this.version, revision: this.revision }, marker, markerName);
    this.#loaded = null;
    this.#components = null;
    this.#context = null;
    this.#configCallbacks = null;
    // Its listeners are the bundle's; and the stack of its reason holds the change that ended this revision, which holds the next one.
    this.#abort = null;
  }

  #limited<T>(activity: string, limitMs: number, work: () => T | Promise<T>): Promise<T> {
    return withLimit(this.clock, { bundle: this.symbolicName, version: this.version, activity }, limitMs, work);
  }
}

/** A hand-over that takes longer is a migration and belongs into the database. */
const STATE_TIMEOUT_MS = 1_000;
/** Largest state that is handed over, serialised. */
const STATE_BYTES_MAX = 1024 * 1024;
