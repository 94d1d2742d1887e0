/**
 * A file of JSON values, one a line, that only grows: what is cheap to add to and read once at a start. A line torn by a crash is cut off; it
 * was not acknowledged. Rewriting replaces the file whole. What the values mean is the caller's knowledge.
 */
import * as fs from 'node:fs';
import { promisify } from 'node:util';
import { NodeFiles, replaceFile } from './files.js';

const syncData = promisify(fs.fdatasync);

/** An open file of lines. */
export class LineLog<T> {
  #descriptor: number | null;
  #work: Promise<void> = Promise.resolve();
  /** Lines for the next write, and whether it shall be synced. */
  #waiting: string[] = [];
  #sync = false;
  #flushing: Promise<void> | null = null;
  readonly #folder: string;
  readonly #name: string;

  private constructor(folder: string, name: string) {
    this.#folder = folder;
    this.#name = name;
    this.#descriptor = fs.openSync(`${folder}/${name}`, 'a', 0o600);
  }

  /** Opens `<folder>/<name>`, making it when missing, and reads what it holds. Lines that are no JSON are left out. */
  static open<T>(folder: string, name: string): { readonly log: LineLog<T>; readonly values: readonly T[] } {
    const path = `${folder}/${name}`;
    const text = fs.existsSync(path) ? fs.readFileSync(path, 'utf8') : '';
    const whole = text.slice(0, text.lastIndexOf('\n') + 1);
    if (whole.length < text.length) fs.truncateSync(path, Buffer.byteLength(whole));
    const values = whole.split('\n').flatMap((line) => {
      try {
        return line === '' ? [] : [JSON.parse(line) as T];
      } catch {
        return [];
      }
    });
    return { log: new LineLog<T>(folder, name), values };
  }

  /** Adds values. Without `sync` they survive the process, but not a power cut. What is added while the disk works shares one sync. */
  append(values: readonly T[], options: { readonly sync: boolean }): Promise<void> {
    this.#waiting.push(...values.map((value) => `${JSON.stringify(value)}\n`));
    this.#sync ||= options.sync;
    this.#flushing ??= this.#then(async () => {
      const [text, sync] = [this.#waiting.join(''), this.#sync];
      this.#waiting = [];
      this.#sync = false;
      this.#flushing = null;
      if (this.#descriptor === null) return;
      fs.writeSync(this.#descriptor, text);
      if (sync) await syncData(this.#descriptor);
    });
    return this.#flushing;
  }

  /** Replaces everything, durably. */
  rewrite(values: readonly T[]): Promise<void> {
    return this.#then(async () => {
      if (this.#descriptor === null) return;
      await replaceFile(
        new NodeFiles(),
        this.#folder,
        this.#name,
        Buffer.from(values.map((value) => `${JSON.stringify(value)}\n`).join('')),
      );
      fs.closeSync(this.#descriptor);
      this.#descriptor = fs.openSync(`${this.#folder}/${this.#name}`, 'a', 0o600);
    });
  }

  /** Waits for what was asked for, then closes. */
  close(): Promise<void> {
    return this.#then(async () => {
      if (this.#descriptor !== null) fs.closeSync(this.#descriptor);
      this.#descriptor = null;
    });
  }

  #then(step: () => Promise<void>): Promise<void> {
    const done = this.#work.then(step);
    // A failed step is its caller's to handle; the next one is tried all the same.
    this.#work = done.catch(() => undefined);
    return done;
  }
}
