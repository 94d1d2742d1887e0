/**
 * A disk in memory that forgets, as a real one may. Implements the file layer of the host, so that store, journal and pointer run on it
 * unchanged. Between two operations the machine can lose power: what was not synced is then lost, kept, kept in part or kept out of order;
 * a name counts only after its folder was synced. Any operation can fail, and what a failed sync left behind never becomes durable by a
 * later one. All chance comes from the number generator that is handed in, so the same numbers give the same disk.
 */
import type { FileLayer, OpenFile } from '../host/files.js';

/** What a disk answers when it refuses. */
export type DiskErrorCode = 'ENOSPC' | 'EIO' | 'EMFILE' | 'EROFS';

/** What is done to a disk. `append` and `sync` are of an open file, the others of a path. */
export type DiskOperationKind =
  'makeFolder' | 'list' | 'read' | 'exists' | 'create' | 'append' | 'sync' | 'rename' | 'remove' | 'syncFolder';

/** One operation, before it is done. */
export interface DiskOperation {
  /** Counted from 1 since the disk was made or found after a crash. */
  readonly number: number;
  readonly kind: DiskOperationKind;
  readonly path: string;
  /** Bytes of an `append`. */
  readonly bytes: number;
}

/** How a process ends without being asked: `process` leaves what the operating system holds in memory, `power` takes it too. */
export type CrashKind = 'process' | 'power';

interface Piece {
  readonly bytes: Buffer;
  /** `doomed`: a sync of it failed; readers see it until the power is cut, later syncs pass it over. */
  state: 'dirty' | 'durable' | 'doomed';
}

interface Inode {
  readonly pieces: Piece[];
}

/** One name that changed and whose folder was not synced since. */
interface NameChange {
  readonly path: string;
  /** Null: the name is gone. */
  readonly inode: Inode | null;
  /** The other half of a rename: an old name goes only together with its new one. */
  readonly after: NameChange | null;
}

/** Unit in which unsynced data gets lost; far smaller than a real sector, so that short records are torn, too. */
const SECTOR_BYTES = 64;

