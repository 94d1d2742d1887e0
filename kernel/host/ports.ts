/**
 * Ports of the host: what the life cycle needs from disk, time, code loading and memory, as interfaces.
 * Holds types only. The implementations are the other files of this folder; only the composition root (`runtime.ts`) names them.
 */
import type { BundleDefinition, Clock, LogLevel, SluiceError, Timer } from '@sluice/sdk';
import type { DependencyContainer } from 'tsyringe';
import type { ConfigurationChange } from '../model/index.js';
import type { Tier, Version } from '../model/index.js';

/** Content-addressed store of artifacts. A digest is the SHA-256 of the bytes in lower-case hex. */
export interface BlobStore {
  /** Stores bytes durably and returns their digest. Storing the same bytes again changes nothing. */
  put(bytes: Uint8Array): Promise<string>;
  /**
   * The bytes of a digest, hashed again while reading.
   * @throws SluiceError `STORE_BLOB_MISSING`, or `STORE_DIGEST_MISMATCH` when the disk returns something else.
   */
  get(digest: string): Promise<Buffer>;
  has(digest: string): Promise<boolean>;
  /** All digests, sorted. */
  list(): Promise<readonly string[]>;
  remove(digest: string): Promise<void>;
  /** Deletes what interrupted writes left behind; returns how many files. */
  sweepStaging(): Promise<number>;
  /** Stored digests that are not in use, sorted. */
  orphans(inUse: Iterable<string>): Promise<readonly string[]>;
  /** Ends background work; what it has not done yet is taken up at the next start. Nothing that was put is lost by not calling it. */
  close(): Promise<void>;
}

/** One content of a bundle. */
export interface BundleContent {
  readonly digest: string;
  readonly version: string;
}

/** What a change does to one bundle. `from` null: was not installed; `to` null: is uninstalled. */
export interface Change {
  readonly symbolicName: string;
  readonly bundleId: number;
  readonly from: BundleContent | null;
  readonly to: BundleContent | null;
  /** Whether the bundle shall run after the change. */
  readonly autostart: boolean;
  readonly startLevel: number;
  /** The isolation tier an operator chose; absent: as the manifest says. */
  readonly tier?: Tier;
}

/** What kind of change a journal entry records. */
export type ChangeKind = 'deploy' | 'start' | 'stop' | 'uninstall' | 'rollback' | 'startlevel';

