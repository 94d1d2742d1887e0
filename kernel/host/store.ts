/**
 * The content-addressed store: artifacts as files named by their SHA-256, `<folder>/blobs/<digest>`.
 * A blob appears by rename after its bytes are durable, so a name never stands for half a file.
 * What is put becomes durable in a batch file first, `staging/<random>.batch` (see store-batch.ts): one append and one sync for however many
 * blobs, where a file of its own costs two syncs and a rename. The single files are made when nothing has been put for a while.
 * What a crash leaves is in `staging/`. Which blobs are still needed is the journal's knowledge, not the store's.
 */
import { randomBytes } from 'node:crypto';
import { SluiceError } from '@sluice/sdk';
import { type Blob, checkDigest, checkedBlob, digestOf, isDigest } from './blob.js';
import { SystemClock } from './clock.js';
import { type FileLayer, NodeFiles, type OpenFile } from './files.js';
import type { BlobStore, HostClock, HostTimer } from './ports.js';
import { decodeBatch, encodeBatch } from './store-batch.js';

export { digestOf } from './blob.js';

/** Larger blobs are written once, as files of their own, not twice. */
const BATCHED_BLOB_BYTES_MAX = 1024 * 1024;
/** Bytes of blobs held in memory until they have files of their own; beyond this they get them at once. */
const BATCHED_BYTES_MAX = 32 * 1024 * 1024;
/** Files of their own are made once nothing was put for so long. */
const SETTLE_AFTER_MS = 1_000;
/** A close makes the files of so few blobs; more are left to the next start. */
const SETTLED_AT_CLOSE_MAX = 32;

/** What a store needs of a clock. */
export type StoreClock = Pick<HostClock, 'setTimeout'>;

/**
 * Opens a store, making its folders when they are missing and restoring what a crash kept from becoming single files.
 * @param newName makes names of temporary files; they must not repeat.
 * @param clock tells when nothing has been put for a while. Default: the time of the process.
 * @throws SluiceError `STORE_OPEN_FAILED`.
 */
