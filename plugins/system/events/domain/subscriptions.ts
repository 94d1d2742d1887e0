/**
 * Who is owed durable events, over restarts: a handler whose bundle is stopped or not yet started must not lose what happens meanwhile.
 * Always holds: a handler is written down before an event that it is owed can count as delivered; it is forgotten only when its
 * bundle was uninstalled, or has run for a while without it.
 */
import { messageOf, type Logger } from '@sluice/sdk';
import { matchesTopic } from './topics.js';

/** Where subscriptions are kept. */
export interface StatePort {
  read(): Promise<string | null>;
  write(text: string): Promise<void>;
}

/** State of the bundle behind a subscription. */
export type BundlePresence = 'absent' | 'stopped' | 'active';

/** What subscriptions need from their surroundings. */
export interface SubscriptionSurroundings {
  readonly port: StatePort;
  readonly log: Pick<Logger, 'info' | 'warn'>;
  monotonic(): number;
  presenceOf(bundle: string): BundlePresence;
  /** How long a running bundle may be without a handler it had. */
  absentHandlerMs(): number;
}

interface Subscription {
  readonly bundle: string;
  readonly topic: string;
  /** Since when the handler is missing although its bundle runs; null while it is there or its bundle is not running. */
  missingSince: number | null;
}

/** Remembers durable handlers. */
export class Subscriptions {
  readonly #around: SubscriptionSurroundings;
  readonly #known = new Map<string, Subscription>();
  readonly #present = new Set<string>();
  #dirty = false;
  #writes = 0;
  #writing: Promise<void> = Promise.resolve();

  private constructor(around: SubscriptionSurroundings) {
    this.#around = around;
  }

  static async load(around: SubscriptionSurroundings): Promise<Subscriptions> {
    const subscriptions = new Subscriptions(around);
    const text = await around.port.read();
    for (const [id, { bundle, topic }] of Object.entries(parse(text, around.log))) {
      subscriptions.#known.set(id, { bundle, topic, missingSince: null });
    }
    return subscriptions;
  }

  /** A durable handler appeared. */
  added(id: string, bundle: string, topic: string): void {
    this.#present.add(id);
    const before = this.#known.get(id);
    this.#known.set(id, { bundle, topic, missingSince: null });
    if (before?.topic !== topic) this.#dirty = true;
  }

  /** A handler left. It stays owed its events. */
  removed(id: string): void {
    this.#present.delete(id);
  }

  /** Ids of all handlers that are owed events of a topic, whether they are there or not. */
  owed(topic: string): readonly string[] {
    return [...this.#known].filter(([, known]) => matchesTopic(known.topic, topic)).map(([id]) => id);
  }

  /** Handlers that are owed events and not there. */
  absent(): readonly string[] {
    return [...this.#known.keys()].filter((id) => !this.#present.has(id));
  }

  /** False while what is known is not written down. */
  get saved(): boolean {
    return !this.#dirty && this.#writes === 0;
  }

  /** Forgets who will not come back, and returns them; resolves when what is known is written down, rejects when it cannot be. */
  async settle(): Promise<readonly string[]> {
    const forgotten = [...this.#known].filter(([id, known]) => !this.#present.has(id) && this.#isDropped(id, known)).map(([id]) => id);
    for (const id of forgotten) this.#known.delete(id);
    if (forgotten.length > 0) this.#dirty = true;
    if (this.#dirty) this.#writing = this.#writing.catch(() => undefined).then(() => this.#write());
    await this.#writing;
    return forgotten;
  }

  async #write(): Promise<void> {
    this.#dirty = false;
    this.#writes++;
    const entries = [...this.#known].sort(([a], [b]) => (a < b ? -1 : 1)).map(([id, { bundle, topic }]) => [id, { bundle, topic }]);
    try {
      await this.#around.port.write(`${JSON.stringify({ handlers: Object.fromEntries(entries) }, null, 2)}\n`);
    } catch (error) {
      this.#dirty = true;
      throw error;
    } finally {
      this.#writes--;
    }
  }

  #isDropped(id: string, known: Subscription): boolean {
    const { presenceOf, monotonic, absentHandlerMs, log } = this.#around;
    const presence = presenceOf(known.bundle);
    if (presence === 'absent') return true;
    if (presence === 'stopped') {
      known.missingSince = null;
      return false;
    }
    known.missingSince ??= monotonic();
    const missingMs = monotonic() - known.missingSince;
    if (missingMs < absentHandlerMs()) return false;
    log.warn(`Durable handler '${id}' is forgotten: '${known.bundle}' has run without it for ${missingMs} ms`, {
      code: 'EVENT_HANDLER_DROPPED',
      handler: id,
    });
    return true;
  }
}

function parse(text: string | null, log: Pick<Logger, 'warn'>): Record<string, { bundle: string; topic: string }> {
  if (text === null) return {};
  try {
    const { handlers } = JSON.parse(text) as { handlers: Record<string, { bundle: string; topic: string }> };
    return Object.fromEntries(
      Object.entries(handlers).filter(([, one]) => typeof one.bundle === 'string' && typeof one.topic === 'string'),
    );
  } catch (error) {
    log.warn(
      `The list of durable handlers cannot be read (${messageOf(error)}). Handlers that register again get their events; events that happen before may miss them`,
      { code: 'EVENT_SUBSCRIPTIONS_UNREADABLE' },
    );
    return {};
  }
}
