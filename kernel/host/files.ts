/**
 * The few file operations that durability depends on, as a port, so that tests can make any of them fail (ENOSPC, EIO, a torn write).
 * `NodeFiles` is the real one. Nothing here retries: whoever writes decides what a failure means.
 */
import * as fs from 'node:fs';
import { promisify } from 'node:util';

/** An open file that is written sequentially. */
export interface OpenFile {
  /** Writes all bytes at the end. */
  append(bytes: Uint8Array): Promise<void>;
  /** Returns after data and size are on disk (fdatasync). */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** What store and journal do with a disk. */
export interface FileLayer {
  /** Makes a folder and those above it. True when it was not there. */
  makeFolder(path: string): Promise<boolean>;
  /** File names in a folder, sorted. */
  list(path: string): Promise<readonly string[]>;
  /** Undefined when there is no such file. */
  read(path: string): Promise<Buffer | undefined>;
  exists(path: string): Promise<boolean>;
  /** Makes a new file; fails when it exists. */
  create(path: string): Promise<OpenFile>;
  rename(from: string, to: string): Promise<void>;
  /** Deletes a file; one that is missing is fine. */
  remove(path: string): Promise<void>;
  /** Makes renames and new files in a folder durable. */
  syncFolder(path: string): Promise<void>;
}

/** Up to this size reading or writing the page cache takes less time than handing the call to another thread. */
const SMALL_BYTES = 128 * 1024;
const syncData = promisify(fs.fdatasync);
const syncAll = promisify(fs.fsync);

/**
 * The file system of the process. What only touches names and the page cache is done at once: a thousand blobs are stored in half the
 * time. What waits for the disk (every sync, large contents) goes to other threads.
 */
export class NodeFiles implements FileLayer {
  async makeFolder(path: string): Promise<boolean> {
    return fs.mkdirSync(path, { recursive: true }) !== undefined;
  }

  async list(path: string): Promise<readonly string[]> {
    return (await fs.promises.readdir(path)).sort();
  }

  async read(path: string): Promise<Buffer | undefined> {
    const status = fs.statSync(path, { throwIfNoEntry: false });
    if (status === undefined) return undefined;
    try {
      return status.size <= SMALL_BYTES ? fs.readFileSync(path) : await fs.promises.readFile(path);
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  async exists(path: string): Promise<boolean> {
    return fs.statSync(path, { throwIfNoEntry: false }) !== undefined;
  }

  async create(path: string): Promise<OpenFile> {
    return new NodeFile(fs.openSync(path, 'wx', 0o600));
  }

  async rename(from: string, to: string): Promise<void> {
    fs.renameSync(from, to);
  }

  async remove(path: string): Promise<void> {
    fs.rmSync(path, { force: true });
  }

  async syncFolder(path: string): Promise<void> {
    const descriptor = fs.openSync(path, 'r');
    try {
      await syncAll(descriptor);
    } finally {
      fs.closeSync(descriptor);
    }
  }
}

class NodeFile implements OpenFile {
  private closed = false;

  constructor(private readonly descriptor: number) {}

  async append(bytes: Uint8Array): Promise<void> {
    let written = 0;
    while (written < bytes.length) {
      const rest = bytes.subarray(written);
      written += rest.length <= SMALL_BYTES ? fs.writeSync(this.descriptor, rest) : await writeLarge(this.descriptor, rest);
    }
  }

  sync(): Promise<void> {
    return syncData(this.descriptor);
  }

  async close(): Promise<void> {
    // A number that was closed may belong to another file by now.
    if (this.closed) return;
    this.closed = true;
    fs.closeSync(this.descriptor);
  }
}

function writeLarge(descriptor: number, bytes: Uint8Array): Promise<number> {
  return new Promise((resolve, reject) => {
    fs.write(descriptor, bytes, (error, written) => (error === null ? resolve(written) : reject(error)));
  });
}

/** True for the error of a file that does not exist. */
export function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}

/**
 * Replaces a file so that after a crash either the old or the new content is there, whole.
 * The caller's folder must exist; a left-over `<path>.part` of an earlier crash is overwritten.
 */
export async function replaceFile(files: FileLayer, folder: string, name: string, bytes: Uint8Array): Promise<void> {
  const part = `${folder}/${name}.part`;
  await files.remove(part);
  const file = await files.create(part);
  try {
    await file.append(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
  await files.rename(part, `${folder}/${name}`);
  await files.syncFolder(folder);
}
