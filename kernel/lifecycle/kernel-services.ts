/**
 * The kernel as a party of the service registry: what it offers to system bundles, and which of their services it follows (log sinks,
 * backup sources, configuration sources).
 */
import {
  BackupSource,
  ChangeObserver,
  ConfigSource,
  Entries,
  Figures,
  Framework,
  ListenSockets,
  LogSink,
  Quiesce,
  type BackupSourceService,
  type ChangeObserverService,
  type ConfigSourceService,
  type DeployOutcome,
  type FiguresService,
  type ListenSocketsService,
  type QuiesceService,
} from '@sluice/sdk';
import { currentRelease } from './desired-state.js';
import type { KernelState } from './kernel-state.js';
import type { ChangeOutcome, Runtime, RuntimeStatus } from './runtime.js';

/** What the services need of the running kernel. */
export interface KernelServicePorts {
  readonly runtime: Runtime;
  readonly phase: () => RuntimeStatus['phase'];
  readonly dataFolder: (name: string) => string;
  /** Filled and emptied as sources come and go. */
  readonly backupSources: Set<BackupSourceService>;
  /** Filled and emptied as whoever takes work in from outside comes and goes. */
  readonly quiescing: Set<QuiesceService>;
  readonly listenSockets: ListenSocketsService;
  readonly figures: FiguresService;
  /** Filled and emptied as observers come and go. */
  readonly changeObservers: Set<ChangeObserverService>;
  /** The configuration of a bundle may have changed. */
  readonly configChanged: (bundle: string) => void;
}

/** Registers the kernel's services and begins to follow. Both last as long as the kernel. */
export function registerKernelServices(state: KernelState, ports: KernelServicePorts): void {
  const { registry, owner, router } = state;
  const { runtime, backupSources } = ports;
  registry.register(owner, Entries, state.entries, {}, null);
  registry.register(
    owner,
    Framework,
    {
      deploy: (artifacts, options) => runtime.deploy(artifacts, options).then(toDeployOutcome),
      uninstall: (name, options) => runtime.uninstall(name, options).then(toDeployOutcome),
      bundles: () => runtime.bundles(),
      phase: ports.phase,
      generation: () => registry.generation,
      release: () => {
        const release = currentRelease(state)?.release;
        return release === undefined ? null : { name: release.name, version: release.version };
      },
      dataFolder: ports.dataFolder,
      manifest: (name) => state.manifestOf(name)?.raw,
    },
    {},
    null,
  );
  registry.track(owner, LogSink, { added: (sink) => router.addSink(sink), removed: (sink) => router.removeSink(sink) }, undefined, null);
  registry.register(owner, ListenSockets, ports.listenSockets, {}, null);
  registry.register(owner, Figures, ports.figures, {}, null);
  registry.track(owner, ChangeObserver, collecting(ports.changeObservers), undefined, null);
  registry.track(owner, BackupSource, collecting(backupSources), undefined, null);
  registry.track(owner, Quiesce, collecting(ports.quiescing), undefined, null);
  followConfigSources(state, ports);
  registry.addListener(({ type, view }) => state.emit(type, view.contractId, `${view.bundle}@${view.bundleVersion} #${view.id}`));
}

function collecting<T>(all: Set<T>): { added(one: T): void; removed(one: T): void } {
  return { added: (one) => void all.add(one), removed: (one) => void all.delete(one) };
}

function followConfigSources({ registry, owner }: KernelState, ports: KernelServicePorts): void {
  const unwatch = new Map<ConfigSourceService, () => void>();
  registry.track(
    owner,
    ConfigSource,
    {
      added: (source) => void unwatch.set(source, source.watch(ports.configChanged)),
      removed: (source) => {
        unwatch.get(source)?.();
        unwatch.delete(source);
      },
    },
    undefined,
    null,
  );
}

function toDeployOutcome(outcome: ChangeOutcome): DeployOutcome {
  return {
    deployId: outcome.deployId,
    outcome: outcome.outcome,
    generation: outcome.generation,
    bundles: outcome.plan.changes.map(({ symbolicName, from, to }) => ({ symbolicName, from, to })),
    onTrial: outcome.onTrial,
    ...(outcome.error === undefined
      ? {}
      : { error: { code: outcome.error.code, message: outcome.error.message, details: outcome.error.details } }),
  };
}
