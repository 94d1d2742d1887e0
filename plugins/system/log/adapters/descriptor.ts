/**
 * Standard output as a line target. Writes through the thread pool: `process.stdout.write` is synchronous for pipes and files,
 * and a reader that stops reading would stop the whole system.
 */
import { write } from 'node:fs';
import type { LineTarget } from '../domain/buffered-lines.js';

/** File descriptor of standard output. */
export const STANDARD_OUTPUT = 1;
/** File descriptor of standard error. */
export const STANDARD_ERROR = 2;

/** Appends to an open descriptor, which stays open. */
export class DescriptorTarget implements LineTarget {
  readonly #descriptor: number;

  constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  async append(chunk: Uint8Array): Promise<void> {
    let written = 0;
    while (written < chunk.length) written += await this.#writeSome(chunk, written);
  }

  async close(): Promise<void> {}

  #writeSome(chunk: Uint8Array, from: number): Promise<number> {
    return new Promise((resolve, reject) => {
      write(this.#descriptor, chunk, from, chunk.length - from, null, (error, count) => (error === null ? resolve(count) : reject(error)));
    });
  }
}
