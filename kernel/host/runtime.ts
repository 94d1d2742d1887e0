/**
 * The composition root: the only file that names the implementations behind the ports. Opens a data folder, recovers, boots the kernel,
 * serves the admin protocol, and closes everything in reverse order.
 */
import { existsSync, mkdirSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { isSluiceError, SluiceError, type ListenSocketsService, type LogLevel, type LogRecord } from '@sluice/sdk';
import { startAdminServer, type AdminListenOptions } from '../admin/server.js';
import { createTieredLoader, guardInline, GUEST_LAUNCHERS, type GuardedKernel } from '../isolation/index.js';
import { KernelRuntime } from '../lifecycle/kernel-runtime.js';
import { levelRank } from '../lifecycle/log.js';
import type { ProgressEvent, Runtime } from '../lifecycle/runtime.js';
import { contentOf } from '../lifecycle/admission.js';
import { readArtifact } from '../lifecycle/artifacts.js';
import type { Policy } from '../trust/policy.js';
import { readArchive } from './archive.js';
import { SystemClock } from './clock.js';
import { createFileCodeCache } from './code-cache.js';
import { checkFormat } from './data-folder.js';
import { createLeakWatch } from './leak-watch.js';
import { createLoader } from './loader.js';
import { acquireLock } from './lock.js';
import type { Recovery } from './ports.js';
import { RecordedJournal } from './recorded-journal.js';
import { openPersistence } from './persistence.js';
import { digestsInUse } from './recovery.js';
import { createSchemaChecker } from './schema-check.js';
import { assertSupported } from './support.js';
import { openTrust, type Trust } from './trust.js';
import { sdkGenerations } from './sdk-generations.js';
import { kernelVersion } from './versions.js';

/** Changes after which artifacts and code caches that nothing can return to are removed; also done at every start. */
const TIDY_EVERY = 100;

/** How to start a kernel. */
export interface StartOptions {
  /** Folder of all state; made when missing. */
  readonly dataFolder: string;
  /** Folder of `*.tgz` artifacts that are deployed when the data folder is new. */
  readonly bundlesFolder?: string;
  /** Lowest level printed to stderr until a log bundle runs. Default `warn`. */
  readonly logLevel?: LogLevel;
  /** Probation after a swap. Default 30,000. */
  readonly watchMs?: number;
  /** How strictly signatures and versions are taken. Default: as `trust/settings.json` says, else `warn`. */
  readonly trustPolicy?: Policy;
  /** Serve the admin interface on TCP too. Default: only on the socket in the data folder. */
  readonly adminListen?: AdminListenOptions;
  /** Listening sockets that somebody keeps for this process. */
  readonly listenSockets?: ListenSocketsService | null;
  /**
   * Guard this process: end endless loops of inline bundles and name them, seal the built-ins, take stray errors. For a process that is
   * the kernel's alone: the seal cannot be taken off. Default false.
   */
  readonly guard?: boolean;
  /** Tells what the first start installs. */
  readonly progress?: (event: ProgressEvent) => void;
}

/** A running kernel. */
export interface RunningKernel {
  readonly runtime: Runtime;
  /** Path of the admin socket. */
  readonly adminSocket: string;
  /** Where the admin interface listens on TCP; null when it does not. */
  readonly adminUrl: string | null;
  /**
   * Stops everything and releases the data folder. Idempotent.
   * @param options.lameDuckMs how long new work is still taken, while clients are told to go elsewhere. Default 0.
   */
  close(options?: { readonly lameDuckMs?: number }): Promise<void>;
  /** Resolves when the kernel has been closed, by whoever. */
  readonly closed: Promise<void>;
}

/**
 * Starts a kernel on a data folder.
 * @throws SluiceError `PLATFORM_UNSUPPORTED`, `NODE_UNSUPPORTED`, `DATA_FOLDER_LOCKED`, `DATA_FOLDER_FORMAT`, `ADMIN_SOCKET_FAILED`,
 * `FIRST_START_REFUSED`, `AUDIT_UNAVAILABLE`, `KEY_RING_INVALID`, `TOKEN_BOOK_INVALID`, `TRUST_SETTINGS_INVALID`, `ADMIN_TLS_REQUIRED`.
 */
export async function startKernel(options: StartOptions): Promise<RunningKernel> {
  assertSupported();
  const dataFolder = resolve(options.dataFolder);
  const undo: (() => unknown)[] = [];
  const unwind = async (): Promise<void> => {
    for (const one of undo.reverse()) await one();
    undo.length = 0;
  };
  try {
    await mkdir(dataFolder, { recursive: true });
    const lock = await acquireLock(dataFolder);
    undo.push(() => lock.release());
    await checkFormat(dataFolder);
    const { runtime, trust } = await bootKernel(dataFolder, options, (close) => undo.push(close));
    let lameDuckMs = 0;
    undo.push(() => runtime.shutdown({ lameDuckMs }));
    const { adminListen } = options;
    const admin = await startAdminServer({ runtime, dataFolder, trust, ...(adminListen === undefined ? {} : { listen: adminListen }) });
    undo.push(() => admin.close());
    let closing: Promise<void> | null = null;
    let resolveClosed: () => void = () => {};
    const closed = new Promise<void>((done) => (resolveClosed = done));
    const close: RunningKernel['close'] = (how) => {
      lameDuckMs = how?.lameDuckMs ?? 0;
      return (closing ??= unwind().then(resolveClosed));
    };
    runtime.onShutdown(() => void close());
    return { runtime, adminSocket: admin.path, adminUrl: admin.url, close, closed };
  } catch (error) {
    await unwind();
    throw error;
  }
}

async function bootKernel(
  dataFolder: string,
  options: StartOptions,
  own: (close: () => Promise<void>) => void,
): Promise<{ readonly runtime: KernelRuntime; readonly trust: Trust }> {
  const clock = new SystemClock();
  const persistence = await openPersistence(dataFolder, { now: () => clock.now() });
  const { store, recovery, pointer } = persistence;
  const trust = openTrust(dataFolder, {
    now: () => clock.now(),
    store,
    read: (bytes, digest) => contentOf(readArtifact(bytes, digest, readArchive)),
    // The log bundle keeps it apart from this folder, and whoever ships logs takes it off the machine.
    publishHead: ({ sequence, hash }) => runtime.state.log.info(`Audit log is at record ${sequence}`, { head: `${sequence}:${hash}` }),
    alarm: (alarm) => runtime.state.raiseAlarm(alarm),
    ...(options.trustPolicy === undefined ? {} : { policy: options.trustPolicy }),
  });
  own(() => trust.close());
  const journal = new RecordedJournal(persistence.journal, trust.audit, {
    isRecorded: (deployId) => trust.requested.has(deployId),
    committed: (contents) => trust.gate.remember(contents),
  });
  const codeCache = createFileCodeCache(join(dataFolder, 'code-cache'));
  const tidy = async (): Promise<void> => {
    const inUse = digestsInUse(journal.view);
    const kept = [...inUse, ...trust.shelf.digests()];
    await persistence.tidy(kept);
    await codeCache.sweep(inUse);
    await trust.gate.sweep(kept);
  };
  const folders = new Set<string>();
  const runtime = new KernelRuntime({
    version: kernelVersion(),
    sdkVersions: sdkGenerations().map(({ version }) => version),
    ports: {
      clock,
      store,
      journal,
      loader: createTieredLoader(createLoader({ codeCache }), { clock, launchers: GUEST_LAUNCHERS }),
      leakWatch: createLeakWatch(),
      trust: trust.gate,
      audit: trust.audit,
    },
    readArchive,
    checkSchema: createSchemaChecker(),
    dataFolder: (name) => {
      const folder = name === '' ? dataFolder : join(dataFolder, name);
      if (!folders.has(folder)) mkdirSync(folder, { recursive: true });
      folders.add(folder);
      return folder;
    },
    writeBackup: async (target, sources) => {
      // Loaded when asked for: no start needs it.
      const { writeBackup } = require('./backup.js') as typeof import('./backup.js');
      await store.settled();
      return writeBackup(dataFolder, target, [...sources, trust.audit]);
    },
    measureHeap: () => (require('./heap-footprints.js') as typeof import('./heap-footprints.js')).measureFootprints(),
    ...(options.watchMs === undefined ? {} : { watchMs: options.watchMs }),
    ...(options.listenSockets ? { listenSockets: options.listenSockets } : {}),
  });
  own(() => pointer.settled());
  runtime.state.router.fallback = printTo(process.stderr, options.logLevel ?? 'warn');
  runtime.state.listen((event) => {
    if (event.kind !== 'GENERATION') return;
    const generation = Number(event.message);
    pointer.note(generation);
    if (generation % TIDY_EVERY === 0) runtime.betweenChanges(tidy);
  });
  const started = {
    actor: 'kernel',
    role: 'kernel',
    action: 'kernel.start',
    target: '',
    phase: 'note',
    outcome: `policy ${trust.office.policy}`,
  } as const;
  await trust.audit.write(started);
  const guard = options.guard === true ? guardInline(guarded(runtime), join(dataFolder, 'endless-loop.json')) : null;
  if (guard !== null) own(() => guard.close());
  const alarms = [...recovery.alarms, ...trust.audit.alarms, ...untrusted(recovery, trust)];
  await runtime.boot({ ...recovery, alarms }, guard?.loopBefore ?? null);
  store.forgetChecked();
  const isNew = journal.view.state.generation === 0;
  if (isNew && options.bundlesFolder !== undefined) await firstStart(runtime, options.bundlesFolder, options.progress);
  runtime.betweenChanges(tidy);
  return { runtime, trust };
}

/** Alarms about bundles that shall run and may not. They stay installed; the check before compiling refuses them. */
function untrusted({ state }: Recovery, { gate }: Trust): Recovery['alarms'] {
  return state.bundles.flatMap(({ symbolicName, version, digest }) => {
    const content = { bundle: symbolicName, version, digest };
    gate.remember([content]);
    const problem = gate.mayRun(content);
    if (problem === null) return [];
    return [
      {
        ...problem,
        message: `'${symbolicName}' ${version} is not started: ${problem.message}`,
        details: { ...problem.details, ...content },
      },
    ];
  });
}

/** Deploys the newest artifact of each bundle of a folder as one plan: either the whole distribution is installed or nothing. */
async function firstStart(runtime: Runtime, folder: string, progress: StartOptions['progress']): Promise<void> {
  // Loaded when asked for: a later start needs none of it.
  const { readDistribution } = require('./distribution.js') as typeof import('./distribution.js');
  const { newest, passedOver } = await readDistribution(folder);
  if (newest.length === 0) return;
  for (const { file, newer } of passedOver)
    progress?.({ phase: 'stage', at: Date.now(), message: `${file} passed over: ${newer} is newer` });
  const names = newest.map(({ file }) => file);
  const artifacts = newest.map(({ bytes }) => bytes);
  const signatures = await signaturesBeside(names.map((name) => join(folder, name)));
  const outcome = await runtime.deploy(artifacts, {
    actor: 'first-start',
    signatures,
    watchMs: 0,
    ...(progress === undefined ? {} : { progress }),
  });
  if (outcome.outcome === 'committed') return;
  await runtime.shutdown();
  throw new SluiceError(
    'FIRST_START_REFUSED',
    `The bundles in '${folder}' cannot be started together: ${outcome.error?.message ?? outcome.outcome}`,
    {
      details: { folder, artifacts: names, ...outcome.error?.details },
      ...(outcome.error?.remedy === undefined ? {} : { remedy: outcome.error.remedy }),
    },
  );
}

/** The signature files beside artifacts, where there are any. */
async function signaturesBeside(files: readonly string[]): Promise<readonly Buffer[]> {
  return Promise.all(
    files
      .map((file) => `${file}.sig`)
      .filter((file) => existsSync(file))
      .map((file) => readFile(file)),
  );
}

/** The kernel as its guard sees it. */
function guarded(runtime: KernelRuntime): GuardedKernel {
  const { state } = runtime;
  return {
    quarantine: (bundle, version, error) => runtime.quarantine(bundle, version, error),
    alarm: (problem) => state.raiseAlarm(problem),
    mapStack: (error) => state.loader.mapStack(error),
    log: (level, bundle, version, message, fields) => state.router.write(level, bundle ?? 'kernel', version ?? undefined, message, fields),
  };
}

function printTo(stream: NodeJS.WriteStream, lowest: LogLevel): (record: LogRecord) => void {
  return (record) => {
    if (levelRank(record.level) < levelRank(lowest)) return;
    const fields = Object.keys(record.fields).length === 0 ? '' : ` ${safeJson(record.fields)}`;
    stream.write(`${new Date(record.at).toISOString()} ${record.level} ${record.source}: ${record.message}${fields}\n`);
  };
}

function safeJson(value: unknown): string {
  try {
    return JSON.stringify(value, (_, one: unknown) => (typeof one === 'bigint' ? String(one) : isSluiceError(one) ? one.message : one));
  } catch {
    return '[fields that cannot be written]';
  }
}
