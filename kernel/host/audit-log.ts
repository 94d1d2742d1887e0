/**
 * The audit log on disk: `<data>/audit/audit-<first sequence>.log`, one record a line, chained over all files, and `<data>/audit/head`, where the
 * chain ends. A record counts as written when it is synced; the head follows it, so a crash leaves the head behind, never ahead: a head
 * that is ahead proves that records were taken away. After a failed write nothing is accepted any more, and so no action either.
 */
import * as fs from 'node:fs';
import { promisify } from 'node:util';
import { SluiceError, type BackupSourceService } from '@sluice/sdk';
import {
  ChainCheck,
  decodeLine,
  EMPTY_HEAD,
  encodeEntry,
  type AuditEntry,
  type AuditRecord,
  type ChainHead,
  type ChainVerdict,
} from '../trust/audit-chain.js';
import type { AuditLog, AuditOutcome, AuditTicket } from '../trust/ports.js';
import type { Alarm } from './ports.js';

const SEGMENT = /^audit-(\d{12})\.log$/;
/** Size at which the next file begins. All files are kept. */
const SEGMENT_BYTES = 8 * 1024 * 1024;
/** More than the longest line: 200 digests and the bounded texts. */
const TAIL_BYTES = 64 * 1024;
/** How often the head is told to whoever keeps it elsewhere. */
const PUBLISH_EVERY_MS = 60_000;
const HEAD_LINE = /^(\d{1,15}) ([0-9a-f]{64})\n$/;
const syncData = promisify(fs.fdatasync);
const syncAll = promisify(fs.fsync);

/** Options of {@link openAuditLog}. */
export interface AuditLogOptions {
  readonly now: () => number;
  /** Told where the chain ends, at most once a minute and at the end. What it writes elsewhere outlives whoever bends these files. */
  readonly publish?: (head: ChainHead) => void;
  /** Default 8 MiB. */
  readonly segmentBytes?: number;
}

/**
 * Opens the audit log of a data folder, making it when missing.
 * @throws SluiceError `AUDIT_UNAVAILABLE`.
 */
export function openAuditLog(dataFolder: string, options: AuditLogOptions): FileAuditLog {
  const folder = `${dataFolder}/audit`;
  try {
    fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
    return new FileAuditLog(folder, options);
  } catch (cause) {
    throw unavailable(cause);
  }
}

interface Waiting {
  readonly line: string;
  readonly head: ChainHead;
  resolve(): void;
  reject(error: unknown): void;
}

/** The audit log in a folder. Made by {@link openAuditLog}. */
export class FileAuditLog implements AuditLog, BackupSourceService {
  /** Its part of a backup. */
  readonly name = 'audit';
  /** What opening found to be wrong. */
  readonly alarms: readonly Alarm[];
  readonly #folder: string;
  readonly #options: AuditLogOptions;
  #head: ChainHead;
  #queue: Waiting[] = [];
  #work: Promise<void> = Promise.resolve();
  #segment: { readonly descriptor: number; bytes: number } | null = null;
  #poison: unknown;
  #publishedAt = 0;
  #published = EMPTY_HEAD;

  constructor(folder: string, options: AuditLogOptions) {
    this.#folder = folder;
    this.#options = options;
    const { head, alarm, segment } = openEnd(folder);
    this.#head = head;
    this.alarms = alarm === null ? [] : [alarm];
    if (segment !== null) {
      const path = `${folder}/${segment}`;
      this.#segment = { descriptor: fs.openSync(path, 'a', 0o600), bytes: fs.statSync(path).size };
    }
  }

  get head(): ChainHead {
    return this.#head;
  }

  async begin(action: Parameters<AuditLog['begin']>[0]): Promise<AuditTicket> {
    const { sequence, durable } = this.#append({ ...action, at: this.#options.now(), phase: 'begin' });
    await durable;
    let open = true;
    return {
      sequence,
      end: async (outcome) => {
        if (!open) return;
        open = false;
        await this.#end(action, sequence, outcome);
      },
    };
  }

  async #end(action: Parameters<AuditLog['begin']>[0], of: number, outcome: AuditOutcome): Promise<void> {
    const entry: AuditEntry = { ...action, ...outcome, at: this.#options.now(), phase: 'end', of };
    // The action has happened, and its begin is recorded. That the log is out of order now refuses the next action.
    await this.#append(entry).durable.catch(() => undefined);
  }

  write(entry: Omit<AuditEntry, 'at' | 'of'>): Promise<void> {
    return this.#append({ ...entry, at: this.#options.now() }).durable;
  }

