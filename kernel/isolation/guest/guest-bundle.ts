/**
 * The kernel of a guest: runs one revision of one bundle with the real loader, registry, component runtime and scope, over a registry
 * that mirrors the host's. Owns everything on this side of the link; decides nothing about the bundle's life.
 */
import { componentMetadata, isContract, SluiceError, type BundleDefinition, type Contract, type DeclaredReference } from '@sluice/sdk';
import { SystemClock } from '../../host/clock.js';
import { createLoader } from '../../host/loader.js';
import type { LeakWatch, LoadedRevision, Loader } from '../../host/ports.js';
import { LogRouter } from '../../lifecycle/log.js';
import { Revision } from '../../lifecycle/revision.js';
import { parseManifest } from '../../model/index.js';
import { ServiceRegistry } from '../../registry/index.js';
import { factsOf } from '../crossing.js';
import { dataOf } from '../marshal.js';
import { Peer, type IncomingCall } from '../peer.js';
import type { GuestSide, LoadAnswer, LoadOrder, Packet, ServiceChanges } from '../protocol.js';
import { ProvidedServices } from './provided-services.js';
import { RequiredServices } from './required-services.js';

/** Longest wait for an answer of the host. */
const CALL_TIMEOUT_MS = 30_000;

/** The host watches whether revisions are collected; a guest ends with its revision. */
const NO_LEAK_WATCH: LeakWatch = {
  watch: () => undefined,
  verdicts: () => [],
  collect: () => Promise.resolve([]),
  holders: () => Promise.resolve([]),
  close: () => undefined,
};

interface Running {
  readonly revision: Revision;
  readonly definition: BundleDefinition;
  readonly required: RequiredServices;
  readonly provided: ProvidedServices;
}

/** See the head of the file. */
export class GuestBundle implements GuestSide {
  readonly peer: Peer;
  private readonly clock = new SystemClock();
  private readonly log: LogRouter;
  private readonly loader: Loader;
  private readonly registry: ServiceRegistry;
  private running: Running | null = null;
  /** Why a service could not be told to the host. */
  private exportFailure: unknown;

  constructor(private readonly post: (packet: Packet) => void) {
    this.loader = createLoader();
    this.log = new LogRouter(this.clock, (error) => this.loader.mapStack(error));
    this.log.addSink({
      level: () => 'trace',
      write: ({ level, message, fields }) => post({ type: 'log', level, message, fields: { value: dataOf(fields), marked: false } }),
    });
    this.registry = new ServiceRegistry({
      entryGeneration: () => undefined,
      warn: (code, message, details) => this.log.write('warn', 'guest', undefined, message, { code, ...details }),
    });
    this.peer = new Peer({
      send: post,
      serve: (call) => this.serve(call),
      limit: (callback, delayMs) => {
        const timer = this.clock.setTimeout(callback, delayMs);
        return () => timer.cancel();
      },
    });
  }

  private serve(call: IncomingCall): unknown {
    if (call.target.kind === 'service') return this.current().provided.call(call);
    const method = this[call.method as keyof GuestSide] as (...args: readonly unknown[]) => unknown;
    return method.apply(this, call.args as unknown[]);
  }

  async load(order: LoadOrder): Promise<LoadAnswer> {
    const parsed = parseManifest(order.packageJson);
    // The host checked it before it was installed.
    if (!parsed.ok) throw new SluiceError('STATE_INVALID', 'the manifest handed to the guest does not parse');
    const { manifest } = parsed;
    let loaded: LoadedRevision | undefined;
    const { bundleId, revision: number, digest, entries } = order;
    const revision = new Revision(
      { bundleId, symbolicName: manifest.symbolicName, version: manifest.versionText, revision: number, digest, manifest, entries },
      {
        registry: this.registry,
        clock: this.clock,
        log: this.log,
        loader: {
          load: (request) => (loaded = this.loader.load(request)),
          mapStack: (error) => this.loader.mapStack(error),
          settled: () => this.loader.settled(),
        },
        leakWatch: NO_LEAK_WATCH,
        timers: this.clock,
      },
    );
    await revision.load(new Map());
    const definition = (loaded as LoadedRevision).definition;
    const { provides, requires } = contractsOf(definition);
    this.running = {
      revision,
      definition,
      required: new RequiredServices(
        this.registry,
        this.peer,
        requires.map(({ contract }) => contract),
        CALL_TIMEOUT_MS,
      ),
      provided: new ProvidedServices(this.registry, this.peer, manifest.symbolicName, provides, (error) => {
        this.exportFailure ??= error;
        revision.log.error('A service cannot be offered outside its tier', { error });
      }),
    };
    return {
      provides: provides.map(factsOf),
      requires: requires.map(({ contract, range }) => ({ ...factsOf(contract), ...(range === undefined ? {} : { range }) })),
      handsOverState: definition.state !== undefined,
    };
  }

  async start(config: Readonly<Record<string, unknown>>): Promise<void> {
    await this.current().revision.start(null, Object.freeze(config));
    if (this.exportFailure !== undefined) throw this.exportFailure as Error;
  }

  configure(config: Readonly<Record<string, unknown>>): Promise<void> {
    return this.current().revision.changeConfig(Object.freeze(config));
  }

  exportState(stateVersion: number): unknown {
    return this.current().definition.state?.exportState(stateVersion);
  }

  importState(state: unknown, stateVersion: number): void | Promise<void> {
    return this.current().definition.state?.importState(state, stateVersion);
  }

  async end(): Promise<{ left: readonly string[]; error: string | null }> {
    const { revision } = this.current();
    const { undoFailures, forced, error } = await revision.end();
    return { left: [...forced, ...undoFailures], error: error?.message ?? null };
  }

  servicesChanged({ added, changed, removed }: ServiceChanges): void {
    const { required } = this.current();
    // The successor first: what refers to a replaced service never finds none.
    for (const service of added) required.add(service);
    for (const service of changed) required.change(service);
    for (const id of removed) required.remove(id);
  }

  committed(unit: number): void {
    this.current().required.commits.committed(unit);
  }

  /** A fault that no caller gets: told with the place in the bundle's sources. */
  stray(what: string, error: unknown): void {
    const stack = this.loader.mapStack(error);
    if (this.running === null)
      this.post({ type: 'log', level: 'error', message: `${what}: ${stack}`, fields: { value: {}, marked: false } });
    else this.running.revision.log.error(what, { error: stack });
  }

  private current(): Running {
    if (this.running !== null) return this.running;
    throw new SluiceError('STATE_INVALID', 'the guest was used before it loaded a bundle');
  }
}

function contractsOf(definition: BundleDefinition): {
  provides: readonly Contract[];
  requires: readonly { contract: Contract; range: string | undefined }[];
} {
  const components = (definition.components ?? []).map(componentMetadata);
  const declared = (definition.requires ?? []).map((one) =>
    isContract(one)
      ? { contract: one, range: undefined }
      : { contract: (one as DeclaredReference).contract, range: (one as DeclaredReference).range },
  );
  const referenced = components.flatMap(({ references }) => references.map(({ contract, range }) => ({ contract, range })));
  return {
    provides: [...(definition.provides ?? []), ...components.flatMap(({ provides }) => provides)],
    requires: [...declared, ...referenced],
  };
}
