/**
 * Services of the kernel itself, for system bundles: entries into the system, log records, configuration sources, deploying.
 * A business bundle never needs these; the manifest must ask for each in `permissions.kernel`.
 */
import { localContract } from './contract.js';
import type { LogLevel } from './host.js';

/** What counts as an entry: the kernel drains a revision by waiting for the entries that can reach it. */
export type EntryKind = 'request' | 'event' | 'job' | 'timer' | 'connection';

/** An entry that has begun. It sees one generation of services from begin to end. */
export interface Entry {
  readonly generation: number;
  /** Milliseconds on the monotonic clock at which the entry must be over; Infinity when unlimited. */
  readonly deadline: number;
  /** Runs code inside the entry (async context). */
  run<T>(code: () => T): T;
  /** Ends the entry. Must be called exactly once. `failed` feeds the probation watch of the bundle that served it. */
  end(outcome?: { readonly failed?: boolean; readonly durationMs?: number }): void;
}

/** Begins entries. */
export interface EntriesService {
  /** @param bundle symbolic name of the bundle whose code the entry runs; @param version its version. */
  begin(kind: EntryKind, bundle: string, version: string, timeoutMs?: number): Entry;
  /** Number of the current generation. */
  generation(): number;
  /** The entry this code runs in, if any. */
  current(): { readonly generation: number; readonly deadline: number } | undefined;
}

/** Contract of the kernel's entry service. */
export const Entries = localContract<EntriesService>('sluice.kernel.Entries', '1.0.0', ['begin', 'generation', 'current']);

