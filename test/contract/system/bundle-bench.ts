/**
 * Runs one bundle definition against real files and a real (or virtual) clock, with the kernel's own scope and a plain service list.
 * Owned here: just enough of a context for system bundles. Swaps, stages and ranking are the kernel's and are tested there.
 */
import {
  Framework,
  SluiceError,
  type BundleContext,
  type BundleDefinition,
  type Clock,
  type Contract,
  type DeployOptions,
  type DeployOutcome,
  type FrameworkService,
  type Logger,
  type Registration,
  type ServicePublisher,
  type ServiceProperties,
  type ServiceView,
  type TrackerCallbacks,
} from '@sluice/sdk';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ScopeNode } from '@sluice/kernel/lifecycle/scope';

/** One log line of the bundle under test. */
export interface BenchLine {
  readonly level: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

interface Published {
  readonly contract: Contract;
  readonly service: unknown;
  readonly view: ServiceView;
}

/** The surroundings of bundles under test. */
export class BundleBench {
  readonly folder: string;
  readonly log: BenchLine[] = [];
  readonly framework: BenchFramework;
  readonly #clock: Clock;
  readonly #services: Published[] = [];
  readonly #trackers = new Set<{ contract: Contract; callbacks: TrackerCallbacks<any> }>();
  readonly #scopes = new Set<ScopeNode>();
  readonly #waiting = new Set<{ matches: (line: BenchLine) => boolean; found: (line: BenchLine) => void }>();
  #nextId = 1;

  private constructor(folder: string, clock: Clock) {
    this.folder = folder;
    this.#clock = clock;
    this.framework = new BenchFramework(folder);
    this.provide('kernel', Framework, this.framework);
  }

  static async open(clock: Clock): Promise<BundleBench> {
    return new BundleBench(await mkdtemp(join(tmpdir(), 'sluice-bench-')), clock);
  }

  /** Publishes a service in the name of a bundle; the result withdraws it. */
  provide<S>(bundle: string, contract: Contract<S>, service: S, properties: ServiceProperties = {}, bundleVersion = '1.0.0'): Registration {
    const view: ServiceView = {
      id: this.#nextId++,
      contractId: contract.id,
      contractVersion: contract.version,
      bundle,
      bundleVersion,
      ranking: 0,
      properties,
    };
    const published: Published = { contract, service, view };
    this.#services.push(published);
    this.#tell(published, 'added');
    return {
      view,
      setProperties: () => undefined,
      unregister: () => {
        const index = this.#services.indexOf(published);
        if (index === -1) return;
        this.#services.splice(index, 1);
        this.#tell(published, 'removed');
      },
    };
  }

  /** The service of a contract. */
  service<S>(contract: Contract<S>): S {
    const found = this.#services.find((published) => published.contract.id === contract.id);
    if (found === undefined) throw new SluiceError('SERVICE_UNAVAILABLE', `No service of ${contract.id}`);
    return found.service as S;
  }

  /** Activates a bundle. Its scope ends with `stop()` of the result, or with the bench. */
  async start<C>(definition: BundleDefinition<C>, name: string, config: C): Promise<RunningBundle<C>> {
    const scope = new ScopeNode(name);
    this.#scopes.add(scope);
    const stopping = new AbortController();
    const changed: ((config: C) => void | Promise<void>)[] = [];
    const context = this.#context<C>(name, scope, config, stopping.signal, changed);
    await definition.activate?.(context);
    return {
      context,
      reconfigure: async (next) => {
        (context as { config: C }).config = next;
        for (const callback of changed) await callback(next);
      },
      stop: async () => {
        stopping.abort(new SluiceError('BUNDLE_STOPPING', `${name} stops`));
        await definition.deactivate?.(context);
        await scope.close();
        this.#scopes.delete(scope);
      },
    };
  }

  /** Resolves with the first log line, past or future, that matches. */
  logged(matches: (line: BenchLine) => boolean): Promise<BenchLine> {
    const known = this.log.find(matches);
    if (known !== undefined) return Promise.resolve(known);
    return new Promise((found) => this.#waiting.add({ matches, found }));
  }

  async close(): Promise<void> {
    for (const scope of this.#scopes) await scope.close();
    await rm(this.folder, { recursive: true, force: true });
  }

  #tell(published: Published, what: 'added' | 'removed'): void {
    for (const { contract, callbacks } of this.#trackers) {
      if (contract.id === published.contract.id) callbacks[what]?.(published.service, published.view);
    }
  }

  #record(level: string, message: string, fields: Record<string, unknown> = {}): void {
    const line: BenchLine = { level, message, fields };
    this.log.push(line);
    for (const waiting of this.#waiting) {
      if (!waiting.matches(line)) continue;
      this.#waiting.delete(waiting);
      waiting.found(line);
    }
  }

