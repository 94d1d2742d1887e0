/**
 * The few file operations that durability depends on, as a port, so that tests can make any of them fail (ENOSPC, EIO, a torn write).
 * `NodeFiles` is the real one. Nothing here retries: whoever writes decides what a failure means.
 */
import { constants } from 'node:fs';
import * as fs from 'node:fs/promises';

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
  makeFolder(path: string): Promise<void>;
  /** File names in a folder, sorted. */
  list(path: string): Promise<readonly string[]>;
  /** Undefined when there is no such file. */
  read(path: string): Promise<Buffer | undefined>;
  exists(path: string): Promise<boolean>;
  /** Makes a new file; fails when it exists. */
  create(path: string): Promise<OpenFile>;
  /** Opens a file for appending, making it when missing. */
  openForAppend(path: string): Promise<OpenFile>;
  rename(from: string, to: string): Promise<void>;
  /** Deletes a file; one that is missing is fine. */
  remove(path: string): Promise<void>;
  /** Makes renames and new files in a folder durable. */
  syncFolder(path: string): Promise<void>;
}

/** The file system of the process. */
export class NodeFiles implements FileLayer {
  async makeFolder(path: string): Promise<void> {
    await fs.mkdir(path, { recursive: true });
  }

  async list(path: string): Promise<readonly string[]> {
    return (await fs.readdir(path)).sort();
  }

  async read(path: string): Promise<Buffer | undefined> {
    try {
      return await fs.readFile(path);
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  async exists(path: string): Promise<boolean> {
    try {
      await fs.access(path);
      return true;
    } catch (error) {
      if (isMissing(error)) return false;
      throw error;
    }
  }

  async create(path: string): Promise<OpenFile> {
    return new NodeFile(await fs.open(path, 'wx', 0o600));
  }

  async openForAppend(path: string): Promise<OpenFile> {
    return new NodeFile(await fs.open(path, constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND, 0o600));
  }

  rename(from: string, to: string): Promise<void> {
    return fs.rename(from, to);
  }

  remove(path: string): Promise<void> {
    return fs.rm(path, { force: true });
  }

  async syncFolder(path: string): Promise<void> {
    const handle = await fs.open(path, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  }
}

class NodeFile implements OpenFile {
  constructor(private readonly handle: fs.FileHandle) {}

  async append(bytes: Uint8Array): Promise<void> {
    let written = 0;
    while (written < bytes.length) written += (await this.handle.write(bytes, written)).bytesWritten;
  }

  sync(): Promise<void> {
    return this.handle.datasync();
  }

  close(): Promise<void> {
    return this.handle.close();
  }
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
