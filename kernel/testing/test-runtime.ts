/**
 * Boots the real engine for a test: real registry, resolver, life cycle, journal semantics; memory store, virtual time unless told
 * otherwise. `stop` checks that every count is back where it was.
 */
import { mkdtempSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  SluiceError,
  type BackupSourceService,
  type Clock,
  type Contract,
  type OptionalReference,
  type ServiceList,
  type ServiceProperties,
} from '@sluice/sdk';
import { readArchive } from '../host/archive.js';
import { writeBackup } from '../host/backup.js';
import { SystemClock } from '../host/clock.js';
import { MemoryJournal } from '../host/journal.js';
import { createLeakWatch } from '../host/leak-watch.js';
import type { HostClock } from '../host/ports.js';
import { recover } from '../host/recovery.js';
import { createSchemaChecker } from '../host/schema-check.js';
import { MemoryStore } from '../host/store.js';
import { sdkGenerations } from '../host/sdk-generations.js';
import { kernelVersion } from '../host/versions.js';
import { KernelRuntime } from '../lifecycle/kernel-runtime.js';
import type { ChangeOptions, ChangeOutcome } from '../lifecycle/runtime.js';
import type { RegistryCounts, RevisionOwner } from '../registry/index.js';
import { kernelCapabilities } from '../resolver/index.js';
import { artifactOf, type TestBundle } from './test-bundle.js';
import { createTestLoader } from './test-loader.js';
import { VirtualClock } from './virtual-clock.js';

/** How to boot. */
export interface TestRuntimeOptions {
  /** Default `virtual`. */
  readonly time?: 'virtual' | 'real';
  /** Default probation after a swap; default 0, so that tests that do not care are confirmed at once. */
  readonly watchMs?: number;
}

/** A bundle of a test, artifact bytes, or the path of an artifact. */
export type Deployable = TestBundle | Uint8Array | string;

const OWNER: RevisionOwner = { bundleId: -1, symbolicName: 'test', version: '0.0.0', revision: 1 };

/** A kernel under test. */
export class TestRuntime {
  readonly kernel: KernelRuntime;
  readonly clock: Clock;
  readonly #folder: string;
  readonly #before: RegistryCounts;
  readonly #handles = new Set<{ close(): void }>();
  readonly #provided = new Set<{ unregister(): void }>();

  private constructor(kernel: KernelRuntime, clock: Clock, folder: string) {
    this.kernel = kernel;
    this.clock = clock;
    this.#folder = folder;
    this.#before = kernel.state.registry.counts();
  }

  /** Boots an empty kernel. */
  static async boot(options: TestRuntimeOptions = {}): Promise<TestRuntime> {
    const clock: HostClock = options.time === 'real' ? new SystemClock() : new VirtualClock();
    const folder = mkdtempSync(join(tmpdir(), 'sluice-test-'));
    const journal = new MemoryJournal();
    const kernel = new KernelRuntime({
      version: kernelVersion(),
      sdkVersions: sdkGenerations().map((one) => one.version),
      ports: { clock, store: new MemoryStore(), journal, loader: createTestLoader(), leakWatch: createLeakWatch() },
      readArchive,
      checkSchema: createSchemaChecker(),
      dataFolder: (name) => {
        const path = join(folder, name);
        mkdirSync(path, { recursive: true });
        return path;
      },
      writeBackup: (target: string, sources: readonly BackupSourceService[]) => writeBackup(folder, target, sources),
      watchMs: options.watchMs ?? 0,
    });
    await kernel.boot(recover(journal.view, { now: clock.now(), hasBlob: () => true, pointer: null }));
    return new TestRuntime(kernel, clock, folder);
  }

  /** The clock of a runtime in virtual time. */
  get virtual(): VirtualClock {
    if (this.clock instanceof VirtualClock) return this.clock;
    throw new SluiceError('TEST_REAL_TIME', 'This test runtime runs on real time', { remedy: `Boot it with { time: 'virtual' }.` });
  }

