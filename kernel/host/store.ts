/**
 * The content-addressed store: artifacts as files named by their SHA-256, `<folder>/blobs/<digest>`.
 * A blob appears by rename after its bytes are durable, so a name never stands for half a file. Blobs that are put at the same time become
 * durable together, as one batch file with one sync (see store-batch.ts); their own files are made afterwards, in the background: making a
 * thousand files takes half a second whatever one does.
 * What a crash leaves is in `staging/`. Which blobs are still needed is the journal's knowledge, not the store's.
 */
import { randomBytes } from 'node:crypto';
import { SluiceError } from '@sluice/sdk';
import { type Blob, checkDigest, checkedBlob, digestOf, isDigest } from './blob.js';
import { type FileLayer, NodeFiles } from './files.js';
import type { BlobStore } from './ports.js';
import { decodeBatch, encodeBatch } from './store-batch.js';

export { digestOf } from './blob.js';

/** From this many blobs on, one file for all is worth writing them twice. */
const BATCH_BLOBS_MIN = 4;
/** A batch is held in memory once more while it is written. */
const BATCH_BYTES_MAX = 32 * 1024 * 1024;

/**
 * Opens a store, making its folders when they are missing and restoring what a crash kept from becoming single files.
 * @param newName makes names of temporary files; they must not repeat.
 * @throws SluiceError `STORE_OPEN_FAILED`.
 */
export async function openStore(
  folder: string,
  files: FileLayer = new NodeFiles(),
  newName: () => string = randomName,
): Promise<FolderStore> {
  try {
    const made = [await files.makeFolder(`${folder}/blobs`), await files.makeFolder(`${folder}/staging`)];
    if (made.includes(true)) await files.syncFolder(folder);
    const store = new FolderStore(folder, files, newName);
    await store.restoreBatches();
    return store;
  } catch (cause) {
    throw new SluiceError('STORE_OPEN_FAILED', `Cannot open the store in '${folder}': ${(cause as Error).message}`, {
      details: { folder },
      remedy: 'Check that the data folder is writable, its disk has free space and the process may open more files.',
      cause,
    });
  }
}

function randomName(): string {
  return randomBytes(12).toString('hex');
}

interface Waiting extends Blob {
  resolve(): void;
  reject(error: unknown): void;
}

/** A store in a folder. Made by {@link openStore}. */
export class FolderStore implements BlobStore {
  /** By digest: two callers with the same bytes share one write, and neither returns before it is durable. */
  private readonly writing = new Map<string, Promise<void>>();
  /** Blobs that are durable in a batch file and have no file of their own yet. */
  private readonly batched = new Map<string, Uint8Array>();
  /** Files in `staging/` that are being written now. */
  private readonly parts = new Set<string>();
  private queue: Waiting[] = [];
  private working = false;
  /** Bytes read by {@link FolderStore.check}, for the read that follows. */
  private readonly checked = new Map<string, Buffer>();
  private closed = false;
  private settling: Promise<void> = Promise.resolve();

  constructor(
    private readonly folder: string,
    private readonly files: FileLayer,
    private readonly newName: () => string,
  ) {}

  async put(bytes: Uint8Array): Promise<string> {
    if (this.closed) throw new SluiceError('STORE_CLOSED', 'The store is closed');
    const digest = digestOf(bytes);
    let write = this.writing.get(digest);
    if (write === undefined) {
      write = this.enqueue({ digest, bytes }).finally(() => this.writing.delete(digest));
      this.writing.set(digest, write);
    }
    await write;
    return digest;
  }

  private enqueue(blob: Blob): Promise<void> {
    return new Promise((resolve, reject) => {
      this.queue.push({ ...blob, resolve, reject });
      if (!this.working) void this.work();
    });
  }

  /** Writes what is waiting, together; what comes meanwhile is the next batch. */
  private async work(): Promise<void> {
    this.working = true;
    // Puts of the same turn of the event loop are all in the queue after it.
    await Promise.resolve();
    while (this.queue.length > 0) {
      const batch = this.takeBatch();
      try {
        await (batch.length < BATCH_BLOBS_MIN ? this.writeSingly(batch) : this.writeTogether(batch));
        for (const waiting of batch) waiting.resolve();
      } catch (cause) {
        for (const { digest, bytes, reject } of batch) reject(writeFailed(digest, bytes.length, cause));
      }
    }
    this.working = false;
  }

