/** The files of the watched folder: artifacts (`*.tgz`) directly in it, and the status beside each. */
import type { Stats } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Listed } from '../domain/candidates.js';
import type { FolderFiles } from '../domain/deploy-folder.js';

const ARTIFACT = /^[^.].*\.tgz$/;

/** Artifacts in a folder. */
export class ArtifactFolder implements FolderFiles {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  /** Opens a folder, making it when it is missing. */
  static async open(path: string): Promise<ArtifactFolder> {
    await mkdir(path, { recursive: true });
    return new ArtifactFolder(path);
  }

  async list(): Promise<readonly Listed[]> {
    const names = (await readdir(this.path)).filter((name) => ARTIFACT.test(name)).sort();
    const listed = await Promise.all(names.map((name) => this.#listed(name)));
    return listed.flatMap((one) => one ?? []);
  }

  read(name: string): Promise<Uint8Array | null> {
    return orNull(readFile(join(this.path, name)));
  }

  readSignatures(name: string): Promise<Uint8Array | null> {
    return orNull(readFile(this.#signaturePath(name)));
  }

  async writeStatus(name: string, text: string): Promise<void> {
    const path = this.#statusPath(name);
    await writeFile(`${path}.tmp`, text);
    await rename(`${path}.tmp`, path);
  }

  removeStatus(name: string): Promise<void> {
    return rm(this.#statusPath(name), { force: true });
  }

  async #listed(name: string): Promise<Listed | null> {
    const found = await orNull(stat(join(this.path, name)));
    if (found === null || !found.isFile()) return null;
    const signatures = await orNull(stat(this.#signaturePath(name)));
    return { name, bytes: found.size, stamp: [found, ...(signatures === null ? [] : [signatures])].map(stampOf).join('+') };
  }

  #signaturePath(name: string): string {
    return join(this.path, `${name}.sig`);
  }

  #statusPath(name: string): string {
    return join(this.path, `${name}.status.json`);
  }
}

/** The time of the last change of the inode moves even when a tool sets the time of modification back. */
function stampOf({ ino, size, mtimeMs, ctimeMs }: Stats): string {
  return `${ino}:${size}:${mtimeMs}:${ctimeMs}`;
}

async function orNull<T>(reading: Promise<T>): Promise<T | null> {
  try {
    return await reading;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
