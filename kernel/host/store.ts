/**
 * The content-addressed store: artifacts as files named by their SHA-256, `<folder>/blobs/<digest>`.
 * A blob appears by rename after its bytes are on disk, so a name never stands for half a file; what a crash leaves is in `staging/`
 * and swept at the next start. Which blobs are still needed is the journal's knowledge, not the store's.
 */
import { createHash, randomBytes } from 'node:crypto';
import { SluiceError } from '@sluice/sdk';
import { type FileLayer, NodeFiles } from './files.js';
import type { BlobStore } from './ports.js';

/** Files written at the same time; more would exhaust descriptors, the disk gains nothing. */
const WRITES_MAX = 16;
const DIGEST = /^[0-9a-f]{64}$/;

/** The digest under which bytes are stored. */
export function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Opens a store, making its folders when they are missing. */
export async function openStore(folder: string, files: FileLayer = new NodeFiles()): Promise<FolderStore> {
  await files.makeFolder(`${folder}/blobs`);
  await files.makeFolder(`${folder}/staging`);
  await files.syncFolder(folder);
  return new FolderStore(folder, files);
}

/** A store in a folder. Made by {@link openStore}. */
export class FolderStore implements BlobStore {
  private readonly writing = new Map<string, Promise<void>>();
  private readonly slots = new Slots(WRITES_MAX);
  private folderSync: { started: boolean; readonly done: Promise<void> } | undefined;

  constructor(
    private readonly folder: string,
    private readonly files: FileLayer,
  ) {}

  async put(bytes: Uint8Array): Promise<string> {
    const digest = digestOf(bytes);
    // Two callers with the same bytes share one write: the second must not return before the first is durable.
    const write = this.writing.get(digest) ?? this.startWrite(digest, bytes);
    await write;
    return digest;
  }

  private startWrite(digest: string, bytes: Uint8Array): Promise<void> {
    const write = this.write(digest, bytes).finally(() => this.writing.delete(digest));
    this.writing.set(digest, write);
    return write;
  }

  private async write(digest: string, bytes: Uint8Array): Promise<void> {
    try {
      await this.slots.run(async () => {
        const present = await this.files.read(this.path(digest));
        // A damaged blob is written again; putting the artifact anew is how an operator repairs the store.
        if (present === undefined || !present.equals(bytes)) await this.writeAside(digest, bytes);
      });
      await this.syncBlobs();
    } catch (cause) {
      throw new SluiceError('STORE_WRITE_FAILED', `Cannot store blob ${digest}: ${(cause as Error).message}`, {
        details: { digest, bytes: bytes.length },
        remedy: 'Check free space and health of the disk that holds the data folder.',
        cause,
        retryable: true,
      });
    }
  }

  private async writeAside(digest: string, bytes: Uint8Array): Promise<void> {
    const part = `${this.folder}/staging/${randomBytes(12).toString('hex')}.part`;
    try {
      const file = await this.files.create(part);
      try {
        await file.append(bytes);
        await file.sync();
      } finally {
        await file.close();
      }
      await this.files.rename(part, this.path(digest));
    } catch (error) {
      // The first failure is the one to report; a part that cannot be deleted now is swept at the next start.
      await this.files.remove(part).catch(() => undefined);
      throw error;
    }
  }

  /** Syncs the folder of blobs; callers that come before a sync begins share it. */
  private syncBlobs(): Promise<void> {
    if (this.folderSync !== undefined && !this.folderSync.started) return this.folderSync.done;
    const previous = this.folderSync?.done.catch(() => undefined) ?? Promise.resolve();
    const sync = {
      started: false,
      done: previous.then(() => {
        sync.started = true;
        return this.files.syncFolder(`${this.folder}/blobs`);
      }),
    };
    this.folderSync = sync;
    return sync.done;
  }

  async get(digest: string): Promise<Buffer> {
    return checkedBlob(digest, await this.files.read(this.path(digest)));
  }

  async has(digest: string): Promise<boolean> {
    return DIGEST.test(digest) && (await this.files.exists(this.path(digest)));
  }

  async list(): Promise<readonly string[]> {
    return (await this.files.list(`${this.folder}/blobs`)).filter((name) => DIGEST.test(name));
  }

  async remove(digest: string): Promise<void> {
    await this.files.remove(this.path(digest));
  }

  async sweepStaging(): Promise<number> {
    const names = await this.files.list(`${this.folder}/staging`);
    for (const name of names) await this.files.remove(`${this.folder}/staging/${name}`);
    return names.length;
  }

  async orphans(inUse: Iterable<string>): Promise<readonly string[]> {
    return without(await this.list(), inUse);
  }

  private path(digest: string): string {
    checkDigest(digest);
    return `${this.folder}/blobs/${digest}`;
  }
}

/** The store of tests and of kernels without a data folder. */
export class MemoryStore implements BlobStore {
  private readonly blobs = new Map<string, Buffer>();

  async put(bytes: Uint8Array): Promise<string> {
    const digest = digestOf(bytes);
    this.blobs.set(digest, Buffer.from(bytes));
    return digest;
  }

  async get(digest: string): Promise<Buffer> {
    checkDigest(digest);
    return Buffer.from(checkedBlob(digest, this.blobs.get(digest)));
  }

  async has(digest: string): Promise<boolean> {
    return this.blobs.has(digest);
  }

  async list(): Promise<readonly string[]> {
    return [...this.blobs.keys()].sort();
  }

  async remove(digest: string): Promise<void> {
    checkDigest(digest);
    this.blobs.delete(digest);
  }

  async sweepStaging(): Promise<number> {
    return 0;
  }

  async orphans(inUse: Iterable<string>): Promise<readonly string[]> {
    return without(await this.list(), inUse);
  }

  /** Damages a stored blob in place, for tests of the way back. */
  damage(digest: string): void {
    const blob = this.blobs.get(digest);
    if (blob !== undefined) blob[0] = (blob[0] ?? 0) ^ 1;
  }
}

function checkedBlob(digest: string, bytes: Buffer | undefined): Buffer {
  if (bytes === undefined) {
    throw new SluiceError('STORE_BLOB_MISSING', `Blob ${digest} is not in the store`, {
      details: { digest },
      remedy: 'Deploy the artifact again.',
    });
  }
  const found = digestOf(bytes);
  if (found !== digest) {
    throw new SluiceError('STORE_DIGEST_MISMATCH', `Blob ${digest} is damaged: its bytes hash to ${found}`, {
      details: { digest, found, bytes: bytes.length },
      remedy: 'Deploy the artifact again and check the disk.',
    });
  }
  return bytes;
}

// A digest becomes a file name: anything but 64 hex digits could name a file outside the store.
function checkDigest(digest: string): void {
  if (!DIGEST.test(digest)) {
    throw new SluiceError('STORE_DIGEST_INVALID', `'${digest}' is not a SHA-256 digest: expected 64 lower-case hex digits`, {
      details: { digest },
    });
  }
}

function without(digests: readonly string[], inUse: Iterable<string>): readonly string[] {
  const used = new Set(inUse);
  return digests.filter((digest) => !used.has(digest));
}

/** At most so many tasks at once, first come first served. */
class Slots {
  private readonly waiting: (() => void)[] = [];

  constructor(private free: number) {}

  async run<T>(task: () => Promise<T>): Promise<T> {
    if (this.free > 0) this.free -= 1;
    else await new Promise<void>((resolve) => this.waiting.push(resolve));
    try {
      return await task();
    } finally {
      const next = this.waiting.shift();
      if (next === undefined) this.free += 1;
      else next();
    }
  }
}
