/**
 * A bounded queue of lines in front of a target that may be slow or broken. Writing returns at once, always.
 * Owned here: order, the bound, and telling a fault once per episode. The target owns files and descriptors.
 * Always holds: one append at a time; a chunk is given up only when the buffer is full, and every dropped line is counted.
 */

/** Where lines end up. Writes all or throws. */
export interface LineTarget {
  append(chunk: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

/** Told about trouble; must not log through the same lines. */
export interface LineFaults {
  /** The first failure of an episode. */
  failed(error: unknown): void;
  /** The target works again, or lines were lost to a full buffer. */
  recovered(droppedLines: number): void;
}

/** Most bytes in one append. */
const CHUNK_BYTES_MAX = 262_144;
/** Pause between attempts while the target fails; attempts happen only when something is logged or flushed. */
const RETRY_MS = 1_000;

/** Queues lines for a target. */
export class BufferedLines {
  readonly #target: LineTarget;
  readonly #faults: LineFaults;
  readonly #monotonic: () => number;
  #bytesMax: number;
  #lines: Buffer[] = [];
  #bytes = 0;
  #dropped = 0;
  #failing = false;
  #retryAt = 0;
  #pump: Promise<void> | null = null;

  constructor(target: LineTarget, faults: LineFaults, monotonic: () => number, bytesMax: number) {
    this.#target = target;
    this.#faults = faults;
    this.#monotonic = monotonic;
    this.#bytesMax = bytesMax;
  }

  /** Takes a line that ends with a line break. */
  write(line: string): void {
    const bytes = Buffer.from(line, 'utf8');
    if (this.#bytes + bytes.length > this.#bytesMax) {
      this.#dropped++;
    } else {
      this.#lines.push(bytes);
      this.#bytes += bytes.length;
    }
    if (!this.#failing || this.#monotonic() >= this.#retryAt) void this.#start();
  }

  setBytesMax(bytesMax: number): void {
    this.#bytesMax = bytesMax;
  }

  /** Resolves when everything written before is in the target, or the target failed. */
  async flush(): Promise<void> {
    await this.#pump;
    if (this.#lines.length > 0) await this.#start();
  }

  /** Flushes and closes the target. */
  async close(): Promise<void> {
    await this.flush();
    await this.#target.close();
  }

  #start(): Promise<void> {
    this.#pump ??= this.#run().finally(() => (this.#pump = null));
    return this.#pump;
  }

  async #run(): Promise<void> {
    // One turn later, so that lines logged together leave together.
    await Promise.resolve();
    while (this.#lines.length > 0) {
      const count = this.#chunkLength();
      const chunk = Buffer.concat(this.#lines.slice(0, count));
      try {
        await this.#target.append(chunk);
      } catch (error) {
        this.#retryAt = this.#monotonic() + RETRY_MS;
        if (!this.#failing) this.#faults.failed(error);
        this.#failing = true;
        return;
      }
      this.#lines.splice(0, count);
      this.#bytes -= chunk.length;
      this.#reportRecovery();
    }
  }

  #chunkLength(): number {
    let bytes = 0;
    let count = 0;
    for (const line of this.#lines) {
      bytes += line.length;
      if (count > 0 && bytes > CHUNK_BYTES_MAX) break;
      count++;
    }
    return count;
  }

  #reportRecovery(): void {
    if (!this.#failing && this.#dropped === 0) return;
    const dropped = this.#dropped;
    this.#failing = false;
    this.#dropped = 0;
    this.#faults.recovered(dropped);
  }
}
