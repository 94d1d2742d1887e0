/**
 * Connections to PostgreSQL: at most so many, handed out first come, first served, with the bundles that hold them known by name.
 * A connection that failed, or whose transaction was not ended, is closed and never handed out again.
 */
import { AsyncResource } from 'node:async_hooks';
import { SluiceError, type Logger } from '@sluice/sdk';
import type pg from 'pg';
import type { DataClock, DataSettings } from '../../domain/settings.js';
import type { Opener } from '../engine.js';

/** A client in somebody's hands. */
export interface HeldClient {
  readonly client: pg.Client;
  readonly bundle: string;
  readonly since: number;
}

/** What the driver knows of a client and its types leave out. */
interface ClientState {
  getTransactionStatus(): string | null;
}

interface Waiter {
  readonly opener: Opener;
  grant(client: pg.Client): void;
  reject(error: Error): void;
}

/** Makes a client, not yet connected. */
export type MakeClient = () => pg.Client;

/** The connections. */
export class PostgresPool {
  readonly #make: MakeClient;
  readonly #clock: DataClock;
  readonly #settings: Pick<DataSettings, 'connectionsMax' | 'waitingMax'>;
  readonly #log: Pick<Logger, 'warn'>;
  readonly #idle: pg.Client[] = [];
  readonly #held = new Set<HeldClient>();
  readonly #waiting: Waiter[] = [];
  /** Sockets are opened in this context: one opened inside a request would keep that request's context for ever. */
  readonly #outside = new AsyncResource('sluice.data.pool');
  /** Clients that exist or are being made: idle, held, or on their way to whoever waited. */
  #size = 0;
  #retireBefore = 0;
  readonly #madeIn = new WeakMap<pg.Client, number>();
  #closed = false;
  #empty: (() => void) | null = null;

