/**
 * V8's code caches, by artifact and entry: a start compiles nothing it has compiled before. Only a cache: losing one costs milliseconds.
 * V8 checks version and flags but, in release builds, not the bytes: a flipped bit could crash the process, so each file carries a checksum.
 * The folder is as trusted as the code it speeds up; whoever can write there can run code.
 */
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { cachedDataVersionTag } from 'node:v8';
import { crc32 } from 'node:zlib';

/** Where code caches are kept. */
export interface CodeCache {
  /** Synchronous: a bundle is loaded in one step. */
  read(digest: string, entry: string): Buffer | undefined;
  write(digest: string, entry: string, data: Buffer): Promise<void>;
}

/** Changes when the loader wraps code differently; V8 would not notice. */
const WRAPPER_VERSION = 1;

/** Code caches in a folder. Files of other V8 versions and flags are not found, and swept. */
export class CodeCacheFolder implements CodeCache {
  private readonly suffix = `.${cachedDataVersionTag().toString(16)}-${WRAPPER_VERSION}.code`;

  constructor(private readonly folder: string) {}

  read(digest: string, entry: string): Buffer | undefined {
    const path = this.path(digest, entry);
    // Asking first is cheaper than an exception: at a first start nothing is there.
    if (!existsSync(path)) return undefined;
    const file = readFileSync(path);
    const data = file.subarray(4);
    return file.length > 4 && file.readUInt32LE(0) === crc32(data) ? data : undefined;
  }

  async write(digest: string, entry: string, data: Buffer): Promise<void> {
    const checksum = Buffer.alloc(4);
    checksum.writeUInt32LE(crc32(data));
    const path = this.path(digest, entry);
    await mkdir(this.folder, { recursive: true });
    // No fsync: a cache that a crash leaves torn fails its checksum and is made again.
    await writeFile(`${path}.part`, Buffer.concat([checksum, data]), { mode: 0o600 });
    await rename(`${path}.part`, path);
  }

  /** Deletes caches of artifacts that are not in use and of other V8 versions. Returns how many. */
  async sweep(inUse: ReadonlySet<string>): Promise<number> {
    await mkdir(this.folder, { recursive: true });
    const names = (await readdir(this.folder)).filter((name) => !name.endsWith(this.suffix) || !inUse.has(name.slice(0, 64)));
    for (const name of names) await rm(`${this.folder}/${name}`, { force: true });
    return names.length;
  }

  private path(digest: string, entry: string): string {
    return `${this.folder}/${digest}-${crc32(entry).toString(16)}${this.suffix}`;
  }
}

/** Code caches of a kernel without a data folder. */
export class MemoryCodeCache implements CodeCache {
  private readonly caches = new Map<string, Buffer>();

  read(digest: string, entry: string): Buffer | undefined {
    return this.caches.get(`${digest}/${entry}`);
  }

  async write(digest: string, entry: string, data: Buffer): Promise<void> {
    this.caches.set(`${digest}/${entry}`, data);
  }

  async sweep(inUse: ReadonlySet<string>): Promise<number> {
    const keys = [...this.caches.keys()].filter((key) => !inUse.has(key.slice(0, 64)));
    for (const key of keys) this.caches.delete(key);
    return keys.length;
  }
}

/** The code caches of a data folder. */
export function createFileCodeCache(folder: string): CodeCacheFolder {
  return new CodeCacheFolder(folder);
}
