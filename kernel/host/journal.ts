/**
 * The journal: the append-only record of decisions, `<folder>/journal.log`. A change has happened exactly when its commit record is on disk.
 * Owns the file and the folded view of it. What the records mean is `journal-view.ts`; when to write which is the life cycle.
 * After any failed write or sync the outcome is unknown, so the journal refuses everything from then on: only a restart finds out.
 */
import { SluiceError } from '@sluice/sdk';
import { type FileLayer, NodeFiles, type OpenFile } from './files.js';
import { decodeJournal, encodeRecord } from './journal-format.js';
import { EMPTY_VIEW, foldRecord, foldRecords } from './journal-view.js';
import type { Alarm, Journal, JournalRecord, JournalView } from './ports.js';

const NAME = 'journal.log';
/** Below this size rewriting gains nothing. */
const COMPACT_AT_BYTES = 1_000_000;
/** Damaged tails kept aside for inspection; older ones are deleted. */
const DAMAGED_MAX = 5;

/** Options of {@link openJournal}. */
export interface JournalOptions {
  /** Size at which the file is rewritten as one snapshot. Default 1 MB. */
  readonly compactAtBytes?: number;
  /** The disk. Default: the real one. */
  readonly files?: FileLayer;
}

/**
 * Opens the journal of a folder, making it when missing. A cut or damaged tail is put aside as `journal.damaged-<n>` and what is good is
 * written anew: after a failed sync of an earlier process, what can be read now need not be on the disk.
 * @throws SluiceError `JOURNAL_OPEN_FAILED`.
 */
export async function openJournal(folder: string, options: JournalOptions = {}): Promise<FileJournal> {
  const files = options.files ?? new NodeFiles();
  try {
    await files.makeFolder(folder);
    const bytes = (await files.read(`${folder}/${NAME}`)) ?? Buffer.alloc(0);
    const decoded = decodeJournal(bytes);
    const repairs: Alarm[] = [];
    if (decoded.tail !== 'clean') repairs.push(await putAside(files, folder, bytes.subarray(decoded.goodBytes), decoded.tail));
    const view = foldRecords(decoded.records);
    const journal = new FileJournal(folder, files, options.compactAtBytes ?? COMPACT_AT_BYTES, view, decoded.nextSequence, repairs);
    await journal.rewrite(decoded.records.at(-1)?.at ?? 0);
    return journal;
  } catch (cause) {
    throw new SluiceError('JOURNAL_OPEN_FAILED', `Cannot open the journal in '${folder}': ${(cause as Error).message}`, {
      details: { folder },
      remedy: 'Check that the data folder is writable and its disk has free space.',
      cause,
    });
  }
}

async function putAside(files: FileLayer, folder: string, tail: Uint8Array, kind: 'cut' | 'damaged'): Promise<Alarm> {
  const kept = (await files.list(folder))
    .map((name) => /^journal\.damaged-(\d+)$/.exec(name)?.[1])
    .filter((number) => number !== undefined)
    .map(Number)
    .sort((a, b) => a - b);
  const name = `journal.damaged-${(kept.at(-1) ?? 0) + 1}`;
  const file = await files.create(`${folder}/${name}`);
  try {
    await file.append(tail);
    await file.sync();
  } finally {
    await file.close();
  }
  for (const number of kept.slice(0, Math.max(0, kept.length + 1 - DAMAGED_MAX))) await files.remove(`${folder}/journal.damaged-${number}`);
  const details = { file: name, bytes: tail.length };
  if (kind === 'cut') {
    return { code: 'JOURNAL_TAIL_CUT', message: `The last journal record was incomplete and is put aside as '${name}'`, details };
  }
  return {
    code: 'JOURNAL_DAMAGED',
    message: `The journal is damaged: ${tail.length} bytes from the first bad record on are put aside as '${name}'`,
    details,
    remedy: 'Compare `sluice ls` with what should run, deploy what is missing, and check the disk.',
  };
}

interface Waiting {
  readonly records: readonly JournalRecord[];
  resolve(): void;
  reject(error: unknown): void;
}

/** The journal in a folder. Made by {@link openJournal}. */
export class FileJournal implements Journal {
  private queue: Waiting[] = [];
  private work: Promise<void> = Promise.resolve();
  private file: OpenFile | undefined;
  private bytes = 0;
  private poison: unknown;
  private closed = false;

  constructor(
    private readonly folder: string,
    private readonly files: FileLayer,
    private readonly compactAtBytes: number,
    private folded: JournalView,
    private nextSequence: number,
    readonly repairs: readonly Alarm[],
  ) {}

  get view(): JournalView {
    return this.folded;
  }

  get poisoned(): boolean {
    return this.poison !== undefined;
  }