export async function openStore(
  folder: string,
  files: FileLayer = new NodeFiles(),
  newName: () => string = randomName,
  clock: StoreClock = new SystemClock(),
): Promise<FolderStore> {
  try {
    const made = [await files.makeFolder(`${folder}/blobs`), await files.makeFolder(`${folder}/staging`)];
    if (made.includes(true)) await files.syncFolder(folder);
    const store = new FolderStore(folder, files, newName, clock);
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

/** A batch file. */
interface Batch {
  readonly name: string;
  readonly blobs: Blob[];
}

/** The batch file that takes what is put. */
interface Intake extends Batch {
  readonly file: OpenFile;
}

/** A store in a folder. Made by {@link openStore}. */
export class FolderStore implements BlobStore {
  /** By digest: two callers with the same bytes share one write, and neither returns before it is durable. */
  private readonly writing = new Map<string, Promise<void>>();
  /** Blobs that are durable in a batch file and have no file of their own yet. */
  private readonly batched = new Map<string, Uint8Array>();
  /** Files in `staging/` that are being written now. */
  private readonly parts = new Set<string>();
  private batchedBytes = 0;
  private intake: Intake | undefined;
  /** Batches of an earlier process. */
  private restored: Batch[] = [];
  private queue: Waiting[] = [];
  private working = false;
  private settleTimer: HostTimer | undefined;
  /** Bytes read by {@link FolderStore.check}, for the read that follows. */
  private readonly checked = new Map<string, Buffer>();
  private closed = false;
  private settling: Promise<void> = Promise.resolve();

  constructor(
    private readonly folder: string,
    private readonly files: FileLayer,
    private readonly newName: () => string,
    private readonly clock: StoreClock,
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
      const waiting = this.takeWaiting();
      try {
        await this.write(waiting);
        for (const one of waiting) one.resolve();
      } catch (cause) {
        for (const { digest, bytes, reject } of waiting) reject(writeFailed(digest, bytes.length, cause));
      }
    }
    this.working = false;
  }

  private takeWaiting(): Waiting[] {
    let count = 0;
    for (let bytes = 0; count < this.queue.length && bytes < BATCHED_BYTES_MAX; count += 1) bytes += this.queue[count]?.bytes.length ?? 0;
    return this.queue.splice(0, count);
  }

  private async write(blobs: readonly Blob[]): Promise<void> {
    const missing: Blob[] = [];
    let isInFile = false;
    for (const blob of blobs) {
      if (this.batched.has(blob.digest)) continue;
      if (await this.isFile(blob)) isInFile = true;
      else missing.push(blob);
    }
    // A file that is there need not be durable under its name: who renamed it may have died, or failed, before the folder was synced.
    if (isInFile) await this.files.syncFolder(`${this.folder}/blobs`);
    const small = missing.filter((blob) => blob.bytes.length <= BATCHED_BLOB_BYTES_MAX);
    const large = missing.filter((blob) => blob.bytes.length > BATCHED_BLOB_BYTES_MAX);
    if (small.length > 0) await this.writeTogether(small);
    for (const blob of large) await this.writeFile(blob);
    if (large.length > 0) await this.files.syncFolder(`${this.folder}/blobs`);
  }

  private async writeTogether(blobs: readonly Blob[]): Promise<void> {
    const isNew = this.intake === undefined;
    const intake = this.intake ?? (await this.openIntake());
    // Out of sight while it is written: nobody closes it now.
    this.intake = undefined;
    try {
      await intake.file.append(encodeBatch(blobs));
      await intake.file.sync();
      if (isNew) await this.files.syncFolder(`${this.folder}/staging`);
    } catch (error) {
      await this.abandon(intake);
      throw error;
    }
    this.intake = intake;
    intake.blobs.push(...blobs);
    this.remember(blobs);
    if (this.batchedBytes > BATCHED_BYTES_MAX) this.settleNow();
    else this.settleSoon();
  }

  private async openIntake(): Promise<Intake> {
    const name = `${this.newName()}.batch`;
    return { name, file: await this.files.create(`${this.folder}/staging/${name}`), blobs: [] };
  }

  /** What a failed append left at the end of the file would hide what is appended after it. What was there before stays good. */
  private async abandon(intake: Intake): Promise<void> {
    if (intake.blobs.length > 0) return this.settleBatch(intake);
    await intake.file.close().catch(() => undefined);
    await this.files.remove(`${this.folder}/staging/${intake.name}`).catch(() => undefined);
  }

  private remember(blobs: readonly Blob[]): void {
    for (const { digest, bytes } of blobs) {
      if (!this.batched.has(digest)) this.batchedBytes += bytes.length;
      this.batched.set(digest, bytes);
    }
  }

  private forget(digest: string): boolean {
    this.batchedBytes -= this.batched.get(digest)?.length ?? 0;
    return this.batched.delete(digest);
  }

  /** A damaged blob does not count: putting the artifact anew is how an operator repairs the store. */
  private async isFile({ digest, bytes }: Blob): Promise<boolean> {
    return (await this.files.read(this.path(digest)))?.equals(bytes) === true;
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

  private settleSoon(): void {
    this.settleTimer?.cancel();
    this.settleTimer = this.clock.setTimeout(() => this.settleNow(), SETTLE_AFTER_MS);
    this.settleTimer.unref?.();
  }

  /** Begins to make the single files of all batches. The next put opens another batch. */
  private settleNow(): void {
    this.settleTimer?.cancel();
    const { intake, restored } = this;
    this.intake = undefined;
    this.restored = [];
    for (const batch of restored) this.settleBatch(batch);
    if (intake !== undefined) this.settleBatch(intake);
  }

  /** Makes the single files of a batch one after the other, out of everybody's way, and then drops the batch. */
  private settleBatch({ name, blobs, file }: Batch & { readonly file?: OpenFile }): void {
    this.settling = this.settling.then(async () => {
      try {
        await file?.close();
        for (const blob of blobs) {
          if (this.closed && blobs.length > SETTLED_AT_CLOSE_MAX) return;
          await this.settle(blob);
        }
        await this.files.syncFolder(`${this.folder}/blobs`);
        await this.files.remove(`${this.folder}/staging/${name}`);
      } catch {
        // The batch stays, and the next start does this again: nothing is lost by it.
      }
    });
  }

  private async settle(blob: Blob): Promise<void> {
    if (!this.batched.has(blob.digest)) return;
    if (!(await this.isFile(blob))) await this.writeFile(blob);
    // Removed while it was written: then it must not come back.
    if (!this.forget(blob.digest)) await this.files.remove(this.path(blob.digest));
  }

  /** Makes a file of its own for every blob, and waits for it. Whoever reads the folder past the store calls this first. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.writing.values());
    this.settleNow();
    await this.settling;
  }

  async close(): Promise<void> {
    this.closed = true;
    await this.settled();
  }

  /** Takes over what is only in batch files. Called by {@link openStore}. */
  async restoreBatches(): Promise<void> {
    const staging = `${this.folder}/staging`;
    const names = (await this.files.list(staging)).filter((one) => one.endsWith('.batch'));
    if (names.length === 0) return;
    const found = new Map<string, Blob>();
    for (const name of names) {
      for (const blob of decodeBatch((await this.files.read(`${staging}/${name}`)) ?? Buffer.alloc(0))) found.set(blob.digest, blob);
    }
    // What can be read now need not be on the disk, whoever wrote it; what is in a batch counts as stored. So it is written anew.
    const blobs = [...found.values()];
    const restored = `${this.newName()}.batch`;
    await this.writeDurably(encodeBatch(blobs), `${staging}/${restored}`);
    await this.files.syncFolder(staging);
    for (const name of names) await this.files.remove(`${staging}/${name}`);
    this.remember(blobs);
    this.restored.push({ name: restored, blobs });
    this.settleSoon();
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
    this.forget(digest);
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
