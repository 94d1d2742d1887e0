/** The outbox as the event bundle sees it: what committed units of work left, in the order of their ids. */
import type { OutboxEvent, OutboxService, ParkedEvent, SqlExecutor, SqlRow } from '@sluice/sdk';
import type { DataClock } from '../domain/settings.js';
import type { Dialect } from '../domain/scan.js';

interface OutboxParts {
  readonly db: SqlExecutor;
  readonly dialect: Dialect;
  readonly clock: Pick<DataClock, 'now'>;
  /** Calls back after commits that left events. */
  onEvents(callback: () => void): () => void;
}

/** Lists travel as one JSON value, so that the text of the statement stays the same however long they are. */
const LISTS = {
  sqlite: { keys: 'SELECT value FROM json_each(?)', ids: 'SELECT CAST(value AS INTEGER) FROM json_each(?)' },
  postgres: { keys: 'SELECT jsonb_array_elements_text(?::jsonb)', ids: 'SELECT jsonb_array_elements_text(?::jsonb)::bigint' },
} as const;

/** Outbox and inbox tables. */
export class SqlOutbox implements OutboxService {
  readonly #parts: OutboxParts;
  readonly #db: SqlExecutor;
  readonly #take: string;
  readonly #done: string;

  constructor(parts: OutboxParts) {
    this.#parts = parts;
    this.#db = parts.db;
    const lists = LISTS[parts.dialect];
    this.#take = `SELECT id, topic, key, payload, at FROM sluice_outbox
      WHERE delivered_at IS NULL AND parked_at IS NULL AND key NOT IN (${lists.keys}) ORDER BY id LIMIT ?`;
    this.#done = `UPDATE sluice_outbox SET delivered_at = ? WHERE delivered_at IS NULL AND id IN (${lists.ids})`;
  }

  async take(limit: number, exceptKeys: readonly string[] = []): Promise<readonly OutboxEvent[]> {
    const rows = await this.#db.query(this.#take, [JSON.stringify(exceptKeys), limit]);
    return rows.map(eventOf);
  }

  async done(ids: readonly string[]): Promise<void> {
    if (ids.length > 0) await this.#db.execute(this.#done, [this.#now(), JSON.stringify(ids)]);
  }

  async park(id: string, reason: string): Promise<void> {
    await this.#db.execute('UPDATE sluice_outbox SET parked_at = ?, parked_reason = ? WHERE id = ? AND delivered_at IS NULL', [
      this.#now(),
      reason.slice(0, 1_000),
      BigInt(id),
    ]);
  }

  async parked(limit: number): Promise<readonly ParkedEvent[]> {
    const rows = await this.#db.query(
      `SELECT id, topic, key, payload, at, parked_at, parked_reason FROM sluice_outbox
        WHERE parked_at IS NOT NULL AND delivered_at IS NULL ORDER BY id LIMIT ?`,
      [limit],
    );
    return rows.map((row) => ({ ...eventOf(row), parkedAt: Number(row['parked_at']), reason: String(row['parked_reason']) }));
  }

  async release(id: string): Promise<boolean> {
    const rows = await this.#db.execute(
      'UPDATE sluice_outbox SET parked_at = NULL, parked_reason = NULL WHERE id = ? AND parked_at IS NOT NULL AND delivered_at IS NULL',
      [BigInt(id)],
    );
    return rows === 1;
  }

  async pending(): Promise<number> {
    const rows = await this.#db.query('SELECT count(*) AS pending FROM sluice_outbox WHERE delivered_at IS NULL AND parked_at IS NULL');
    return Number(rows[0]?.['pending']);
  }

  async isHandled(handler: string, eventId: string): Promise<boolean> {
    const rows = await this.#db.query('SELECT 1 AS found FROM sluice_inbox WHERE handler = ? AND event_id = ?', [handler, BigInt(eventId)]);
    return rows.length > 0;
  }

  async markHandled(handler: string, eventId: string): Promise<boolean> {
    const rows = await this.#db.execute('INSERT INTO sluice_inbox (handler, event_id, at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING', [
      handler,
      BigInt(eventId),
      this.#now(),
    ]);
    return rows === 1;
  }

  async sweep(beforeMs: number): Promise<number> {
    const delivered = await this.#db.execute('DELETE FROM sluice_outbox WHERE delivered_at < ?', [BigInt(beforeMs)]);
    // An inbox mark must outlive the event it belongs to, or a late second delivery would be handled again.
    const marks = await this.#db.execute(
      'DELETE FROM sluice_inbox WHERE at < ? AND NOT EXISTS (SELECT 1 FROM sluice_outbox WHERE sluice_outbox.id = sluice_inbox.event_id)',
      [BigInt(beforeMs)],
    );
    return delivered + marks;
  }

  onCommitted(callback: () => void): () => void {
    return this.#parts.onEvents(callback);
  }

  #now(): bigint {
    return BigInt(this.#parts.clock.now());
  }
}

function eventOf(row: SqlRow): OutboxEvent {
  return {
    id: String(row['id']),
    topic: String(row['topic']),
    key: String(row['key']),
    payload: JSON.parse(String(row['payload'])) as unknown,
    at: Number(row['at']),
  };
}
