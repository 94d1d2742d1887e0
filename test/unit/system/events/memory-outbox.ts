/** An outbox in memory with the promises of the real one; `fail` makes every call reject. */
import type { OutboxEvent, OutboxService, ParkedEvent } from '@sluice/sdk';

interface Row extends OutboxEvent {
  done: boolean;
  parked: { at: number; reason: string } | null;
}

/** Rows in memory. */
export class MemoryOutbox implements OutboxService {
  readonly rows: Row[] = [];
  readonly marks = new Set<string>();
  readonly sweeps: number[] = [];
  failure: Error | null = null;
  doneCalls = 0;
  readonly #committed = new Set<() => void>();

  /** Commits events, as units of work do. */
  emit(topic: string, key: string, payload: unknown = {}): void {
    this.rows.push({ id: String(this.rows.length + 1), topic, key, payload, at: 1, done: false, parked: null });
    for (const callback of this.#committed) callback();
  }

  get waiting(): string[] {
    return this.rows.filter((row) => !row.done && row.parked === null).map((row) => row.id);
  }

  async take(limit: number, exceptKeys: readonly string[] = []): Promise<readonly OutboxEvent[]> {
    this.#check();
    return this.rows
      .filter((row) => !row.done && row.parked === null && !exceptKeys.includes(row.key))
      .slice(0, limit)
      .map(({ id, topic, key, payload, at }) => ({ id, topic, key, payload: structuredClone(payload), at }));
  }

  async done(ids: readonly string[]): Promise<void> {
    this.#check();
    this.doneCalls++;
    for (const row of this.rows) if (ids.includes(row.id)) row.done = true;
  }

  async park(id: string, reason: string): Promise<void> {
    this.#check();
    for (const row of this.rows) if (row.id === id) row.parked = { at: 2, reason };
  }

  async parked(limit: number): Promise<readonly ParkedEvent[]> {
    return this.rows
      .flatMap(({ done, parked, ...event }) => (parked === null || done ? [] : [{ ...event, parkedAt: parked.at, reason: parked.reason }]))
      .slice(0, limit);
  }

  async release(id: string): Promise<boolean> {
    const row = this.rows.find((one) => one.id === id && one.parked !== null);
    if (row !== undefined) row.parked = null;
    return row !== undefined;
  }

  async pending(): Promise<number> {
    return this.waiting.length;
  }

  async isHandled(handler: string, eventId: string): Promise<boolean> {
    this.#check();
    return this.marks.has(`${handler}#${eventId}`);
  }

  async markHandled(handler: string, eventId: string): Promise<boolean> {
    this.#check();
    const before = this.marks.size;
    this.marks.add(`${handler}#${eventId}`);
    return this.marks.size > before;
  }

  async sweep(beforeMs: number): Promise<number> {
    this.sweeps.push(beforeMs);
    return 0;
  }

  onCommitted(callback: () => void): () => void {
    this.#committed.add(callback);
    return () => void this.#committed.delete(callback);
  }

  #check(): void {
    if (this.failure !== null) throw this.failure;
  }
}