  private takeBatch(): Waiting[] {
    let count = 0;
    for (let bytes = 0; count < this.queue.length && bytes < BATCH_BYTES_MAX; count += 1) bytes += this.queue[count]?.bytes.length ?? 0;
    return this.queue.splice(0, count);
  }

  private async writeSingly(blobs: readonly Blob[]): Promise<void> {
    for (const blob of blobs) if (!(await this.isStored(blob))) await this.writeFile(blob);
    await this.files.syncFolder(`${this.folder}/blobs`);
  }

  private async writeTogether(blobs: readonly Blob[]): Promise<void> {
    const missing: Blob[] = [];
    for (const blob of blobs) if (!(await this.isStored(blob))) missing.push(blob);
    // A file that is there need not be durable under its name: who renamed it may have died, or failed, before the folder was synced.
    if (missing.length < blobs.length) await this.files.syncFolder(`${this.folder}/blobs`);
    if (missing.length === 0) return;
    const name = `${this.newName()}.batch`;
    await this.writeDurably(encodeBatch(missing), `${this.folder}/staging/${name}`);
    await this.files.syncFolder(`${this.folder}/staging`);
    this.settleLater(name, missing);
  }

  /** A damaged blob does not count: putting the artifact anew is how an operator repairs the store. */
  private async isStored({ digest, bytes }: Blob): Promise<boolean> {
    return this.batched.has(digest) || (await this.files.read(this.path(digest)))?.equals(bytes) === true;
  }

  private writeFile({ digest, bytes }: Blob): Promise<void> {
    return this.writeDurably(bytes, this.path(digest));
  }

  private async writeDurably(bytes: Uint8Array, path: string): Promise<void> {
    const name = `${this.newName()}.part`;
    const part = `${this.folder}/staging/${name}`;
    this.parts.add(name);
    try {
      const file = await this.files.create(part);
      try {
        await file.append(bytes);
        await file.sync();
      } finally {
        await file.close();
      }
      await this.files.rename(part, path);
    } catch (error) {
      // The first failure is the one to report; a part that cannot be deleted now is swept at the next start.
      await this.files.remove(part).catch(() => undefined);
      throw error;
    } finally {
      this.parts.delete(name);
    }
  }

  /** Makes the single files of a batch one after the other, out of everybody's way, and then drops the batch. */
  private settleLater(batch: string, blobs: readonly Blob[]): void {
    for (const { digest, bytes } of blobs) this.batched.set(digest, bytes);
    this.settling = this.settling.then(async () => {
      try {
        for (const blob of blobs) {
          if (this.closed) return;
          await this.settle(blob);
        }
        await this.files.syncFolder(`${this.folder}/blobs`);
        await this.files.remove(`${this.folder}/staging/${batch}`);
      } catch {
        // The batch stays, and the next start does this again: nothing is lost by it.
      }
    });
  }

  private async settle(blob: Blob): Promise<void> {
    if (!this.batched.has(blob.digest)) return;
    await this.writeFile(blob);
    // Removed while it was written: then it must not come back.
    if (!this.batched.delete(blob.digest)) await this.files.remove(this.path(blob.digest));
  }

  /** Waits until every blob has a file of its own. */
  settled(): Promise<void> {
    return this.settling;
  }

  async close(): Promise<void> {
    this.closed = true;
    await Promise.allSettled(this.writing.values());
    await this.settling;
  }

  /** Takes over what is only in batch files. Called by {@link openStore}. */
  async restoreBatches(): Promise<void> {
    const names = (await this.files.list(`${this.folder}/staging`)).filter((one) => one.endsWith('.batch'));
    // What is in a batch counts as stored, so the batch must be durable under its name, whoever wrote it.
    if (names.length > 0) await this.files.syncFolder(`${this.folder}/staging`);
    for (const name of names) {
      const blobs = decodeBatch((await this.files.read(`${this.folder}/staging/${name}`)) ?? Buffer.alloc(0));
      const missing: Blob[] = [];
      for (const blob of blobs) if (!(await this.isStored(blob))) missing.push(blob);
      this.settleLater(name, missing);
    }
  }

