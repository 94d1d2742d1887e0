/**
 * A disk in memory that forgets, as a real one may: what was not synced is lost or kept in part at a crash, a rename counts only after its
 * folder was synced, and any operation can be made to fail. Implements the host's file layer, so that store and journal run on it unchanged.
 */
import type { FileLayer, OpenFile } from '@sluice/kernel/host/files';

interface Inode {
  data: Buffer;
  /** What a crash certainly leaves. */
  synced: Buffer;
}

/** What happens to the operation with a given number. */
export interface Fault {
  /** Counted from 1 over all operations that change something. */
  readonly operation: number;
  readonly code: 'ENOSPC' | 'EIO' | 'EMFILE' | 'EROFS';
  /** A write that fails leaves this part of its bytes. */
  readonly tornShare?: number;
}

/** See the head of the file. */
export class SimulatedDisk implements FileLayer {
  /** Operations done so far, by kind, for statements such as "two appends, one sync". */
  readonly log: string[] = [];
  fault: Fault | undefined;
  private operations = 0;
  private readonly names = new Map<string, Inode>();
  private readonly durableNames = new Map<string, Inode>();

  /** The disk as the next process finds it. `choose` decides what becomes of unsynced parts: a number in [0, 1). */
  afterCrash(choose: () => number): SimulatedDisk {
    const next = new SimulatedDisk();
    const survivors = choose() < 0.5 ? this.durableNames : this.names;
    for (const [path, inode] of survivors) {
      const extra = inode.data.subarray(inode.synced.length);
      const kept = Buffer.concat([inode.synced, extra.subarray(0, Math.floor(choose() * (extra.length + 1)))]);
      const copy = { data: kept, synced: kept };
      next.names.set(path, copy);
      next.durableNames.set(path, copy);
    }
    return next;
  }

  /** Bytes of a file as a reader sees them now. */
  content(path: string): Buffer | undefined {
    return this.names.get(path)?.data;
  }

  /** Replaces a file behind everybody's back. */
  overwrite(path: string, data: Buffer): void {
    this.names.set(path, { data, synced: data });
    this.durableNames.set(path, { data, synced: data });
  }

  paths(): string[] {
    return [...this.names.keys()].sort();
  }

  async makeFolder(): Promise<boolean> {
    return false;
  }

  async list(path: string): Promise<readonly string[]> {
    const prefix = `${path}/`;
    return this.paths()
      .filter((name) => name.startsWith(prefix) && !name.slice(prefix.length).includes('/'))
      .map((name) => name.slice(prefix.length));
  }

  async read(path: string): Promise<Buffer | undefined> {
    const inode = this.names.get(path);
    return inode === undefined ? undefined : Buffer.from(inode.data);
  }

  async exists(path: string): Promise<boolean> {
    return this.names.has(path);
  }

  async create(path: string): Promise<OpenFile> {
    this.step('create');
    if (this.names.has(path)) throw failure('EEXIST');
    const inode = { data: Buffer.alloc(0), synced: Buffer.alloc(0) };
    this.names.set(path, inode);
    return this.openFile(inode);
  }

  async rename(from: string, to: string): Promise<void> {
    this.step('rename');
    const inode = this.names.get(from);
    if (inode === undefined) throw failure('ENOENT');
    this.names.delete(from);
    this.names.set(to, inode);
  }

  async remove(path: string): Promise<void> {
    this.names.delete(path);
  }

  async syncFolder(path: string): Promise<void> {
    this.step('sync folder');
    const prefix = `${path}/`;
    const within = (name: string): boolean => name.startsWith(prefix) && !name.slice(prefix.length).includes('/');
    for (const name of [...this.durableNames.keys()].filter(within)) if (!this.names.has(name)) this.durableNames.delete(name);
    for (const [name, inode] of this.names) if (within(name)) this.durableNames.set(name, inode);
  }

  private openFile(inode: Inode): OpenFile {
    return {
      append: async (bytes) => {
        const fault = this.fault?.operation === this.operations + 1 ? this.fault : undefined;
        const share = fault === undefined ? 1 : (fault.tornShare ?? 0);
        inode.data = Buffer.concat([inode.data, bytes.subarray(0, Math.floor(bytes.length * share))]);
        this.step('append');
      },
      sync: async () => {
        this.step('sync');
        inode.synced = inode.data;
      },
      close: async () => undefined,
    };
  }

  private step(kind: string): void {
    this.operations += 1;
    this.log.push(kind);
    if (this.fault?.operation === this.operations) throw failure(this.fault.code);
  }

  /** Number of operations so far. */
  get count(): number {
    return this.operations;
  }
}

function failure(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: simulated`), { code });
}