  /** Deploys and expects it to be committed; throws the refusal otherwise. */
  async deploy(...bundles: readonly Deployable[]): Promise<ChangeOutcome> {
    const outcome = await this.tryDeploy(bundles);
    if (outcome.outcome === 'committed') return outcome;
    const { error } = outcome;
    throw new SluiceError(error?.code ?? 'TEST_DEPLOY_REFUSED', error?.message ?? 'the deploy was refused', {
      details: { ...error?.details },
    });
  }

  /** Deploys and returns the outcome, whatever it is. */
  tryDeploy(bundles: readonly Deployable[], options: Partial<ChangeOptions> = {}): Promise<ChangeOutcome> {
    return this.kernel.deploy(bundles.map(bytesOf), { actor: 'test', ...options });
  }

  /** A live reference to a service, as a consumer outside any bundle has it. */
  service<S>(contract: Contract<S>, filter?: string): S {
    const handle = this.kernel.state.registry.reference(OWNER, contract, filter === undefined ? undefined : { filter }, null);
    this.#handles.add(handle);
    return handle.service;
  }

  /** Like {@link service}, for one that may be absent. */
  optional<S>(contract: Contract<S>): OptionalReference<S> {
    const handle = this.kernel.state.registry.optional(OWNER, contract, undefined, null);
    this.#handles.add(handle);
    return handle.reference;
  }

  /** All services of a contract. */
  services<S>(contract: Contract<S>): ServiceList<S> {
    const handle = this.kernel.state.registry.list(OWNER, contract, undefined, null);
    this.#handles.add(handle);
    return handle.list;
  }

  /** Registers a stand-in of the test, as if the kernel offered it: bundles that require its contract resolve. Returns its undo. */
  provide<S>(contract: Contract<S>, service: S, properties: ServiceProperties = {}): () => void {
    const { state } = this.kernel;
    const registration = state.registry.register(OWNER, contract, service, properties, null);
    const offered = kernelCapabilities([contract]);
    state.capabilities = [...state.capabilities, ...offered];
    this.#provided.add(registration);
    return () => {
      this.#provided.delete(registration);
      state.capabilities = state.capabilities.filter((capability) => !offered.includes(capability));
      registration.unregister();
    };
  }

  /** Runs code as an entry of a bundle, as a request would. */
  async entry<T>(bundle: string, code: () => Promise<T>): Promise<T> {
    const entry = this.kernel.state.entries.begin('request', bundle, '0.0.0');
    let failed = true;
    try {
      const result = await entry.run(code);
      failed = false;
      return result;
    } finally {
      entry.end({ failed });
    }
  }

  /**
   * Stops everything.
   * @throws SluiceError `TEST_LEAK` when services, references, trackers, timers or entries are left over.
   */
  async stop(): Promise<void> {
    for (const handle of this.#handles) handle.close();
    for (const provided of this.#provided) provided.unregister();
    const { state } = this.kernel;
    await this.kernel.shutdown();
    const after = state.registry.counts();
    const leaks = Object.entries(after).filter(([name, count]) => count > (this.#before[name as keyof RegistryCounts] ?? 0));
    const lines = leaks.map(([name, count]) => `${name}: ${count}, was ${this.#before[name as keyof RegistryCounts]}`);
    if (this.clock instanceof VirtualClock && this.clock.pending > 0) lines.push(`timers: ${this.clock.pending}`);
    if (state.entries.total > 0) lines.push(`entries: ${state.entries.total}`);
    rmSync(this.#folder, { recursive: true, force: true });
    if (lines.length > 0)
      throw new SluiceError('TEST_LEAK', `After the stop something is left over: ${lines.join('; ')}`, { details: { lines } });
  }
}

function bytesOf(deployable: Deployable): Uint8Array {
  if (typeof deployable === 'string') return readFileSync(deployable);
  if (deployable instanceof Uint8Array) return deployable;
  return artifactOf(deployable);
}
