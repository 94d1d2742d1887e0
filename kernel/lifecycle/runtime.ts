/**
 * What the running kernel can be asked to do: the one interface behind the admin protocol, the folder watcher and the test kit.
 * Implemented by `KernelRuntime`; everything here is plain data so that it can cross a socket.
 */
import type { SystemFigures } from '@sluice/sdk';
import type { BundleState, DiagnosisFile, Mistake, Release, Tier } from '../model/index.js';

export type { BundleFigures, SystemFigures } from '@sluice/sdk';
export type { DiagnosisFile } from '../model/index.js';

/** Options common to every change. */
export interface ChangeOptions {
  /** Who asked; recorded in the journal. */
  readonly actor: string;
  /** Signature files that came with the artifacts. */
  readonly signatures?: readonly Uint8Array[];
  /** Take a lower version than the one it replaces. */
  readonly allowDowngrade?: boolean;
  /** Let a version in that asks for more permissions than the one it replaces. */
  readonly grantPermissions?: boolean;
  /** Compute and return the plan, change nothing. */
  readonly dryRun?: boolean;
  /** Client-made id: the same id again returns the recorded outcome. */
  readonly deployId?: string;
  /** Refuse with GENERATION_CONFLICT when the current generation is another. */
  readonly baseGeneration?: number;
  /** Probation after the switch in milliseconds; 0 confirms at once. */
  readonly watchMs?: number;
  /** Longest drain in milliseconds. */
  readonly drainMs?: number;
  /** Makes a deploy temporary: it is taken back when it is not confirmed within this time after the switch. In place of `watchMs`. */
  readonly confirmWithinMs?: number;
  /** Isolation tier to run in from now on; refused when weaker than a manifest asks for. Default: as it was, at first as the manifest says. */
  readonly tier?: Tier;
  /** Receives progress of long work. */
  readonly progress?: (event: ProgressEvent) => void;
}

/** One step of a change as it happens. `phase` is one of the steps of the swap protocol. */
export interface ProgressEvent {
  readonly phase:
    | 'stage'
    | 'verify'
    | 'journal'
    | 'resolve'
    | 'load'
    | 'start'
    | 'probe'
    | 'commit'
    | 'switch'
    | 'drain'
    | 'probation'
    | 'release'
    | 'done'
    | 'abort'
    | 'rollback';
  readonly at: number;
  readonly bundle?: string;
  readonly message: string;
}

/** A running bundle that loses a service it needs. */
export interface UnservedBundle {
  readonly bundle: string;
  readonly contract: string;
  /** Symbolic name of the bundle that provides it until then. */
  readonly provider: string;
}

/** What a change would do, as data: the blast radius. */
export interface ChangePlan {
  readonly generation: number;
  readonly changes: readonly {
    readonly symbolicName: string;
    readonly action: 'install' | 'swap' | 'start' | 'stop' | 'uninstall' | 'nothing';
    readonly from: string | null;
    readonly to: string | null;
    /** Isolation tier afterwards; null when uninstalled, or not recorded. */
    readonly tier: Tier | null;
  }[];
  /** Bundles whose references will point to another revision, without being restarted. */
  readonly rebinds: readonly string[];
  /** Bundles with components that are built anew because of a static reference. */
  readonly restarts: readonly string[];
  /** Routes added, removed, or served by another revision. */
  readonly routes: readonly { readonly mount: string; readonly from: string | null; readonly to: string | null }[];
  readonly problems: readonly ProblemData[];
  /** Running bundles that lose a service they need, with nobody else to provide it. Absent when there are none. */
  readonly unserved?: readonly UnservedBundle[];
  /** What changes in provided contracts. Absent when nothing does. */
  readonly contracts?: readonly ContractChange[];
  /** Configuration values a release sets. Absent when there are none. */
  readonly configuration?: readonly ConfigurationDifference[];
  /** Migrations that run with the change. Absent when there are none. */
  readonly migrations?: readonly { readonly bundle: string; readonly name: string; readonly phase: 'expand' | 'contract' }[];
}

/** What changes in one provided contract. `from` null: is new; `to` null: is no longer provided. */
export interface ContractChange {
  readonly bundle: string;
  readonly contract: string;
  readonly from: string | null;
  readonly to: string | null;
  readonly members: readonly {
    readonly member: string;
    readonly kind: 'added' | 'removed' | 'changed';
    readonly breaking: boolean;
    readonly text: string;
  }[];
}

