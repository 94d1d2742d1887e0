/**
 * Backup and restore of a data folder. A backup is one gzipped tar with an index of every file and its SHA-256; the database part is a
 * consistent copy made by its bundle while it serves. Always holds: a backup or a restore is there whole or not at all.
 */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { copyFile, mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import { isSluiceError, messageOf, SluiceError, type BackupSourceService } from '@sluice/sdk';
import { extract, pack, type Extract, type Pack } from 'tar-stream';
import { FORMAT } from './data-folder.js';
import { acquireLock } from './lock.js';

const INDEX = 'backup.json';
/** What of a data folder is copied as it is; everything else is a cache, a lock, a log, or comes from a backup source. */
const COPIED = ['format', 'journal.log', 'pointer', 'store/blobs', 'blobs', 'config', 'scheduler', 'events', 'trust'] as const;

interface IndexFile {
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

interface Index {
  readonly format: number;
  readonly createdAt: string;
  readonly parts: readonly string[];
  /** Parts that are not in it, each with a sentence on how it is copied. Absent in archives of older kernels. */
  readonly elsewhere?: readonly BackupNote[];
  readonly files: readonly IndexFile[];
}

/** A part that is not in a backup, and how it is copied and restored instead. */
interface BackupNote {
  readonly part: string;
  readonly note: string;
}

/** What a backup made. */
export interface BackupArchive {
  readonly path: string;
  readonly bytes: number;
  readonly digest: string;
  readonly elsewhere: readonly BackupNote[];
}

/** What a restore put in place. */
interface RestoreResult {
  readonly files: number;
  readonly createdAt: string;
  readonly elsewhere: readonly BackupNote[];
}

/**
 * Writes a backup. The caller makes sure that no change runs meanwhile; requests may.
 * @throws SluiceError `BACKUP_EXISTS`, `BACKUP_FAILED` naming the part.
 */
export async function writeBackup(dataFolder: string, target: string, sources: readonly BackupSourceService[]): Promise<BackupArchive> {
  const path = resolve(target);
  if (await exists(path)) {
    throw new SluiceError('BACKUP_EXISTS', `'${path}' exists already`, {
      details: { path },
      remedy: 'Choose another name; a backup never overwrites one.',
      httpStatus: 409,
    });
  }
  const workFolder = join(dataFolder, 'tmp', `backup-${process.pid}-${Date.now()}`);
  await mkdir(workFolder, { recursive: true });
  try {
    for (const name of COPIED) await copyTree(join(dataFolder, name), join(workFolder, name));
    const elsewhere: BackupNote[] = [];
    for (const source of sources) {
      const note = await backUpPart(source, join(workFolder, source.name));
      if (note !== undefined) elsewhere.push({ part: source.name, note });
    }
    const index: Index = {
      format: FORMAT,
      createdAt: new Date().toISOString(),
      parts: sources.map(({ name }) => name),
      elsewhere,
      files: await indexOf(workFolder),
    };
    const partial = `${path}.part`;
    await mkdir(dirname(path), { recursive: true });
    await writeArchiveFile(workFolder, index, partial);
    await rename(partial, path);
    return { path, bytes: (await stat(path)).size, digest: await digestOfFile(path), elsewhere };
  } finally {
    await rm(workFolder, { recursive: true, force: true });
  }
}

/** The sentence on where the copy is made when that is not here. */
async function backUpPart(source: BackupSourceService, folder: string): Promise<string | undefined> {
  await mkdir(folder, { recursive: true });
  try {
    return (await source.backup(folder))?.elsewhere;
  } catch (cause) {
    throw new SluiceError('BACKUP_FAILED', `The backup of '${source.name}' failed: ${(cause as Error).message}`, {
      cause,
      details: { part: source.name },
    });
  }
}

async function writeArchiveFile(workFolder: string, index: Index, path: string): Promise<void> {
  const tar = pack();
  const written = pipeline(tar, createGzip({ level: 6 }), createWriteStream(path));
  await addEntry(tar, INDEX, Buffer.from(JSON.stringify(index, null, 1)));
  for (const file of index.files) await addEntry(tar, file.path, await readFile(join(workFolder, file.path)));
  tar.finalize();
  await written;
  const handle = await open(path, 'r');
  await handle.sync();
  await handle.close();
}

function addEntry(tar: Pack, name: string, content: Buffer): Promise<void> {
  return new Promise((done, failed) => {
    tar.entry({ name, size: content.length, mtime: new Date(0), mode: 0o600 }, content, (error) => (error ? failed(error) : done()));
  });
}

/**
 * Restores a backup into a data folder that does not exist or is empty. Every file is checked against the index before anything is put
 * in place.
 * @throws SluiceError `RESTORE_UNKNOWN`, `RESTORE_NOT_EMPTY`, `RESTORE_DAMAGED`, `DATA_FOLDER_LOCKED`, `DATA_FOLDER_FORMAT`.
 */
export async function restoreBackup(archive: string, dataFolder: string): Promise<RestoreResult> {
  const target = resolve(dataFolder);
  const found = (await exists(target)) ? (await readdir(target)).filter((name) => name !== 'lock') : [];
  if (found.length > 0) {
    throw new SluiceError('RESTORE_NOT_EMPTY', `'${target}' is not empty: it holds ${found.slice(0, 5).join(', ')}`, {
      details: { folder: target, found },
      remedy: 'Restore into a new folder, or move the old one away first. Nothing is overwritten.',
      httpStatus: 409,
    });
  }
  if (!(await stat(archive).catch(() => null))?.isFile()) {
    throw new SluiceError('RESTORE_UNKNOWN', `There is no backup '${archive}'`, {
      details: { archive },
      remedy: 'Name an archive that `sluice backup` wrote.',
      httpStatus: 404,
    });
  }
  const staging = `${target}.restore-${process.pid}`;
  await mkdir(staging, { recursive: true });
  try {
    const index = await extractAll(archive, staging);
    await mkdir(target, { recursive: true });
    const lock = await acquireLock(target);
    try {
      for (const name of await readdir(staging)) await rename(join(staging, name), join(target, name));
    } finally {
      await lock.release();
    }
    return { files: index.files.length, createdAt: index.createdAt, elsewhere: index.elsewhere ?? [] };
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

async function extractAll(archive: string, staging: string): Promise<Index> {
  const tar = extract();
  // Both ends are waited for: whichever fails first takes the other one with it, and only one of the two errors tells why.
  const [read, taken] = await Promise.allSettled([
    pipeline(createReadStream(archive), createGunzip(), tar),
    takeEntries(archive, tar, staging),
  ]);
  const isCutOff = read.status === 'rejected' && (read.reason as NodeJS.ErrnoException).code !== 'ERR_STREAM_PREMATURE_CLOSE';
  if (taken.status === 'rejected' && (isSluiceError(taken.reason) || !isCutOff)) throw taken.reason;
  if (read.status === 'rejected') throw damaged(archive, `it cannot be read: ${messageOf(read.reason)}`);
  if (taken.status === 'rejected') throw taken.reason;
  const { index, sums } = taken.value;
  if (index === null) throw damaged(archive, 'it has no index');
  assertComplete(archive, index, sums);
  return index;
}

interface TakenEntries {
  readonly index: Index | null;
  readonly sums: ReadonlyMap<string, IndexFile>;
}

async function takeEntries(archive: string, tar: Extract, staging: string): Promise<TakenEntries> {
  const sums = new Map<string, IndexFile>();
  let index: Index | null = null;
  for await (const entry of tar) {
    const { name, type } = entry.header;
    const content = await collect(entry as unknown as AsyncIterable<Buffer>);
    if (type !== 'file') throw damaged(archive, `entry '${name}' is no file`);
    if (name === INDEX) {
      index = readIndex(archive, content);
      continue;
    }
    const path = join(staging, name);
    if (relative(staging, path).startsWith('..') || name.includes('\0')) throw damaged(archive, `entry '${name}' points outside`);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content, { flag: 'wx', mode: 0o600 });
    sums.set(name, { path: name, bytes: content.length, sha256: createHash('sha256').update(content).digest('hex') });
  }
  return { index, sums };
}

function readIndex(archive: string, content: Buffer): Index {
  try {
    return JSON.parse(content.toString()) as Index;
  } catch {
    throw damaged(archive, 'its index is no JSON');
  }
}

function assertComplete(archive: string, index: Index, found: ReadonlyMap<string, IndexFile>): void {
  if (index.format > FORMAT) throw damaged(archive, `it has layout ${index.format}, this kernel reads up to ${FORMAT}`);
  for (const file of index.files) {
    if (found.get(file.path)?.sha256 !== file.sha256) throw damaged(archive, `file '${file.path}' is missing or altered`);
  }
  if (found.size !== index.files.length) throw damaged(archive, 'it holds files that its index does not name');
}

function damaged(archive: string, why: string): SluiceError {
  return new SluiceError('RESTORE_DAMAGED', `The backup '${archive}' cannot be restored: ${why}`, {
    details: { archive },
    remedy: 'Use another backup. Nothing was written.',
    httpStatus: 422,
  });
}

async function collect(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function copyTree(from: string, to: string): Promise<void> {
  const kind = await stat(from).catch(() => null);
  if (kind === null) return;
  if (kind.isFile()) {
    await mkdir(dirname(to), { recursive: true });
    await copyFile(from, to);
    return;
  }
  for (const name of await readdir(from)) await copyTree(join(from, name), join(to, name));
}

async function indexOf(folder: string): Promise<IndexFile[]> {
  const files: IndexFile[] = [];
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const full = join(entry.parentPath, entry.name);
    const content = await readFile(full);
    files.push({
      path: relative(folder, full).split(sep).join('/'),
      bytes: content.length,
      sha256: createHash('sha256').update(content).digest('hex'),
    });
  }
  return files.sort((a, b) => (a.path < b.path ? -1 : 1));
}

async function digestOfFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null)) !== null;
}