  append(records: JournalRecord | readonly JournalRecord[]): Promise<void> {
    const list = 'type' in records ? [records] : records;
    return new Promise((resolve, reject) => {
      this.queue.push({ records: list, resolve, reject });
      if (this.queue.length === 1) void this.schedule(() => this.writeQueue());
    });
  }

  compact(at: number): Promise<void> {
    return this.schedule(() => this.rewrite(at));
  }

  async close(): Promise<void> {
    await this.schedule(async () => {
      this.closed = true;
      await this.file?.close();
      this.file = undefined;
    });
  }

  /** One task at a time touches the file. */
  private schedule(task: () => Promise<void>): Promise<void> {
    const run = this.work.then(task);
    this.work = run.catch(() => undefined);
    return run;
  }

  /** Writes all waiting records with one sync. */
  private async writeQueue(): Promise<void> {
    const batch = this.queue;
    this.queue = [];
    const failure = this.refusal();
    if (failure !== undefined) return batch.forEach((waiting) => waiting.reject(failure));
    const records = batch.flatMap((waiting) => waiting.records);
    try {
      const bytes = Buffer.concat(records.map((record, index) => encodeRecord(record, this.nextSequence + index)));
      await this.open().append(bytes);
      await this.open().sync();
      this.nextSequence += records.length;
      this.bytes += bytes.length;
    } catch (error) {
      this.poison = error;
      return batch.forEach((waiting) => waiting.reject(this.refusal()));
    }
    for (const record of records) this.folded = foldRecord(this.folded, record);
    batch.forEach((waiting) => waiting.resolve());
    if (this.bytes >= this.compactAtBytes && this.queue.length === 0) await this.rewriteQuietly(records.at(-1)?.at ?? 0);
  }

  private refusal(): SluiceError | undefined {
    if (this.closed) return new SluiceError('JOURNAL_CLOSED', 'The journal is closed');
    if (this.poison === undefined) return undefined;
    return new SluiceError(
      'JOURNAL_POISONED',
      `The journal could not be written, the outcome is unknown: ${(this.poison as Error).message}`,
      {
        details: { folder: this.folder },
        remedy: 'Restart the process: recovery reads from the disk what was decided. Check the disk first.',
        cause: this.poison,
      },
    );
  }

  private open(): OpenFile {
    if (this.file === undefined) throw new Error('The journal file is not open');
    return this.file;
  }

  /** A rewrite that fails before its rename has changed nothing: the old file goes on, and the next try comes at twice the size. */
  private async rewriteQuietly(at: number): Promise<void> {
    const sizeBefore = this.bytes;
    try {
      await this.rewrite(at);
    } catch {
      this.bytes = sizeBefore - this.compactAtBytes;
    }
  }

  /** Writes the view as a new file and renames it over the old one. Called by {@link openJournal} to make the first file. */
  async rewrite(at: number): Promise<void> {
    const failure = this.refusal();
    if (failure !== undefined) throw failure;
    const part = `${this.folder}/${NAME}.part`;
    await this.files.remove(part);
    const file = await this.files.create(part);
    // An empty journal stays an empty file: a snapshot of nothing would only look like history.
    const snapshot =
      this.folded === EMPTY_VIEW ? Buffer.alloc(0) : encodeRecord({ type: 'snapshot', at, view: this.folded }, this.nextSequence);
    try {
      await file.append(snapshot);
      await file.sync();
    } catch (error) {
      await file.close();
      throw error;
    }
    await this.switchTo(file, part);
    this.nextSequence += snapshot.length > 0 ? 1 : 0;
    this.bytes = 0;
  }

  /** From the rename on, a failure leaves open which of the two files a restart would see: poison. */
  private async switchTo(file: OpenFile, part: string): Promise<void> {
    try {
      await this.files.rename(part, `${this.folder}/${NAME}`);
      await this.files.syncFolder(this.folder);
    } catch (error) {
      this.poison = error;
      await file.close();
      throw this.refusal();
    }
    const old = this.file;
    this.file = file;
    // Nothing is in the old file that is not in the new one.
    await old?.close().catch(() => undefined);
  }
}

/** The journal of tests and of kernels without a data folder. Give it the view of another one to restart from there. */
export class MemoryJournal implements Journal {
  readonly poisoned = false;
  readonly repairs: readonly Alarm[] = [];
  private closed = false;

  constructor(private folded: JournalView = EMPTY_VIEW) {}

  get view(): JournalView {
    return this.folded;
  }

  async append(records: JournalRecord | readonly JournalRecord[]): Promise<void> {
    if (this.closed) throw new SluiceError('JOURNAL_CLOSED', 'The journal is closed');
    for (const record of 'type' in records ? [records] : records) this.folded = foldRecord(this.folded, record);
  }

  async compact(): Promise<void> {
    if (this.closed) throw new SluiceError('JOURNAL_CLOSED', 'The journal is closed');
  }

  async close(): Promise<void> {
    this.closed = true;
  }
}