/** One configuration value that a release changes. Absent `before` or `after`: not set at run time. Secrets appear as `***`. */
export interface ConfigurationDifference {
  readonly bundle: string;
  readonly key: string;
  readonly before?: unknown;
  readonly after?: unknown;
}

/** A failure as data. */
export interface ProblemData {
  readonly code: string;
  readonly message: string;
  readonly remedy?: string;
  readonly details: Readonly<Record<string, unknown>>;
}

/** The verdict on one replaced revision. */
export interface ReleaseVerdict {
  readonly bundle: string;
  readonly version: string;
  readonly revision: number;
  readonly collected: 'yes' | 'no' | 'pending';
  /** What the scope still held when it was closed by force, and what kept the revision alive, as far as known. */
  readonly holders: readonly string[];
  /** The holders by kind, each with the cure. */
  readonly held: readonly HolderGroup[];
}

/** Holders of one kind. */
export interface HolderGroup {
  readonly kind:
    | 'timer'
    | 'process listener'
    | 'event listener'
    | 'global'
    | 'patched class'
    | 'variable of another'
    | 'native handle'
    | 'pending promise'
    | 'collection'
    | 'left behind'
    | 'unknown';
  readonly remedy: string;
  readonly holders: readonly string[];
}

/** Outcome of a change. */
export interface ChangeOutcome {
  readonly deployId: string;
  readonly outcome: 'planned' | 'committed' | 'refused' | 'rolled-back';
  readonly generation: number;
  readonly plan: ChangePlan;
  readonly error?: ProblemData;
  /** Milliseconds by phase. */
  readonly timings: Readonly<Record<string, number>>;
  readonly drained?: { readonly waitedMs: number; readonly cut: number };
  /** True while the new revision is on probation. */
  readonly onTrial: boolean;
}

/** One line of `sluice ls`. */
export interface BundleSummary {
  readonly id: number;
  readonly symbolicName: string;
  readonly version: string;
  readonly state: BundleState;
  readonly startLevel: number;
  readonly autostart: boolean;
  readonly revision: number;
  readonly digest: string;
  readonly family: string;
  /** Isolation tier it runs in, or would. */
  readonly tier: Tier;
  /** Old revisions still draining or not yet collected. */
  readonly lingering: number;
  readonly onTrial: boolean;
  readonly error?: ProblemData;
}

/** Everything about one bundle. */
export interface BundleDetail extends BundleSummary {
  readonly manifest: Readonly<Record<string, unknown>>;
  readonly previous: { readonly version: string; readonly digest: string } | null;
  readonly wires: readonly { readonly namespace: string; readonly name: string; readonly provider: string }[];
  readonly usedBy: readonly { readonly namespace: string; readonly name: string; readonly consumer: string }[];
  readonly services: readonly {
    readonly id: number;
    readonly contract: string;
    readonly version: string;
    readonly users: readonly string[];
  }[];
  readonly components: readonly ComponentSummary[];
  /** Names of what the scope owns, as a tree of lines. */
  readonly scope: readonly string[];
}

/** One component and, when it is not active, why. */
export interface ComponentSummary {
  readonly name: string;
  readonly state: 'unsatisfied' | 'satisfied' | 'activating' | 'active' | 'deactivating' | 'failed';
  readonly provides: readonly string[];
  readonly references: readonly {
    readonly contract: string;
    readonly cardinality: string;
    readonly policy: string;
    readonly satisfied: boolean;
    readonly bound: readonly string[];
  }[];
  readonly reason?: string;
}

/** One cause in the answer of `why`. The first is what was asked; each other one explains the nearest one above it of a lower depth. */
export interface Cause {
  readonly subject: string;
  readonly statement: string;
  /** Where it was found. */
  readonly area: 'state' | 'resolver' | 'component' | 'service' | 'route' | 'configuration' | 'health' | 'history';
  /** Steps from what was asked, which has 0. */
  readonly depth: number;
  /** What to do, as a sentence. */
  readonly remedy?: string;
  /** The next command to type. */
  readonly command?: string;
  /** When it happened. */
  readonly at?: number;
}

/** One service in `sluice services`. */
export interface ServiceSummary {
  readonly id: number;
  readonly contract: string;
  readonly version: string;
  readonly bundle: string;
  readonly bundleVersion: string;
  readonly ranking: number;
  readonly scope: string;
  readonly properties: Readonly<Record<string, unknown>>;
  readonly users: readonly string[];
}