/** One log record on its way to the sinks. */
export interface LogRecord {
  readonly at: number;
  readonly level: LogLevel;
  /** Symbolic name of the bundle, or `kernel`. */
  readonly source: string;
  readonly version?: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Whiteboard contract: receives every log record of the system. */
export interface LogSinkService {
  write(record: LogRecord): void;
  /** Lowest level wanted from a source. */
  level(source: string): LogLevel;
}

/** Contract of log sinks. */
export const LogSink = localContract<LogSinkService>('sluice.kernel.LogSink', '1.0.0', []);

/** Where a configuration value came from. */
export type ConfigLayer = 'shipped' | 'operator' | 'runtime' | 'plugin';

/** The values of one layer. */
export interface ConfigLayerValues {
  readonly layer: ConfigLayer;
  /** As the bundle gets them: references to secrets are resolved. */
  readonly values: Readonly<Record<string, unknown>>;
  /** As they are kept and may be shown: `{ "$env": ... }` and `{ "$file": ... }` as written, `{ "$plugin": ... }`. Absent when nothing was resolved. */
  readonly stored?: Readonly<Record<string, unknown>>;
}

/** Supplies the operator and run-time layers of configuration. The kernel merges, checks and hands the result to bundles. */
export interface ConfigSourceService {
  /** Values of a bundle by key, best layer last. With a version, what is meant for that version alone takes the place of what is meant for all. */
  layers(bundle: string, version?: string): Promise<readonly ConfigLayerValues[]>;
  /** Calls back after the values of a bundle may have changed. Returns the undo. */
  watch(changed: (bundle: string) => void): () => void;
  /** Writes run-time values (undefined removes one) after the kernel has checked them. */
  set(bundle: string, values: Readonly<Record<string, unknown>>, actor: string): Promise<void>;
  history(bundle: string): Promise<readonly ConfigChange[]>;
  /** Values with their references to secrets resolved, so that they can be checked before they are set. */
  resolve?(bundle: string, values: Readonly<Record<string, unknown>>): Promise<Readonly<Record<string, unknown>>>;
}

/** One recorded change of configuration. Secrets appear as `***`. */
export interface ConfigChange {
  readonly at: number;
  readonly actor: string;
  readonly key: string;
  readonly layer: ConfigLayer;
  readonly before: unknown;
  readonly after: unknown;
}

/** Contract of configuration sources; the best ranked one is used. */
export const ConfigSource = localContract<ConfigSourceService>('sluice.kernel.ConfigSource', '1.0.0', [
  'layers',
  'watch',
  'set',
  'history',
  'resolve',
]);

/** What a deploy may be asked to do besides the default. */
export interface DeployOptions {
  /** Name of whoever asked; for the journal. */
  readonly actor: string;
  /** Probation in milliseconds after the switch; 0 confirms at once. Default: 30,000. */
  readonly watchMs?: number;
  /** Longest drain of the old revision. Default: the manifest's `drainTimeoutMs`. */
  readonly drainMs?: number;
  /** Signature files of the artifacts, see `sluice sign`. */
  readonly signatures?: readonly Uint8Array[];
  /** Only compute the plan. */
  readonly dryRun?: boolean;
  /** Client-made id: the same id again gives the same answer. */
  readonly deployId?: string;
  /** Generation the plan was made against; a later one refuses with `GENERATION_CONFLICT`. */
  readonly baseGeneration?: number;
}

/** Outcome of a deploy as data. */
export interface DeployOutcome {
  readonly deployId: string;
  readonly outcome: 'committed' | 'refused' | 'rolled-back' | 'planned';
  readonly generation: number;
  readonly bundles: readonly { readonly symbolicName: string; readonly from: string | null; readonly to: string | null }[];
  /** True while the new revisions are on probation and may still be taken back. A kernel of an earlier minor version does not tell. */
  readonly onTrial?: boolean;
  /** Why it was refused or rolled back. */
  readonly error?: { readonly code: string; readonly message: string; readonly details: Readonly<Record<string, unknown>> };
}

/** The running kernel, for bundles that deploy (the folder watcher) or diagnose. */
export interface FrameworkService {
  /** Installs or swaps artifacts in one plan. */
  deploy(artifacts: readonly Uint8Array[], options: DeployOptions): Promise<DeployOutcome>;
  /** Uninstalls a bundle by its symbolic name. A kernel of an earlier minor version has no such method. */
  uninstall?(symbolicName: string, options: Pick<DeployOptions, 'actor' | 'deployId'>): Promise<DeployOutcome>;
  /** Installed bundles. */
  bundles(): readonly {
    readonly id: number;
    readonly symbolicName: string;
    readonly version: string;
    readonly state: string;
    readonly digest: string;
  }[];
  /**
   * `starting` until every bundle of the desired state was brought up, `stopping` from the begin of the shutdown. What is not served yet
   * is not unknown: answer "try again" until it is `running`. A kernel of an earlier minor version has no such method.
   */
  phase?(): 'starting' | 'running' | 'stopping';
  /** Number of the current generation: of the last committed change. A kernel of an earlier minor version has no such method. */
  generation?(): number;
  /** The release in force; null when none was deployed. A kernel of an earlier minor version has no such method. */
  release?(): { readonly name: string; readonly version: string } | null;
  /** Folder of the running kernel's data, for bundles that keep files: `<data>/<name>` is made on demand. */
  dataFolder(name: string): string;
  /** Manifest of an installed bundle, as checked. */
  manifest(symbolicName: string): Readonly<Record<string, unknown>> | undefined;
}

/** Contract of the framework service. */
export const Framework = localContract<FrameworkService>('sluice.kernel.Framework', '1.0.0', [
  'deploy',
  'uninstall',
  'bundles',
  'phase',
  'generation',
  'release',
  'dataFolder',
  'manifest',
]);

/** Whiteboard service: something whose data belongs in a backup of the running system. */
export interface BackupSourceService {
  /** Name of the part: its folder in the backup and, after a restore, in the data folder, where `Framework.dataFolder(name)` finds it. */
  readonly name: string;
  /**
   * Writes a consistent copy into an existing, empty folder while the system serves. Throws when it cannot; answers where the copy is made
   * when that is not here, such as beside a database server.
   */
  backup(targetFolder: string): Promise<BackupElsewhere | void>;
}

/** A part that a backup of the system does not hold. */
export interface BackupElsewhere {
  /** A sentence that tells the operator how this part is copied and restored. */
  readonly elsewhere: string;
}

/** Whiteboard contract of backup sources. */
export const BackupSource = localContract<BackupSourceService>('sluice.kernel.BackupSource', '1.0.0', []);

/**
 * Whiteboard service: takes work in from outside and can stop doing so. Asked once when the kernel ends in order, before any bundle is
 * stopped: what was begun is still served by all of them.
 */
export interface QuiesceService {
  /**
   * Takes no new work and resolves when what was begun has ended.
   * @param options.lameDuckMs how long new work is still taken, with each client told to go elsewhere.
   */
  quiesce(options: { readonly lameDuckMs: number }): Promise<void>;
}

/** Whiteboard contract of what can be quiesced. */
export const Quiesce = localContract<QuiesceService>('sluice.kernel.Quiesce', '1.0.0', []);

/** Listening sockets that outlive the process: they belong to a supervisor or to systemd, and wait there while a kernel is replaced. */
export interface ListenSocketsService {
  /**
   * The socket for an address, for `net.Server.listen()`; null when nobody keeps sockets for this process and it opens its own.
   * @throws SluiceError `LISTEN_FAILED` when the supervisor cannot open it.
   */
  take(host: string, port: number): Promise<object | null>;
}

/** Contract of the kernel's source of listening sockets. */
export const ListenSockets = localContract<ListenSocketsService>('sluice.kernel.ListenSockets', '1.0.0', ['take']);