  constructor(make: MakeClient, parts: { readonly clock: DataClock; readonly settings: DataSettings; readonly log: Pick<Logger, 'warn'> }) {
    this.#make = make;
    this.#clock = parts.clock;
    this.#settings = parts.settings;
    this.#log = parts.log;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /** The use that has lasted longest. */
  get oldest(): { readonly bundle: string; readonly heldMs: number } | null {
    const [first] = this.#held;
    return first === undefined ? null : { bundle: first.bundle, heldMs: Math.round(this.#clock.monotonic() - first.since) };
  }

  /** @throws SluiceError `DATA_POOL_TIMEOUT`, `DATA_POOL_QUEUE_FULL`, `DATA_CONNECTION_FAILED`, `DATA_CLOSED`. */
  async acquire(opener: Opener): Promise<HeldClient> {
    if (this.#closed) throw closed(opener.bundle);
    const client = this.#idle.pop() ?? (await this.#next(opener));
    const held = { client, bundle: opener.bundle, since: this.#clock.monotonic() };
    this.#held.add(held);
    return held;
  }

  /** @param broken true when nothing more may be said over the connection. */
  release(held: HeldClient, broken = false): void {
    this.#held.delete(held);
    const { client } = held;
    const outdated = (this.#madeIn.get(client) ?? 0) < this.#retireBefore;
    const clean = (client as unknown as ClientState).getTransactionStatus() === 'I';
    if (broken || outdated || !clean || this.#closed) this.#discard(client);
    else this.#hand(client);
    if (this.#size === this.#idle.length) this.#empty?.();
  }

  /** Lets no connection made so far be used again once it is released. */
  retire(): void {
    this.#retireBefore += 1;
    for (const client of this.#idle.splice(0)) this.#discard(client);
  }

  /** Waits until every client is back, then closes all. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const waiter of this.#waiting.splice(0)) waiter.reject(closed(waiter.opener.bundle));
    if (this.#size > this.#idle.length) await new Promise<void>((resolve) => (this.#empty = resolve));
    await Promise.all(this.#idle.splice(0).map((client) => client.end().catch(() => undefined)));
  }

  #next(opener: Opener): Promise<pg.Client> {
    if (this.#size < this.#settings.connectionsMax) return this.#connect();
    if (this.#waiting.length >= this.#settings.waitingMax) throw queueFull(opener, this.#waiting.length, this.oldest);
    return new Promise((resolve, reject) => {
      const timer = this.#clock.setTimeout(() => {
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
        reject(waitedTooLong(opener, this.#waiting.length, this.oldest));
      }, opener.waitMs);
      const waiter: Waiter = {
        opener,
        grant: (client) => {
          timer.cancel();
          resolve(client);
        },
        reject: (error) => {
          timer.cancel();
          reject(error);
        },
      };
      this.#waiting.push(waiter);
    });
  }

  async #connect(): Promise<pg.Client> {
    this.#size += 1;
    try {
      const client = this.#outside.runInAsyncScope(this.#make);
      this.#madeIn.set(client, this.#retireBefore);
      client.on('error', (error) => {
        const at = this.#idle.indexOf(client);
        if (at >= 0) {
          this.#idle.splice(at, 1);
          this.#discard(client);
        }
        this.#log.warn('database connection lost', { error: error.message, idle: at >= 0 });
      });
      await this.#outside.runInAsyncScope(() => client.connect());
      return client;
    } catch (error) {
      this.#size -= 1;
      this.#replace();
      throw notConnected(error);
    }
  }

  #hand(client: pg.Client): void {
    const waiter = this.#waiting.shift();
    if (waiter === undefined) this.#idle.push(client);
    else waiter.grant(client);
  }

  #discard(client: pg.Client): void {
    this.#size -= 1;
    client.end().catch(() => undefined);
    this.#replace();
  }

  /** A place became free: makes a client for the first that waits. */
  #replace(): void {
    const waiter = this.#waiting.shift();
    if (waiter !== undefined) this.#connect().then(waiter.grant, waiter.reject);
    if (this.#size === this.#idle.length) this.#empty?.();
  }
}

function holderText(oldest: { bundle: string; heldMs: number } | null): string {
  return oldest === null ? 'none is in use' : `the longest is in use by bundle '${oldest.bundle}' for ${oldest.heldMs} ms`;
}

function waitedTooLong(opener: Opener, waiting: number, oldest: { bundle: string; heldMs: number } | null): SluiceError {
  return new SluiceError(
    'DATA_POOL_TIMEOUT',
    `Bundle '${opener.bundle}' did not get a database connection within ${opener.waitMs} ms: all are in use, ${holderText(oldest)}, ${waiting} more wait`,
    {
      details: { bundle: opener.bundle, waitMs: opener.waitMs, holder: oldest?.bundle ?? null, heldMs: oldest?.heldMs ?? null, waiting },
      remedy: 'Shorten the units of work of the holder, or raise connectionsMax.',
      retryable: true,
      httpStatus: 503,
    },
  );
}

function queueFull(opener: Opener, waiting: number, oldest: { bundle: string; heldMs: number } | null): SluiceError {
  return new SluiceError(
    'DATA_POOL_QUEUE_FULL',
    `Bundle '${opener.bundle}' was refused a database connection: ${waiting} already wait, ${holderText(oldest)}`,
    {
      details: { bundle: opener.bundle, waiting, holder: oldest?.bundle ?? null },
      remedy: 'Try again later; the system is over its capacity.',
      retryable: true,
      httpStatus: 503,
    },
  );
}

function notConnected(error: unknown): SluiceError {
  return new SluiceError('DATA_CONNECTION_FAILED', `Cannot connect to PostgreSQL: ${(error as Error).message}`, {
    details: { driverCode: String((error as { code?: unknown }).code ?? '') },
    remedy: "Check the bundle's 'url' setting and that the server accepts connections.",
    retryable: true,
    httpStatus: 503,
    cause: error,
  });
}

function closed(bundle: string): SluiceError {
  return new SluiceError('DATA_CLOSED', `Bundle '${bundle}' cannot use the database: it is closed`, {
    details: { bundle },
    remedy: 'Take the data service anew; a service or model kept from a stopped revision of the data bundle ends with it.',
    retryable: true,
    httpStatus: 503,
  });
}