/** One route in `sluice routes`. */
export interface RouteSummary {
  readonly method: string;
  readonly path: string;
  readonly bundle: string;
  readonly version: string;
  readonly operationId?: string;
}

/** One deploy in `sluice history`. */
export interface HistoryEntry {
  readonly deployId: string;
  readonly at: number;
  readonly kind: string;
  readonly actor: string;
  readonly outcome: 'committed' | 'refused' | 'rolled-back' | 'aborted' | 'running';
  readonly generation: number | null;
  readonly bundles: readonly { readonly symbolicName: string; readonly from: string | null; readonly to: string | null }[];
  readonly error?: ProblemData;
  /** The release it deployed. */
  readonly release?: { readonly name: string; readonly version: string };
}

/** One release in `sluice releases`. */
export interface ReleaseEntry {
  readonly name: string;
  readonly version: string;
  readonly note?: string;
  readonly deployId: string;
  readonly at: number;
  readonly actor: string;
  readonly generation: number;
  readonly outcome: 'on-trial' | 'confirmed' | 'rolled-back';
  /** True when it also removed what it does not name. */
  readonly complete: boolean;
  readonly bundles: readonly DesiredBundleEntry[];
  readonly configuration: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/** A bundle as it is wanted. */
export interface DesiredBundleEntry {
  readonly name: string;
  readonly version: string;
  /** SHA-256 of the artifact. */
  readonly digest: string;
  readonly autostart: boolean;
  readonly startLevel: number;
  readonly tier?: Tier;
}

/** The whole desired state, for `sluice export`. */
export interface DesiredStateDocument {
  readonly generation: number;
  readonly startLevel: number;
  /** The release in force. */
  readonly release: { readonly name: string; readonly version: string } | null;
  readonly bundles: readonly DesiredBundleEntry[];
  /** Values of operator and run time by bundle and key. Secrets are references or left out. */
  readonly configuration: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** Secrets that were left out. */
  readonly omitted: readonly { readonly bundle: string; readonly key: string }[];
}

/** The artifact of an installed bundle. */
export interface ArtifactContent {
  readonly name: string;
  readonly version: string;
  readonly digest: string;
  readonly base64: string;
}

/** One log line. */
export interface LogLine {
  readonly sequence: number;
  readonly at: number;
  readonly level: string;
  readonly source: string;
  readonly version?: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** State of the kernel for `sluice status`. */
export interface RuntimeStatus {
  readonly version: string;
  readonly node: string;
  readonly pid: number;
  readonly startedAt: number;
  readonly dataFolder: string;
  readonly generation: number;
  readonly startLevel: number;
  readonly phase: 'starting' | 'running' | 'stopping';
  readonly bundles: { readonly total: number; readonly active: number; readonly failed: number };
  readonly services: number;
  readonly entries: number;
  readonly memory: { readonly heapUsedBytes: number; readonly rssBytes: number };
  readonly trial: {
    readonly deployId: string;
    readonly endsAt: number;
    readonly bundles: readonly string[];
    readonly temporary?: true;
  } | null;
  /** The release in force. Absent: none was deployed. */
  readonly release?: { readonly name: string; readonly version: string };
  readonly alarms: readonly ProblemData[];
  readonly addresses: readonly string[];
  /**
   * Added by the admin interface: how strictly signatures are taken, where the audit log ends, where the interface listens besides the socket,
   * and the installed bundles that lack an approval.
   */
  readonly trust?: {
    readonly policy: 'off' | 'warn' | 'require';
    readonly auditHead: string;
    readonly adminUrl: string | null;
    readonly unapproved: readonly string[];
  };
}

/** One configuration value with its origin. Secrets appear as `***`. */
export interface ConfigValue {
  readonly key: string;
  readonly value: unknown;
  readonly layer: 'default' | 'shipped' | 'operator' | 'runtime' | 'plugin';
  readonly secret: boolean;
}

/** A written backup. */
export interface BackupResult {
  readonly path: string;
  readonly bytes: number;
  /** SHA-256 of the archive in hex. */
  readonly digest: string;
  /** Parts that are not in it, and how each is copied instead. */
  readonly elsewhere: readonly { readonly part: string; readonly note: string }[];
}

/** The running kernel. Every method throws a SluiceError with a stable code when it cannot answer. */
export interface Runtime {
  status(): RuntimeStatus;
  bundles(): readonly BundleSummary[];
  /** @throws SluiceError `BUNDLE_UNKNOWN` with the nearest names. */
  inspect(bundle: string): BundleDetail;
  /**
   * Explains a bundle, component (`bundle/Component`), service (contract or `#id`) or route (`GET /path`).
   * @throws SluiceError `BUNDLE_UNKNOWN` with the nearest names.
   */
  why(subject: string): Promise<readonly Cause[]>;
  services(filter?: string): readonly ServiceSummary[];
  routes(): readonly RouteSummary[];
  history(limit: number): readonly HistoryEntry[];