  /**
   * Reads and hashes blobs and tells which are intact. Their bytes are kept until {@link FolderStore.forgetChecked}: a start needs them next.
   * @throws SluiceError `STORE_READ_FAILED` when the process may not open more files or has no memory: that says nothing about the blobs.
   */
  async check(digests: Iterable<string>): Promise<ReadonlySet<string>> {
    for (const digest of digests) {
      try {
        this.checked.set(digest, await this.get(digest));
      } catch (error) {
        if (isShortage(error)) throw error;
      }
    }
    return new Set(this.checked.keys());
  }

  /** Lets go of what {@link FolderStore.check} read. */
  forgetChecked(): void {
    this.checked.clear();
  }

  async get(digest: string): Promise<Buffer> {
    const batched = this.batched.get(digest) ?? this.checked.get(digest);
    if (batched !== undefined) return Buffer.from(batched);
    const path = this.path(digest);
    return checkedBlob(digest, await reading(path, () => this.files.read(path)));
  }

  async has(digest: string): Promise<boolean> {
    return this.batched.has(digest) || (isDigest(digest) && (await this.files.exists(this.path(digest))));
  }

  async list(): Promise<readonly string[]> {
    const folder = `${this.folder}/blobs`;
    const names = (await reading(folder, () => this.files.list(folder))).filter((name) => isDigest(name));
    return [...new Set([...names, ...this.batched.keys()])].sort();
  }

  async remove(digest: string): Promise<void> {
    const path = this.path(digest);
    this.batched.delete(digest);
    try {
      await this.files.remove(path);
    } catch (cause) {
      throw new SluiceError('STORE_REMOVE_FAILED', `Cannot remove blob ${digest}: ${(cause as Error).message}`, {
        details: { digest },
        remedy: 'Nothing is lost by it; it is tried again at the next start. Check the disk that holds the data folder.',
        cause,
        retryable: true,
      });
    }
  }

  async sweepStaging(): Promise<number> {
    const folder = `${this.folder}/staging`;
    const names = (await reading(folder, () => this.files.list(folder))).filter(
      (name) => !name.endsWith('.batch') && !this.parts.has(name),
    );
    // What cannot be deleted now is in nobody's way and is swept another time.
    for (const name of names) await this.files.remove(`${folder}/${name}`).catch(() => undefined);
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

  async close(): Promise<void> {}

  async orphans(inUse: Iterable<string>): Promise<readonly string[]> {
    return without(await this.list(), inUse);
  }

  /** Damages a stored blob in place, for tests of the way back. */
  damage(digest: string): void {
    const blob = this.blobs.get(digest);
    if (blob !== undefined) blob[0] = (blob[0] ?? 0) ^ 1;
  }
}

function writeFailed(digest: string, bytes: number, cause: unknown): SluiceError {
  return new SluiceError('STORE_WRITE_FAILED', `Cannot store blob ${digest}: ${(cause as Error).message}`, {
    details: { digest, bytes },
    remedy: 'Check free space and health of the disk that holds the data folder.',
    cause,
    retryable: true,
  });
}

async function reading<T>(path: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    throw new SluiceError('STORE_READ_FAILED', `Cannot read '${path}': ${(cause as Error).message}`, {
      details: { path, code: (cause as NodeJS.ErrnoException).code ?? null },
      remedy: 'Check the disk that holds the data folder, and how many files the process may open (ulimit -n).',
      cause,
      retryable: true,
    });
  }
}

/** True when reading failed for want of descriptors or memory. */
function isShortage(error: unknown): boolean {
  const { code } = ((error as SluiceError).cause ?? {}) as NodeJS.ErrnoException;
  return code === 'EMFILE' || code === 'ENFILE' || code === 'ENOMEM';
}

function without(digests: readonly string[], inUse: Iterable<string>): readonly string[] {
  const used = new Set(inUse);
  return digests.filter((digest) => !used.has(digest));
}