/** See the head of the file. */
export class SimulatedDisk implements FileLayer {
  /** Asked before each operation: let it pass (undefined), refuse it, or let the process end in the middle of it. */
  decide: (operation: DiskOperation) => DiskErrorCode | 'crash' | undefined = () => undefined;
  /** Told of each operation that was let pass or refused. */
  onOperation: (operation: DiskOperation, outcome: DiskErrorCode | 'crash' | 'ok') => void = () => {};
  #count = 0;
  #crashed = false;
  #tellCrashed: () => void = () => {};
  /** Resolves when an operation was decided to be the last one. */
  readonly crash: Promise<void> = new Promise((resolve) => (this.#tellCrashed = resolve));
  readonly #random: () => number;
  readonly #names = new Map<string, Inode>();
  readonly #durableNames = new Map<string, Inode>();
  #changes: NameChange[] = [];

  /** @param random a number in [0, 1) at each call. */
  constructor(random: () => number) {
    this.#random = random;
  }

  /** Number of operations so far. */
  get count(): number {
    return this.#count;
  }

  /** True once the process has ended: every operation of it waits for ever. */
  get crashed(): boolean {
    return this.#crashed;
  }

  /** Ends the process between two operations. */
  crashNow(): void {
    this.#crashed = true;
    this.#tellCrashed();
  }

  /** The disk as the next process finds it. This one answers nobody any more. */
  afterCrash(kind: CrashKind): SimulatedDisk {
    this.crashNow();
    const next = new SimulatedDisk(this.#random);
    if (kind === 'power') this.#survivors(next);
    else this.#copyTo(next);
    return next;
  }

  #copyTo(next: SimulatedDisk): void {
    const copies = new Map<Inode, Inode>();
    const copy = (inode: Inode): Inode => {
      const known = copies.get(inode) ?? { pieces: inode.pieces.map((piece) => ({ ...piece })) };
      copies.set(inode, known);
      return known;
    };
    for (const [path, inode] of this.#names) next.#names.set(path, copy(inode));
    for (const [path, inode] of this.#durableNames) next.#durableNames.set(path, copy(inode));
    const changes = new Map<NameChange, NameChange>();
    next.#changes = this.#changes.map((change) => {
      const after = change.after === null ? null : (changes.get(change.after) ?? null);
      const copied = { path: change.path, inode: change.inode === null ? null : copy(change.inode), after };
      changes.set(change, copied);
      return copied;
    });
  }

  /** What a power cut leaves: by chance everything, nothing, or something of what was not synced. */
  #survivors(next: SimulatedDisk): void {
    const mode = (['all', 'none', 'in order', 'any'] as const)[Math.floor(this.#random() * 4)] ?? 'any';
    const names = new Map(this.#durableNames);
    const kept = new Set<NameChange>();
    const inOrder = Math.floor(this.#random() * (this.#changes.length + 1));
    for (const [index, change] of this.#changes.entries()) {
      const isKept = mode === 'all' || (mode === 'in order' ? index < inOrder : mode === 'any' && this.#random() < 0.5);
      const isPossible = change.after === null || kept.has(change.after) || !this.#changes.includes(change.after);
      if (!isKept || !isPossible) continue;
      kept.add(change);
      if (change.inode === null) names.delete(change.path);
      else names.set(change.path, change.inode);
    }
    const found = new Map<Inode, Inode>();
    for (const [path, inode] of names) {
      const copy = found.get(inode) ?? { pieces: [{ bytes: this.#surviving(inode, mode), state: 'durable' as const }] };
      found.set(inode, copy);
      next.#names.set(path, copy);
      next.#durableNames.set(path, copy);
    }
  }

  /** The bytes of a file after a power cut: sectors that were not written read as zeros. */
  #surviving(inode: Inode, mode: 'all' | 'none' | 'in order' | 'any'): Buffer {
    const bytes = Buffer.concat(inode.pieces.map((piece) => piece.bytes));
    let length = 0;
    let position = 0;
    for (const { bytes: part, state } of inode.pieces) {
      if (state === 'durable') length = position + part.length;
      // What a failed sync dropped is dropped in every mode but by luck.
      else if (mode === 'none') bytes.fill(0, position, position + part.length);
      else length = this.#sectors(bytes, position, part.length, state === 'doomed' ? 'any' : mode) ?? length;
      position += part.length;
    }
    return Buffer.from(bytes.subarray(0, length));
  }

  /** Decides about the sectors of one unsynced piece. Returns the length of the file if any of them is part of it. */
  #sectors(bytes: Buffer, from: number, length: number, mode: 'all' | 'in order' | 'any'): number | undefined {
    if (mode === 'all') return from + length;
    if (mode === 'in order') {
      const cut = Math.floor(this.#random() * (length + 1));
      return cut === 0 ? undefined : from + cut;
    }
    let end: number | undefined;
    for (let at = from; at < from + length; at += SECTOR_BYTES) {
      const next = Math.min(at + SECTOR_BYTES, from + length);
      // The size of a file may have grown although its data was not written.
      if (this.#random() < 0.5) end = next;
      if (this.#random() < 0.5) bytes.fill(0, at, next);
    }
    return end;
  }

  /** Bytes of a file as a reader sees them now. */
  content(path: string): Buffer | undefined {
    const inode = this.#names.get(path);
    return inode === undefined ? undefined : Buffer.concat(inode.pieces.map((piece) => piece.bytes));
  }

  /** Replaces a file behind everybody's back, durably: a disk that returns something else than was written. */
  overwrite(path: string, data: Uint8Array): void {
    const inode: Inode = { pieces: [{ bytes: Buffer.from(data), state: 'durable' }] };
    this.#names.set(path, inode);
    this.#durableNames.set(path, inode);
    this.#changes = this.#changes.filter((change) => change.path !== path);
  }

  /** Paths of all files, sorted. */
  paths(): string[] {
    return [...this.#names.keys()].sort();
  }

  async makeFolder(path: string): Promise<boolean> {
    await this.#step('makeFolder', path);
    return false;
  }

  async list(path: string): Promise<readonly string[]> {
    await this.#step('list', path);
    return this.paths()
      .filter((name) => folderOf(name) === path)
      .map((name) => name.slice(path.length + 1));
  }

  async read(path: string): Promise<Buffer | undefined> {
    await this.#step('read', path);
    return this.content(path);
  }

  async exists(path: string): Promise<boolean> {
    await this.#step('exists', path);
    return this.#names.has(path);
  }

  async create(path: string): Promise<OpenFile> {
    const inode: Inode = { pieces: [] };
    await this.#step('create', path, () => {
      if (this.#names.has(path)) throw diskError('EEXIST', `create '${path}'`);
      this.#names.set(path, inode);
      this.#changes.push({ path, inode, after: null });
    });
    return {
      append: (bytes) => this.#append(path, inode, bytes),
      sync: () => this.#sync(path, inode),
      close: async () => undefined,
    };
  }

  async #append(path: string, inode: Inode, bytes: Uint8Array): Promise<void> {
    const write = (length: number): void => {
      if (length > 0) inode.pieces.push({ bytes: Buffer.from(bytes.subarray(0, length)), state: 'dirty' });
    };
    const torn = (): void => write(Math.floor(this.#random() * (bytes.length + 1)));
    await this.#step('append', path, () => write(bytes.length), torn, bytes.length);
  }

  async #sync(path: string, inode: Inode): Promise<void> {
    const settle = (state: () => Piece['state']): void => {
      for (const piece of inode.pieces) if (piece.state === 'dirty') piece.state = state();
    };
    const half = (): void => settle(() => (this.#random() < 0.5 ? 'doomed' : 'durable'));
    await this.#step('sync', path, () => settle(() => 'durable'), half);
  }

  async rename(from: string, to: string): Promise<void> {
    const change = (): void => {
      const inode = this.#names.get(from);
      if (inode === undefined) throw diskError('ENOENT', `rename '${from}'`);
      this.#names.delete(from);
      this.#names.set(to, inode);
      const arrival: NameChange = { path: to, inode, after: null };
      this.#changes.push(arrival, { path: from, inode: null, after: arrival });
    };
    await this.#step('rename', to, change);
  }

  async remove(path: string): Promise<void> {
    await this.#step('remove', path, () => {
      if (this.#names.delete(path)) this.#changes.push({ path, inode: null, after: null });
    });
  }

  async syncFolder(path: string): Promise<void> {
    await this.#step('syncFolder', path, () => {
      const settled = new Set(this.#changes.filter((change) => folderOf(change.path) === path));
      // A file system with a journal of its own writes a rename whole.
      for (const { after } of [...settled]) if (after !== null) settled.add(after);
      for (const change of this.#changes) {
        if (!settled.has(change)) continue;
        if (change.inode === null) this.#durableNames.delete(change.path);
        else this.#durableNames.set(change.path, change.inode);
      }
      this.#changes = this.#changes.filter((change) => !settled.has(change));
    });
  }

  /**
   * Does an operation, refuses it, or ends the process in it.
   * @param partly what the operation may have done all the same. By default it was done or not, except that what found no room or no
   * descriptor was certainly not done.
   */
  async #step(kind: DiskOperationKind, path: string, whole: () => void = nothing, partly?: () => void, bytes = 0): Promise<void> {
    if (this.#crashed) return never();
    const operation = { number: ++this.#count, kind, path, bytes };
    const verdict = this.decide(operation);
    this.onOperation(operation, verdict ?? 'ok');
    if (verdict === undefined) return whole();
    const isUntouched = verdict === 'EMFILE' || verdict === 'EROFS' || (verdict === 'ENOSPC' && partly === undefined);
    if (!isUntouched) {
      if (partly !== undefined) partly();
      else if (verdict !== 'EIO' || kind !== 'create') this.#perhaps(whole);
    }
    if (verdict !== 'crash') throw diskError(verdict, `${kind} '${path}'`);
    this.crashNow();
    return never();
  }

  #perhaps(whole: () => void): void {
    if (this.#random() < 0.5) return;
    try {
      whole();
    } catch {
      // It was not possible anyway.
    }
  }
}

function nothing(): void {}

function never(): Promise<never> {
  return new Promise(() => {});
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'));
}

function diskError(code: string, what: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: simulated, ${what}`), { code });
}