  #logger(): Logger {
    const at = (level: string) => (message: string, fields?: Record<string, unknown>) => this.#record(level, message, fields);
    const logger: Logger = {
      trace: at('trace'),
      debug: at('debug'),
      info: at('info'),
      warn: at('warn'),
      error: at('error'),
      child: () => logger,
    };
    return logger;
  }

  #context<C>(
    name: string,
    scope: ScopeNode,
    config: C,
    signal: AbortSignal,
    changed: ((config: C) => void | Promise<void>)[],
  ): BundleContext<C> {
    const bench = this;
    return {
      bundle: { id: 1, symbolicName: name, version: '1.0.0', revision: 1, digest: '' },
      log: this.#logger(),
      clock: scopedClock(this.#clock, scope),
      signal,
      scope,
      config,
      register(contract, service, properties) {
        const registration = bench.provide(name, contract, service, properties);
        scope.own(`service ${contract.id}`, () => registration.unregister());
        return registration;
      },
      registerFactory: () => {
        throw new Error('not on this bench');
      },
      reference: (contract) => bench.service(contract),
      optional: (contract) => ({ get: () => bench.#services.find((p) => p.contract.id === contract.id)?.service as never }),
      references: () => {
        throw new Error('not on this bench');
      },
      track(contract, callbacks) {
        const tracker = { contract, callbacks };
        bench.#trackers.add(tracker);
        scope.own(`tracker of ${contract.id}`, () => void bench.#trackers.delete(tracker));
        for (const published of bench.#services)
          if (published.contract.id === contract.id) callbacks.added?.(published.service as never, published.view);
      },
      publish<S, P>(contract: Contract<S>, publisher: ServicePublisher<S, P>): void {
        void contract;
        void publisher;
      },
      onConfigChange: (callback) => void changed.push(callback),
      own: (what, undo) => void scope.own(what, undo),
      resource: () => undefined,
      resources: () => [],
    };
  }
}

/** A started bundle. */
export interface RunningBundle<C> {
  readonly context: BundleContext<C>;
  reconfigure(config: C): Promise<void>;
  stop(): Promise<void>;
}

/** The framework service with scripted answers to deploys. */
export class BenchFramework implements FrameworkService {
  readonly deploys: { readonly artifacts: readonly Uint8Array[]; readonly options: DeployOptions }[] = [];
  readonly manifests = new Map<string, Readonly<Record<string, unknown>>>();
  installed: { id: number; symbolicName: string; version: string; state: string; digest: string }[] = [];
  answer: (artifacts: readonly Uint8Array[], options: DeployOptions) => Promise<DeployOutcome> = async (_, options) => ({
    deployId: options.deployId ?? 'd',
    outcome: 'committed',
    generation: 1,
    bundles: [],
  });
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  deploy(artifacts: readonly Uint8Array[], options: DeployOptions): Promise<DeployOutcome> {
    this.deploys.push({ artifacts, options });
    return this.answer(artifacts, options);
  }

  bundles(): typeof this.installed {
    return this.installed;
  }

  dataFolder(name: string): string {
    const folder = join(this.#folder, name);
    mkdirSync(folder, { recursive: true });
    return folder;
  }

  manifest(symbolicName: string): Readonly<Record<string, unknown>> | undefined {
    return this.manifests.get(symbolicName);
  }
}

function scopedClock(clock: Clock, scope: ScopeNode): Clock {
  const owned = (what: string, start: (done: () => void) => { cancel(): void }): { cancel(): void } => {
    const held = { release: () => undefined as void };
    const timer = start(() => held.release());
    held.release = scope.ownQuietly(what, () => timer.cancel()).release;
    return {
      cancel: () => {
        timer.cancel();
        held.release();
      },
    };
  };
  return {
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    sleep: (delayMs, signal) => clock.sleep(delayMs, signal),
    setInterval: (callback, periodMs) => owned(`interval of ${periodMs} ms`, () => clock.setInterval(callback, periodMs)),
    setTimeout: (callback, delayMs) =>
      owned(`timer of ${delayMs} ms`, (done) =>
        clock.setTimeout(() => {
          done();
          callback();
        }, delayMs),
      ),
  };
}

/** Makes a folder for a test. */
export async function makeFolder(path: string): Promise<string> {
  await mkdir(path, { recursive: true });
  return path;
}
