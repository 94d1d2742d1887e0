/**
 * The log file: appends, and moves the file aside when it has grown enough (`sluice.log` -> `sluice.log.1` -> `.2` ...).
 * Always holds: a failed append leaves no half line behind when the disk lets us cut it off again; after any failure the
 * file is opened anew, so a removed folder or a rotated-away file heals by itself.
 */
import { mkdir, open, rename, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { LineTarget } from '../domain/buffered-lines.js';

/** Limits of the file. */
export interface RotationLimits {
  readonly fileBytesMax: number;
  readonly filesKept: number;
}

/** Name of the current file. */
export const LOG_FILE_NAME = 'sluice.log';

/** Appends to a file with rotation by size. */
export class RotatingFile implements LineTarget {
  readonly #folder: string;
  #limits: RotationLimits;
  #handle: FileHandle | null = null;
  #size = 0;

  constructor(folder: string, limits: RotationLimits) {
    this.#folder = folder;
    this.#limits = limits;
  }

  setLimits(limits: RotationLimits): void {
    this.#limits = limits;
  }

  async append(chunk: Uint8Array): Promise<void> {
    try {
      if (this.#handle === null) await this.#open();
      if (this.#size > 0 && this.#size + chunk.length > this.#limits.fileBytesMax) await this.#rotate();
      await this.#write(chunk);
    } catch (error) {
      await this.close().catch(() => undefined);
      throw error;
    }
  }

  async close(): Promise<void> {
    const handle = this.#handle;
    this.#handle = null;
    await handle?.close();
  }

  async #open(): Promise<void> {
    await mkdir(this.#folder, { recursive: true });
    const handle = await open(join(this.#folder, LOG_FILE_NAME), 'a', 0o640);
    this.#handle = handle;
    this.#size = (await handle.stat()).size;
  }

  async #write(chunk: Uint8Array): Promise<void> {
    const handle = this.#handle as FileHandle;
    let written = 0;
    try {
      while (written < chunk.length) written += (await handle.write(chunk, written)).bytesWritten;
    } catch (error) {
      // The chunk is written again later; half of it must not stay.
      if (written > 0) await handle.truncate(this.#size).catch(() => undefined);
      throw error;
    }
    this.#size += chunk.length;
  }

  async #rotate(): Promise<void> {
    await this.close();
    const { filesKept } = this.#limits;
    await rm(this.#path(filesKept), { force: true });
    for (let index = filesKept - 1; index >= 0; index--) await moveIfThere(this.#path(index), this.#path(index + 1));
    await this.#open();
  }

  #path(index: number): string {
    return join(this.#folder, index === 0 ? LOG_FILE_NAME : `${LOG_FILE_NAME}.${index}`);
  }
}

async function moveIfThere(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
