/**
 * The archive of a diagnosis; and the diagnosis of a data folder on which no kernel runs, or will not start. Reads the folder, changes
 * nothing in it.
 */
import { readdir, readFile, stat, statfs, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { messageOf, SluiceError } from '@sluice/sdk';
import { diagnosisFiles, hideMarked, markedSecrets, Redactor, type DiagnosisFile } from '../model/index.js';
import { readArchive } from './archive.js';
import { entryBlocks } from './archive-writer.js';
import { decodeJournal } from './journal-format.js';
import { foldRecords } from './journal-view.js';
import type { JournalView } from './ports.js';
import { BLOCK_BYTES } from './tar.js';
import { kernelVersion } from './versions.js';

/** Bytes read from the end of each log file. */
const LOG_TAIL_BYTES = 1_000_000;
/** Files of a folder that are listed. */
const LISTED_MAX = 500;

const ABOUT = `A diagnosis of a Sluice data folder on which no kernel was running, written by \`sluice dump\` or by a start that failed.

system.json   versions, free space, why the start failed
desired.json  what shall run, from the journal; undecided and unconfirmed changes
history.json  changes, newest last
config.json   the operator's and the run-time configuration; only what a schema knows and does not mark as secret is shown
files.json    files of the folder with their sizes
log.txt       the end of the log

Secrets are taken out as far as they can be told without running anything. Read it before you send it.
`;

/** A written dump. */
export interface WrittenDump {
  readonly path: string;
  readonly bytes: number;
  readonly files: readonly string[];
}

/**
 * Writes files as one .tgz that only its owner can read.
 * @param replace false refuses when the file exists.
 * @throws SluiceError `DUMP_EXISTS`, `DUMP_FAILED`.
 */
export async function writeDump(path: string, files: readonly DiagnosisFile[], replace = false): Promise<WrittenDump> {
  const folder = basename(path).replace(/\.(tgz|tar\.gz)$/, '');
  const blocks = files.flatMap(({ name, text }) => entryBlocks(`${folder}/${name}`, Buffer.from(text)));
  const bytes = gzipSync(Buffer.concat([...blocks, Buffer.alloc(2 * BLOCK_BYTES)]));
  try {
    await writeFile(path, bytes, { mode: 0o600, flag: replace ? 'w' : 'wx' });
  } catch (cause) {
    const exists = (cause as NodeJS.ErrnoException).code === 'EEXIST';
    throw new SluiceError(exists ? 'DUMP_EXISTS' : 'DUMP_FAILED', `Cannot write '${path}': ${exists ? 'it exists' : messageOf(cause)}`, {
      details: { path },
      remedy: exists ? 'Name another file.' : 'Name a file in a folder that exists, can be written and has space.',
      cause,
      httpStatus: exists ? 409 : 500,
    });
  }
  return { path, bytes: bytes.length, files: files.map(({ name }) => name) };
}

/** What can be told of a data folder without running a kernel. @param failure why a start failed. */
export async function diagnoseFolder(dataFolder: string, failure?: unknown): Promise<readonly DiagnosisFile[]> {
  const view = await attempt(() => readView(dataFolder));
  const schemas = 'value' in view ? await schemasOf(dataFolder, view.value) : new Map<string, unknown>();
  const { shown, secrets } = await readConfiguration(dataFolder, schemas);
  const parts = {
    'README.txt': ABOUT,
    'system.json': { ...(await folderFacts(dataFolder)), failure: failure === undefined ? null : describeFailure(failure) },
    'desired.json': 'value' in view ? desired(view.value) : view,
    'history.json': 'value' in view ? view.value.state.history : view,
    'config.json': shown,
    'files.json': await listFiles(dataFolder),
    'log.txt': await logTail(join(dataFolder, 'log')),
  };
  return diagnosisFiles(parts, new Redactor(secrets));
}

async function attempt<T>(work: () => Promise<T>): Promise<{ readonly value: T } | { readonly unavailable: string }> {
  try {
    return { value: await work() };
  } catch (error) {
    return { unavailable: messageOf(error) };
  }
}

async function readView(dataFolder: string): Promise<JournalView> {
  return foldRecords(decodeJournal(await readFile(join(dataFolder, 'journal.log'))).records);
}

function desired({ state: { history: _history, releases, ...state }, undecided, open, failedBoots }: JournalView): unknown {
  return {
    ...state,
    releases: (releases ?? []).map(({ deployId, at, outcome, release }) => ({
      deployId,
      at,
      outcome,
      name: release.name,
      version: release.version,
    })),
    undecided: undecided.map(({ deployId, at, kind, changes }) => ({ deployId, at, kind, changes })),
    unconfirmed: open.map(({ begin, generation }) => ({ deployId: begin.deployId, generation })),
    failedBoots,
  };
}

/** Schemas of the configuration, from the manifests in the stored artifacts. */
async function schemasOf(dataFolder: string, { state }: JournalView): Promise<Map<string, unknown>> {
  const schemas = new Map<string, unknown>();
  for (const { symbolicName, digest } of state.bundles) {
    const found = await attempt(async () => readArchive(await readFile(join(dataFolder, 'blobs', digest))).packageJson);
    const section = 'value' in found ? (found.value as { sluice?: { config?: { schema?: unknown } } }).sluice : undefined;
    if (section?.config?.schema !== undefined) schemas.set(symbolicName, section.config.schema);
  }
  return schemas;
}

async function readConfiguration(
  dataFolder: string,
  schemas: ReadonlyMap<string, unknown>,
): Promise<{ readonly shown: Record<string, unknown>; readonly secrets: ReadonlySet<string> }> {
  const shown: Record<string, unknown> = {};
  const secrets = new Set<string>();
  for (const layer of ['config', 'config/runtime']) {
    for (const name of await namesIn(join(dataFolder, layer))) {
      if (!name.endsWith('.json')) continue;
      const read = await attempt(async () => JSON.parse(await readFile(join(dataFolder, layer, name), 'utf8')) as unknown);
      if (!('value' in read)) {
        // The text of a parse error quotes what it found.
        shown[`${layer}/${name}`] = 'cannot be read';
        continue;
      }
      const schema = schemas.get(name.slice(0, -'.json'.length));
      for (const secret of markedSecrets(read.value, schema, schema === undefined)) secrets.add(secret);
      for (const secret of await referredSecrets(read.value)) secrets.add(secret);
      shown[`${layer}/${name}`] = schema === undefined ? keysOnly(read.value) : hideMarked(read.value, schema);
    }
  }
  return { shown, secrets };
}

/** What references in a configuration stand for, as far as this process can see it. */
async function referredSecrets(value: unknown): Promise<readonly string[]> {
  if (typeof value !== 'object' || value === null) return [];
  const { $env: variable, $file: file } = value as { readonly $env?: unknown; readonly $file?: unknown };
  if (typeof variable === 'string') return [process.env[variable] ?? ''];
  if (typeof file === 'string') {
    const read = await attempt(() => readFile(file, 'utf8'));
    return 'value' in read ? [read.value.trim()] : [];
  }
  return (await Promise.all(Object.values(value).map(referredSecrets))).flat();
}

/** Without a schema everything is taken for a secret. */
function keysOnly(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return typeof value === 'boolean' || value === null ? value : '***';
  if (Array.isArray(value)) return value.map(keysOnly);
  return Object.fromEntries(
    Object.entries(value).map(([key, entry]) => [key, key === '$env' || key === '$file' ? entry : keysOnly(entry)]),
  );
}

async function folderFacts(dataFolder: string): Promise<Record<string, unknown>> {
  const disk = await attempt(() => statfs(dataFolder));
  return {
    dataFolder,
    writtenAt: new Date().toISOString(),
    kernel: kernelVersion(),
    versions: process.versions,
    platform: `${process.platform} ${process.arch}`,
    nodeOptions: process.execArgv,
    disk: 'value' in disk ? { freeBytes: disk.value.bavail * disk.value.bsize, sizeBytes: disk.value.blocks * disk.value.bsize } : disk,
  };
}

function describeFailure(failure: unknown): unknown {
  if (!(failure instanceof Error)) return String(failure);
  const { name, message, stack, cause } = failure;
  const { code, details } = failure as Error & { readonly code?: unknown; readonly details?: unknown };
  return { name, code, message, details, stack, cause: cause === undefined ? undefined : messageOf(cause) };
}

async function listFiles(dataFolder: string): Promise<unknown> {
  const files: { readonly path: string; readonly bytes: number; readonly modifiedAt: string }[] = [];
  for (const folder of [
    '',
    'blobs',
    'config',
    'config/runtime',
    'config/history',
    'db',
    'deploy',
    'events',
    'log',
    'scheduler',
    'staging',
    'trust',
  ]) {
    for (const name of await namesIn(join(dataFolder, folder))) {
      const found = await attempt(() => stat(join(dataFolder, folder, name)));
      if (!('value' in found) || !found.value.isFile() || files.length >= LISTED_MAX) continue;
      files.push({ path: join(folder, name), bytes: found.value.size, modifiedAt: found.value.mtime.toISOString() });
    }
  }
  return files;
}

async function namesIn(folder: string): Promise<readonly string[]> {
  const found = await attempt(() => readdir(folder));
  return 'value' in found ? [...found.value].sort() : [];
}

async function logTail(folder: string): Promise<string> {
  const read = await attempt(() => readFile(join(folder, 'sluice.log')));
  if (!('value' in read)) return `no log: ${read.unavailable}\n`;
  const tail = read.value.subarray(Math.max(0, read.value.length - LOG_TAIL_BYTES)).toString('utf8');
  return read.value.length > LOG_TAIL_BYTES ? tail.slice(tail.indexOf('\n') + 1) : tail;
}