  /** Stores, checks and installs or swaps artifacts in one plan. Refusals are outcomes, not throws. */
  deploy(artifacts: readonly Uint8Array[], options: ChangeOptions): Promise<ChangeOutcome>;
  /** Deploys a release: bundles and configuration in one journaled change. Refusals are outcomes, not throws. */
  deployRelease(release: Release, artifacts: readonly Uint8Array[], options: ChangeOptions): Promise<ChangeOutcome>;
  /** Returns from the release deployed last, whole. */
  rollbackRelease(options: ChangeOptions): Promise<ChangeOutcome>;
  /** Deployed releases, oldest first. */
  releases(): readonly ReleaseEntry[];
  desiredState(): Promise<DesiredStateDocument>;
  /** The artifact of an installed bundle. */
  artifactOf(bundle: string): Promise<ArtifactContent>;
  /** Installs without starting. */
  install(artifacts: readonly Uint8Array[], options: ChangeOptions): Promise<ChangeOutcome>;
  start(bundle: string, options: ChangeOptions): Promise<ChangeOutcome>;
  stop(bundle: string, options: ChangeOptions): Promise<ChangeOutcome>;
  uninstall(bundle: string, options: ChangeOptions): Promise<ChangeOutcome>;
  /** OSGi's update in place: stop, update, start. There is a gap; `deploy` has none. */
  update(artifact: Uint8Array, options: ChangeOptions): Promise<ChangeOutcome>;
  /** Back to the revision before, by a swap with a higher generation. */
  rollback(bundle: string, options: ChangeOptions): Promise<ChangeOutcome>;
  /** Ends probation early. */
  confirm(actor: string): Promise<ChangeOutcome>;
  setStartLevel(level: number, options: ChangeOptions): Promise<ChangeOutcome>;

  configOf(bundle: string): Promise<readonly ConfigValue[]>;
  configSet(bundle: string, values: Readonly<Record<string, unknown>>, actor: string): Promise<void>;
  configHistory(bundle: string): Promise<
    readonly {
      readonly at: number;
      readonly actor: string;
      readonly key: string;
      readonly layer: string;
      readonly before: unknown;
      readonly after: unknown;
    }[]
  >;

  /** Recent log lines, oldest first. */
  logs(query: { bundle?: string; level?: string; limit?: number; since?: number }): readonly LogLine[];
  /** Calls back for each new line. Returns the undo. */
  followLogs(query: { bundle?: string; level?: string }, line: (line: LogLine) => void): () => void;
  /** Bundle, service and framework events as they happen. */
  followEvents(event: (event: { at: number; kind: string; subject: string; message: string }) => void): () => void;

  /** Verdicts on replaced revisions; `collect` forces garbage collections first (stops the world for some 40 ms each). */
  leaks(options: { collect: boolean }): Promise<readonly ReleaseVerdict[]>;
  /** What the system counts; `heap` measures the heap by bundle first (stops the world for about a second per 100 MB). */
  figures(options: { heap: boolean }): Promise<SystemFigures>;
  /**
   * Everything worth knowing for whoever looks for a fault, as files without secrets; `heap` as in {@link figures}.
   */
  diagnose(options: { heap: boolean }): Promise<readonly DiagnosisFile[]>;
  /** Writes one consistent archive of the data folder while serving. Returns its path and digest. */
  backup(target: string): Promise<BackupResult>;
  /**
   * Stops everything in order and ends the process' work. First lets no new work in and waits for what was begun.
   * @param options.lameDuckMs how long new work is still taken in the meantime, while readiness says no. Default 0.
   */
  shutdown(options?: { readonly lameDuckMs?: number }): Promise<void>;
}

/** A refusal to read an artifact, all mistakes at once. */
export interface ArtifactRefusal {
  readonly code: string;
  readonly message: string;
  readonly mistakes: readonly Mistake[];
}