  #append(entry: AuditEntry): { readonly sequence: number; readonly durable: Promise<void> } {
    if (this.#poison !== undefined) return { sequence: 0, durable: Promise.reject(unavailable(this.#poison)) };
    const { line, head } = encodeEntry(entry, this.#head);
    this.#head = head;
    const durable = new Promise<void>((resolve, reject) => {
      this.#queue.push({ line, head, resolve, reject });
      if (this.#queue.length === 1) this.#work = this.#work.then(() => this.#flush());
    });
    return { sequence: head.sequence, durable };
  }

  /** Writes what is waiting, with one sync. */
  async #flush(): Promise<void> {
    const batch = this.#queue;
    this.#queue = [];
    const last = batch.at(-1)?.head;
    try {
      if (this.#poison !== undefined || last === undefined) throw this.#poison;
      const segment = await this.#segmentFor(batch[0]?.head.sequence ?? 1);
      const bytes = Buffer.from(batch.map(({ line }) => `${line}\n`).join(''));
      writeWhole(segment.descriptor, bytes);
      segment.bytes += bytes.length;
      await syncData(segment.descriptor);
      writeHead(this.#folder, last);
    } catch (cause) {
      this.#poison ??= cause ?? new Error('the log is closed');
      for (const { reject } of batch) reject(unavailable(cause));
      return;
    }
    for (const { resolve } of batch) resolve();
    if (this.#options.now() - this.#publishedAt >= PUBLISH_EVERY_MS) this.#publish(last);
  }

  #publish(head: ChainHead): void {
    if (head.sequence === this.#published.sequence) return;
    this.#publishedAt = this.#options.now();
    this.#published = head;
    this.#options.publish?.(head);
  }

  async #segmentFor(sequence: number): Promise<{ readonly descriptor: number; bytes: number }> {
    const { segmentBytes = SEGMENT_BYTES } = this.#options;
    if (this.#segment !== null && this.#segment.bytes < segmentBytes) return this.#segment;
    if (this.#segment !== null) fs.closeSync(this.#segment.descriptor);
    this.#segment = null;
    const descriptor = fs.openSync(`${this.#folder}/audit-${String(sequence).padStart(12, '0')}.log`, 'ax', 0o600);
    this.#segment = { descriptor, bytes: 0 };
    const folder = fs.openSync(this.#folder, 'r');
    try {
      await syncAll(folder);
    } finally {
      fs.closeSync(folder);
    }
    return this.#segment;
  }

  async read(limit: number): Promise<readonly AuditRecord[]> {
    await this.#work;
    return readRecords(this.#folder, limit);
  }

  async verify(witnesses: readonly ChainHead[]): Promise<ChainVerdict> {
    await this.#work;
    return verifyFolder(this.#folder, witnesses);
  }

  /** Copies the log into a folder. In one turn, so that the head that is copied never is ahead of the records. */
  async backup(targetFolder: string): Promise<void> {
    for (const name of [...segmentsOf(this.#folder), 'head']) {
      if (fs.existsSync(`${this.#folder}/${name}`)) fs.copyFileSync(`${this.#folder}/${name}`, `${targetFolder}/${name}`);
    }
  }

  /** Waits for what is under way, tells the head, closes. */
  async close(): Promise<void> {
    while (this.#queue.length > 0) await this.#work;
    await this.#work;
    if (this.#poison === undefined) this.#publish(this.#head);
    this.#poison ??= new Error('the log is closed');
    if (this.#segment !== null) fs.closeSync(this.#segment.descriptor);
    this.#segment = null;
  }
}

/** Examines the audit log of a data folder on which no kernel needs to run. */
export function verifyAudit(dataFolder: string, witnesses: readonly ChainHead[]): Promise<ChainVerdict> {
  return verifyFolder(`${dataFolder}/audit`, witnesses);
}

/** The newest records of the audit log of a data folder, oldest first. */
export function readAudit(dataFolder: string, limit: number): Promise<readonly AuditRecord[]> {
  return readRecords(`${dataFolder}/audit`, limit);
}

async function verifyFolder(folder: string, witnesses: readonly ChainHead[]): Promise<ChainVerdict> {
  const check = new ChainCheck(witnesses);
  // Read before the records: the head that is on disk then must be among them, whatever is added meanwhile.
  const head = readHead(folder);
  let where = 'the log is empty';
  for (const name of segmentsOf(folder)) {
    const lines = linesOf(await fs.promises.readFile(`${folder}/${name}`, 'utf8'));
    for (const [index, line] of lines.entries()) check.add(line, (where = `${name}, line ${index + 1}`));
  }
  return check.finish(head, where);
}

async function readRecords(folder: string, limit: number): Promise<readonly AuditRecord[]> {
  const newest: AuditRecord[] = [];
  for (const name of segmentsOf(folder).reverse()) {
    if (newest.length >= limit) break;
    const lines = linesOf(await fs.promises.readFile(`${folder}/${name}`, 'utf8')).slice(-(limit - newest.length));
    newest.unshift(...lines.flatMap((line) => decodeLine(line) ?? []));
  }
  return newest;
}

function linesOf(text: string): string[] {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

function segmentsOf(folder: string): string[] {
  return fs.existsSync(folder)
    ? fs
        .readdirSync(folder)
        .filter((name) => SEGMENT.test(name))
        .sort()
    : [];
}

/** Where the chain goes on, after cutting what a crash left half written. */
function openEnd(folder: string): { readonly head: ChainHead; readonly alarm: Alarm | null; readonly segment: string | null } {
  const segment = segmentsOf(folder).at(-1) ?? null;
  const kept = readHead(folder);
  const last = segment === null ? EMPTY_HEAD : lastOf(`${folder}/${segment}`);
  if (last !== null && kept !== null) {
    if (kept.sequence < last.sequence || (kept.sequence === last.sequence && kept.hash === last.hash))
      return { head: last, alarm: null, segment };
  } else if (last !== null) {
    return { head: last, alarm: last.sequence === 0 ? null : headLost(), segment };
  }
  // What is gone stays missing for ever: the next record follows what the head says, so that verification finds the gap.
  return { head: kept ?? { sequence: 0, hash: 'f'.repeat(64) }, alarm: broken(kept, last), segment };
}

function lastOf(path: string): ChainHead | null {
  const { size } = fs.statSync(path);
  const start = Math.max(0, size - TAIL_BYTES);
  const tail = Buffer.alloc(size - start);
  const descriptor = fs.openSync(path, 'r+');
  try {
    fs.readSync(descriptor, tail, 0, tail.length, start);
    const end = tail.lastIndexOf(0x0a);
    // Without an end of line it was not synced, so nobody was told that it is recorded.
    if (end + 1 < tail.length) fs.ftruncateSync(descriptor, start + end + 1);
    if (end < 0) return start === 0 ? EMPTY_HEAD : null;
    const line = tail.subarray(tail.lastIndexOf(0x0a, end - 1) + 1, end).toString();
    return decodeLine(line);
  } finally {
    fs.closeSync(descriptor);
  }
}

function readHead(folder: string): ChainHead | null {
  const path = `${folder}/head`;
  if (!fs.existsSync(path)) return segmentsOf(folder).length === 0 ? EMPTY_HEAD : null;
  const match = HEAD_LINE.exec(fs.readFileSync(path, 'utf8').trimStart());
  return match === null ? null : { sequence: Number(match[1]), hash: match[2] as string };
}

/** In place and of one length, so that no crash of the process leaves half of it; what a power cut undoes only lets the head fall behind. */
function writeHead(folder: string, { sequence, hash }: ChainHead): void {
  const descriptor = fs.openSync(`${folder}/head`, fs.constants.O_RDWR | fs.constants.O_CREAT, 0o600);
  try {
    fs.writeSync(descriptor, Buffer.from(`${String(sequence).padStart(15)} ${hash}\n`), 0, undefined, 0);
  } finally {
    fs.closeSync(descriptor);
  }
}

function writeWhole(descriptor: number, bytes: Uint8Array): void {
  for (let written = 0; written < bytes.length;) written += fs.writeSync(descriptor, bytes, written);
}

function headLost(): Alarm {
  return {
    code: 'AUDIT_HEAD_LOST',
    message: 'The head of the audit log is missing or unreadable: whether records are missing at its end cannot be told',
    details: {},
    remedy: 'Compare with the heads in the log files kept elsewhere: `sluice audit verify --head <sequence>:<hash>`.',
  };
}

function broken(kept: ChainHead | null, last: ChainHead | null): Alarm {
  const found = last === null ? 'its last record was changed' : `it ends with record ${last.sequence}`;
  return {
    code: 'AUDIT_CHAIN_BROKEN',
    message: `The audit log was changed from outside: ${found}, and record ${kept?.sequence ?? 'unknown'} had been written`,
    details: { head: kept, found: last },
    remedy: '`sluice audit verify` names the first bad record. Keep the folder as it is and find out who could write to it.',
  };
}

function unavailable(cause: unknown): SluiceError {
  return new SluiceError('AUDIT_UNAVAILABLE', `The audit log cannot be written: ${(cause as Error | undefined)?.message ?? 'unknown'}`, {
    cause,
    httpStatus: 503,
    remedy: 'Free the disk and restart; until then nothing can be changed, because it could not be recorded.',
  });
}
