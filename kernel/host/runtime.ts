/**
 * The composition root: the only file that names the implementations behind the ports. Opens a data folder, recovers, boots the kernel,
 * serves the admin protocol, and closes everything in reverse order.
 */
import { mkdirSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { isSluiceError, SluiceError, type ListenSocketsService, type LogLevel, type LogRecord } from '@sluice/sdk';
import { startAdminServer } from '../admin/server.js';
import { createTieredLoader, GUEST_LAUNCHERS } from '../isolation/index.js';
import { KernelRuntime } from '../lifecycle/kernel-runtime.js';
import { levelRank } from '../lifecycle/log.js';
import type { ProgressEvent, Runtime } from '../lifecycle/runtime.js';
import { readArchive } from './archive.js';
import { SystemClock } from './clock.js';
import { createFileCodeCache } from './code-cache.js';
import { checkFormat } from './data-folder.js';
import { openJournal } from './journal.js';
import { createLeakWatch } from './leak-watch.js';
import { createLoader } from './loader.js';
import { acquireLock } from './lock.js';
import { readPointer, writePointer } from './pointer.js';
import { digestsInUse, recover } from './recovery.js';
import { createSchemaChecker } from './schema-check.js';
import { openStore } from './store.js';
import { assertSupported } from './support.js';
import { versions } from './versions.js';

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
  /** Listening sockets that somebody keeps for this process. */
  readonly listenSockets?: ListenSocketsService | null;
  /** Tells what the first start installs. */
  readonly progress?: (event: ProgressEvent) => void;
}

/** A running kernel. */
export interface RunningKernel {
  readonly runtime: Runtime;
  /** Path of the admin socket. */
  readonly adminSocket: string;
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
 * `FIRST_START_REFUSED`.
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
    const runtime = await bootKernel(dataFolder, options);
    let lameDuckMs = 0;
    undo.push(() => runtime.shutdown({ lameDuckMs }));
    const admin = await startAdminServer({ runtime, dataFolder });
    undo.push(() => admin.close());
    let closing: Promise<void> | null = null;
    let resolveClosed: () => void = () => {};
    const closed = new Promise<void>((done) => (resolveClosed = done));
    const close: RunningKernel['close'] = (how) => {
      lameDuckMs = how?.lameDuckMs ?? 0;
      return (closing ??= unwind().then(resolveClosed));
    };
    runtime.onShutdown(() => void close());
    return { runtime, adminSocket: admin.path, close, closed };
  } catch (error) {
    await unwind();
    throw error;
  }
}

async function bootKernel(dataFolder: string, options: StartOptions): Promise<KernelRuntime> {
  const clock = new SystemClock();
  const store = await openStore(dataFolder);
  await store.sweepStaging();
  const journal = await openJournal(dataFolder);
  const stored = await store.check(digestsInUse(journal.view));
  const recovery = recover(journal.view, {
    now: clock.now(),
    hasBlob: (digest) => stored.has(digest),
    pointer: await readPointer(dataFolder),
  });
  const codeCache = createFileCodeCache(join(dataFolder, 'code-cache'));
  const tidy = async (): Promise<void> => {
    const inUse = digestsInUse(journal.view);
    for (const orphan of await store.orphans(inUse)) await store.remove(orphan);
    await codeCache.sweep(inUse);
  };
  const { kernel, sdk } = versions();
  const folders = new Set<string>();
  const runtime = new KernelRuntime({
    version: kernel,
    sdkVersion: sdk,
    ports: {
      clock,
      store,
      journal,
      loader: createTieredLoader(createLoader({ codeCache }), { clock, launchers: GUEST_LAUNCHERS }),
      leakWatch: createLeakWatch(),
    },
    readArchive,
    checkSchema: createSchemaChecker(),
    dataFolder: (name) => {
      const folder = name === '' ? dataFolder : join(dataFolder, name);
      if (!folders.has(folder)) mkdirSync(folder, { recursive: true });
      folders.add(folder);
      return folder;
    },
    writeBackup: (target, sources) => {
      // Loaded when asked for: no start needs it.
      const { writeBackup } = require('./backup.js') as typeof import('./backup.js');
      return writeBackup(dataFolder, target, sources);
    },
    ...(options.watchMs === undefined ? {} : { watchMs: options.watchMs }),
    ...(options.listenSockets ? { listenSockets: options.listenSockets } : {}),
  });
  runtime.state.router.fallback = printTo(process.stderr, options.logLevel ?? 'warn');
  runtime.state.listen((event) => {
    if (event.kind !== 'GENERATION') return;
    const generation = Number(event.message);
    void writePointer(dataFolder, { generation }).catch(() => undefined);
    if (generation % TIDY_EVERY === 0) runtime.betweenChanges(tidy);
  });
  await runtime.boot(recovery);
  store.forgetChecked();
  const isNew = journal.view.state.generation === 0;
  if (isNew && options.bundlesFolder !== undefined) await firstStart(runtime, options.bundlesFolder, options.progress);
  runtime.betweenChanges(tidy);
  return runtime;
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
  const outcome = await runtime.deploy(artifacts, { actor: 'first-start', watchMs: 0, ...(progress === undefined ? {} : { progress }) });
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