/** A release as it was deployed. */
export interface ReleaseRecord {
  readonly name: string;
  readonly version: string;
  readonly note?: string;
  /** True when bundles that it does not name were uninstalled. */
  readonly complete: boolean;
  readonly bundles: readonly ReleasedBundle[];
  readonly configuration: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/** One bundle of a release. */
export interface ReleasedBundle extends BundleContent {
  readonly symbolicName: string;
  readonly autostart: boolean;
  readonly startLevel: number;
  /** The isolation tier that was chosen; absent: as the manifest says. */
  readonly tier?: Tier;
}

/** A failure as the journal keeps it. */
export interface RecordedError {
  readonly code: string;
  readonly message: string;
}

/** A change was begun. Without a `commit` it did not happen. */
export interface BeginRecord {
  readonly type: 'begin';
  /** Wall clock, milliseconds. */
  readonly at: number;
  readonly deployId: string;
  readonly kind: ChangeKind;
  readonly actor: string;
  readonly baseGeneration: number;
  readonly changes: readonly Change[];
  /** The wanted framework start level, when the change moves it. */
  readonly startLevel?: number;
  /** The release this change deploys. */
  readonly release?: ReleaseRecord;
  /** Run-time configuration that belongs to the change: in force from its commit on. */
  readonly configuration?: readonly ConfigurationChange[];
  /** Deploy id of the change that this one takes back. */
  readonly undoes?: string;
  /** The change is temporary: it is taken back when it is not confirmed within this time after its commit. */
  readonly confirmWithinMs?: number;
}

/** The decision: from here on the change has happened. */
export interface CommitRecord {
  readonly type: 'commit';
  readonly at: number;
  readonly deployId: string;
  readonly generation: number;
}

/** The change was given up before its commit. */
export interface AbortRecord {
  readonly type: 'abort';
  readonly at: number;
  readonly deployId: string;
  readonly error: RecordedError;
}

/** Nothing is left to do for a committed change: probation is over. */
export interface DoneRecord {
  readonly type: 'done';
  readonly at: number;
  readonly deployId: string;
  readonly outcome: 'confirmed' | 'rolled-back';
  readonly details?: Readonly<Record<string, unknown>>;
}

/** A process began to start from this journal. */
export interface BootRecord {
  readonly type: 'boot';
  readonly at: number;
}

/** The start succeeded. A `boot` without it counts as a failed start. */
export interface BootedRecord {
  readonly type: 'booted';
  readonly at: number;
  readonly generation: number;
}

/** The configuration of a committed change was written to where configuration is kept. Until then a start does it. */
export interface ConfiguredRecord {
  readonly type: 'configured';
  readonly at: number;
  readonly deployId: string;
}

/** Everything before this record, folded. Always the first record of a compacted journal. */
export interface SnapshotRecord {
  readonly type: 'snapshot';
  readonly at: number;
  readonly view: JournalView;
}

/** One record of the journal. */
export type JournalRecord =
  BeginRecord | CommitRecord | AbortRecord | DoneRecord | BootRecord | BootedRecord | ConfiguredRecord | SnapshotRecord;

/** What is wanted of one installed bundle. */
export interface DesiredBundle extends BundleContent {
  readonly bundleId: number;
  readonly symbolicName: string;
  readonly autostart: boolean;
  readonly startLevel: number;
  /** The isolation tier an operator chose; absent: as the manifest says. */
  readonly tier?: Tier;
  /** Ascends with every change of content, rollbacks included. */
  readonly revision: number;
  /** The content a rollback returns to. */
  readonly previous: BundleContent | null;
  /** Contents before `previous`, newest first; at most one, so that three blobs of a bundle are kept. */
  readonly earlier: readonly BundleContent[];
}

/** One change in the history. */
export interface HistoryRecord {
  readonly deployId: string;
  readonly at: number;
  readonly kind: ChangeKind;
  readonly actor: string;
  readonly outcome: 'running' | 'committed' | 'aborted' | 'rolled-back';
  readonly generation: number | null;
  readonly changes: readonly Change[];
  readonly error?: RecordedError;
  /** The release it deployed. */
  readonly release?: { readonly name: string; readonly version: string };
}

/** A release that was committed, with what it takes to return from it. */
export interface DeployedRelease {
  readonly deployId: string;
  readonly at: number;
  readonly actor: string;
  readonly generation: number;
  readonly outcome: 'on-trial' | 'confirmed' | 'rolled-back';
  readonly release: ReleaseRecord;
  /** The bundles it changed, as they were before; `content` null: it was not installed. */
  readonly before: readonly {
    readonly symbolicName: string;
    readonly bundleId: number;
    readonly content: BundleContent | null;
    readonly autostart: boolean;
    readonly startLevel: number;
    readonly tier?: Tier;
  }[];
  readonly configuration: readonly ConfigurationChange[];
}

/** The state the kernel keeps its bundles in. A value; never changed in place. */
export interface DesiredState {
  /** Number of the last committed change; 0 for an empty system. */
  readonly generation: number;
  readonly nextBundleId: number;
  /** Wanted framework start level. */
  readonly startLevel: number;
  /** By bundle id. */
  readonly bundles: readonly DesiredBundle[];
  /** Oldest first, at most 200. */
  readonly history: readonly HistoryRecord[];
  /** Oldest first, at most 20. Absent: no release was ever deployed. */
  readonly releases?: readonly DeployedRelease[];
}

/** A committed change without `done`, with what it replaced, so that it can be undone. */
export interface OpenCommit {
  readonly begin: BeginRecord;
  readonly generation: number;
  readonly at: number;
  /** The affected bundles as they were before. */
  readonly before: readonly DesiredBundle[];
}

/** All that the records of a journal say, folded. */
export interface JournalView {
  readonly state: DesiredState;
  /** Begun and undecided. */
  readonly undecided: readonly BeginRecord[];
  /** Committed, not done. */
  readonly open: readonly OpenCommit[];
  /** Starts without success since the last commit or successful start. */
  readonly failedBoots: number;
  /** Configuration of committed changes that was not yet written to where configuration is kept. Absent: none. */
  readonly unwritten?: readonly UnwrittenConfiguration[];
}

/** Configuration that counts, but that only the journal holds. */
export interface UnwrittenConfiguration {
  readonly deployId: string;
  readonly actor: string;
  readonly changes: readonly ConfigurationChange[];
}

/** The append-only record of decisions. */
export interface Journal {
  /** All durable records, folded. */
  readonly view: JournalView;
  /** Set after a failed write or fsync: nothing more is accepted. */
  readonly poisoned: boolean;
  /** What opening found and repaired (a cut tail, for example). */
  readonly repairs: readonly Alarm[];
  /**
   * Resolves after the records are on disk, in order. Concurrent calls share one fsync.
   * @throws SluiceError `JOURNAL_POISONED`: the outcome is unknown; restart the process and let recovery decide.
   */
  append(records: JournalRecord | readonly JournalRecord[]): Promise<void>;
  /** Rewrites the journal as one snapshot. Happens by itself when the file has grown. */
  compact(at: number): Promise<void>;
  /** Waits for what is under way, then closes. */
  close(): Promise<void>;
}

/** Something the operator must see. */
export interface Alarm {
  readonly code: string;
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>>;
  readonly remedy?: string;
}

/** The pointer file: a cache of the journal's decision, written after the switch. */
export interface Pointer {
  readonly generation: number;
}

/** What recovery needs to know besides the journal. */
export interface RecoveryFacts {
  /** Wall clock, for the records that recovery appends. */
  readonly now: number;
  /** Whether a blob is stored and its hash is right. */
  readonly hasBlob: (digest: string) => boolean;
  readonly pointer: Pointer | null;
}

/** What recovery decided. */
export interface Recovery {
  readonly state: DesiredState;
  /** To be appended (in one call) before anything is started; the caller adds its own `boot`. */
  readonly append: readonly JournalRecord[];
  /** The change that is still on probation. */
  readonly trial: { readonly deployId: string; readonly generation: number; readonly bundles: readonly string[] } | null;
  readonly alarms: readonly Alarm[];
}

/** The part of a manifest that loading needs. */
export interface LoadManifest {
  readonly symbolicName: string;
  readonly versionText: string;
  /** Entry of the artifact that is evaluated, e.g. `dist/bundle.cjs`. */
  readonly main: string;
  /** Exported package name -> entry of the artifact. */
  readonly exports: Readonly<Record<string, string>>;
  readonly permissions: { readonly builtins: readonly string[]; readonly hostPackages: readonly string[] };
  /** SDK versions the bundle works with. Default: the newest one the kernel serves. */
  readonly sdkRange?: { includes(version: Version): boolean };
}

/** A timer that may be told not to keep the process alive. A virtual clock need not offer that. */
export interface HostTimer extends Timer {
  ref?(): void;
  unref?(): void;
}

/** Timers for the code of one revision. A `Clock` fits. */
export interface TimerPort {
  setTimeout(callback: () => void, delayMs: number): HostTimer;
  setInterval(callback: () => void, periodMs: number): HostTimer;
  /** Default: `setTimeout` with 0. */
  setImmediate?(callback: () => void): HostTimer;
}

/** What the code of a revision reaches the kernel through before it has a context. */
export interface RevisionHooks {
  readonly timers: TimerPort;
  /** A timer callback of the bundle threw. */
  timerFailed(error: unknown): void;
  /** The bundle wrote to `console`. */
  print(level: LogLevel, message: string): void;
  /** Runs the callback of a timer, e.g. as an entry of the current generation. Default: calls it. */
  enter?(callback: () => void): void;
  /** Time the running entry has left, milliseconds; Infinity outside of any. Default: Infinity. */
  remainingMs?(): number;
  /** The code, in a tier of its own, failed more often than it may: the bundle shall be stopped. */
  failed?(error: SluiceError): void;
}

/** How a revision outside of the kernel's thread is run. */
export interface GuestOrder {
  readonly tier: Exclude<Tier, 'inline'>;
  readonly bundleId: number;
  /** package.json as read and checked. */
  readonly packageJson: Readonly<Record<string, unknown>>;
  readonly stopTimeoutMs: number;
}

/** Everything needed to load one revision. */
export interface LoadRequest {
  /** Entries of the artifact by path relative to the package. */
  readonly entries: ReadonlyMap<string, Uint8Array>;
  readonly manifest: LoadManifest;
  readonly digest: string;
  /** Number of the revision, for the marker name. */
  readonly revision: number;
  /** Wired imports: package name -> what the provider exports, asked at the first `require`. */
  readonly imports: ReadonlyMap<string, () => unknown>;
  readonly hooks: RevisionHooks;
  /** Absent: evaluated inline. */
  readonly guest?: GuestOrder;
}

/** One evaluated revision. */
export interface LoadedRevision {
  readonly definition: BundleDefinition;
  /** The revision's own root container. */
  readonly container: DependencyContainer;
  /**
   * Reachable from every function of the revision: collected exactly when its code is. Hand it to the leak watch before `close`.
   * After `close`, `definition`, `container` and `marker` throw `REVISION_CLOSED`, so that holding this object holds no code.
   */
  readonly marker: object;
  /** Unique class name of the marker, found in heap snapshots. */
  readonly markerName: string;
  /**
   * What the revision exports under a package name of `manifest.exports`.
   * @throws SluiceError `EXPORT_UNKNOWN`.
   */
  exportsOf(packageName: string): unknown;
  /** What `close` would take down now, e.g. `interval of 500 ms`. */
  pending(): readonly string[];
  /** Cancels its timers, refuses new ones and lets go of the code. Never throws; the second call does nothing. */
  close(): void;
}

/** Turns verified bytes into running code. */
export interface Loader {
  /**
   * Evaluates a revision.
   * @throws SluiceError `LOAD_FAILED` (cause: what the code threw), `BUNDLE_ENTRY_MISSING`, `BUNDLE_EXPORT_INVALID`, `REQUIRE_REFUSED`.
   */
  load(request: LoadRequest): LoadedRevision;
  /**
   * Compiles code that is about to be loaded. Many at a time take half as long as one by one between their starts. Only saves time: what
   * does not compile is reported when it is loaded.
   */
  compileAhead?(artifact: Pick<LoadRequest, 'entries' | 'manifest' | 'digest'>): void;
  /** The stack of an error with `bundle://` frames replaced by their sources. */
  mapStack(error: unknown): string;
  /** Waits until code caches are written. */
  settled(): Promise<void>;
}

/** Names a revision in verdicts. */
export interface RevisionLabel {
  readonly bundle: string;
  readonly version: string;
  readonly revision: number;
}

/** The verdict on one revision. */
export interface LeakVerdict extends RevisionLabel {
  /** `no` after the marker survived three major collections. */
  readonly collected: 'yes' | 'no' | 'pending';
  /** Major collections seen since the watch began. */
  readonly collections: number;
}

/** What of the heap goes with one revision. */
export interface HeapFootprint extends RevisionLabel {
  readonly bytes: number;
}

/** Follows what should be collected. */
export interface LeakWatch {
  /** Begins to watch. `subject` is the marker of a revision; it is held weakly. */
  watch(label: RevisionLabel, subject: object, markerName: string): void;
  /** All verdicts since the start, oldest first; of the collected ones the newest 100. */
  verdicts(): readonly LeakVerdict[];
  /** Forces major collections (some 40 ms each, the world stops) until nothing is pending or `roundsMax` is reached. */
  collect(roundsMax?: number): Promise<readonly LeakVerdict[]>;
  /** What keeps a revision alive, shortest paths first. Takes a heap snapshot: stops the world for seconds on a large heap. */
  holders(label: RevisionLabel): Promise<readonly string[]>;
  close(): void;
}

/** Time for the whole kernel, with immediates for the timers of bundles. */
export interface HostClock extends Clock, TimerPort {
  setTimeout(callback: () => void, delayMs: number): HostTimer;
  setInterval(callback: () => void, periodMs: number): HostTimer;
  setImmediate(callback: () => void): HostTimer;
}

/** Caps of the archive reader. */
export interface ArchiveLimits {
  /** Compressed size. */
  readonly archiveBytesMax: number;
  /** Size after inflating, headers included. */
  readonly inflatedBytesMax: number;
  readonly entriesMax: number;
  readonly entryBytesMax: number;
  /** Inflated size divided by compressed size. */
  readonly ratioMax: number;
}

/** What an artifact holds. */
export interface ArchiveContent {
  /** Parsed package.json: duplicate keys and `__proto__` were refused. */
  readonly packageJson: unknown;
  /** By path without the leading `package/`. */
  readonly entries: ReadonlyMap<string, Uint8Array>;
}
