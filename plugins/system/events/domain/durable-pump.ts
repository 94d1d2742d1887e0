/**
 * Moves durable events from the outbox to their handlers: at least once, in order per key, again after failures, parked after too many.
 * Owned here: which keys are under way, which wait and until when. Leaves storing to the outbox and one attempt to its own file.
 * Always holds: of one key one event at a time is under way in this process; an event is done only after everybody who is owed it
 * has handled it; only the current revision of this bundle takes events, and after a switch not before the old one's must be over.
 */
import { messageOf, SluiceError, type Clock, type Logger, type OutboxEvent, type OutboxService, type Timer } from '@sluice/sdk';
import { DoneBatch } from './done-batch.js';
import { attempt } from './durable-delivery.js';
import type { HandlerTable } from './handler-table.js';
import { HeldKeys } from './held-keys.js';
import { Ownership, type CurrentRevision } from './ownership.js';
import { afterFailure, type RetrySettings } from './retries.js';
import type { Subscriptions } from './subscriptions.js';

/** What the pump needs from its surroundings. */
export interface PumpSurroundings {
  readonly clock: Clock;
  readonly log: Pick<Logger, 'info' | 'warn' | 'error'>;
  readonly table: HandlerTable;
  readonly subscriptions: Subscriptions;
  /** Undefined while no bundle keeps an outbox. */
  outbox(): OutboxService | undefined;
  currentRevision(): CurrentRevision;
}

/** Settings that change while running. */
export interface PumpSettings extends RetrySettings {
  readonly deliveriesMax: number;
  readonly pollMs: number;
  readonly keepDeliveredMs: number;
}

/** Events taken in one look. */
const TAKE_MAX = 200;
/** Keys held at once, under way or waiting. Beyond it nothing more is taken, so that memory and statements stay bounded. */
const KEYS_HELD_MAX = 10_000;
const SWEEP_PERIOD_MS = 3_600_000;
/** How long a stop waits for deliveries under way. */
const STOP_WAIT_MS = 4_000;

/** Delivers durable events. */
export class DurablePump {
  readonly #around: PumpSurroundings;
  readonly #held: HeldKeys;
  readonly #ownership: Ownership;
  readonly #chains = new Set<Promise<void>>();
  #settings: PumpSettings;
  #timer: Timer | null = null;
  #round: Promise<void> | null = null;
  #again = false;
  #stopped = false;
  #troubled = false;
  #nextSweepAt: number;

  constructor(around: PumpSurroundings, settings: PumpSettings) {
    this.#around = around;
    this.#settings = settings;
    this.#held = new HeldKeys(around.clock, this.kick);
    this.#ownership = new Ownership(around, () => around.table.longestDurableMs());
    // Whether another revision is the current one is seen now or never: its switch may come before the first look.
    this.#ownership.mayTake();
    this.#nextSweepAt = around.clock.monotonic() + SWEEP_PERIOD_MS;
  }

  /** New events may be there. Many kicks make one look. */
  readonly kick = (): void => {
    if (this.#stopped) return;
    this.#again = true;
    this.#round ??= this.#runRounds();
  };

  /** A handler came: events that wait for it go first. */
  handlerCame(id: string): void {
    this.#held.releaseWaitingFor(id);
    this.kick();
  }

  /** Resolves when nothing is under way any more. For the revision that takes over. */
  async idle(): Promise<void> {
    while (this.#round !== null || this.#chains.size > 0) await Promise.all([this.#round, ...this.#chains]);
  }

  /** The revision before hands over: events are taken as soon as its deliveries are over. */
  handedOver(over: Promise<void>): void {
    this.#ownership.handedOver(over, this.kick);
  }

  configure(settings: PumpSettings): void {
    this.#settings = settings;
  }

  /** Takes nothing more and waits, in bounded time, for what is under way. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    this.#held.end();
    let timer: Timer | null = null;
    const late = new Promise<void>((resolve) => (timer = this.#around.clock.setTimeout(resolve, STOP_WAIT_MS)));
    await Promise.race([this.idle(), late]);
    (timer as Timer | null)?.cancel();
  }

  async #runRounds(): Promise<void> {
    this.#timer?.cancel();
    // A kick may come from inside a switch, which must not be made longer.
    await Promise.resolve();
    while (this.#again && !this.#stopped) {
      this.#again = false;
      try {
        await this.#look();
        this.#troubled = false;
      } catch (error) {
        this.#report(error);
      }
    }
    this.#round = null;
    if (!this.#stopped) this.#timer = this.#around.clock.setTimeout(this.kick, this.#settings.pollMs);
  }

  async #look(): Promise<void> {
    const outbox = this.#around.outbox();
    if (outbox === undefined || !this.#ownership.mayTake()) return;
    await this.#settleSubscriptions();
    await this.#sweepWhenDue(outbox);
    for (;;) {
      if (this.#stopped || this.#chains.size >= this.#settings.deliveriesMax) return;
      if (this.#held.size >= KEYS_HELD_MAX) throw tooManyKeys(this.#around.subscriptions.absent());
      const events = await outbox.take(TAKE_MAX, this.#held.keys());
      // A switch may have come meanwhile; then these are the next revision's.
      if (!this.#ownership.mayTake()) return;
      if (!this.#begin(outbox, events) || events.length < TAKE_MAX) return;
    }
  }

  /** Begins a chain for each key, as far as there is room. False when there was none for some. */
  #begin(outbox: OutboxService, events: readonly OutboxEvent[]): boolean {
    const byKey = new Map<string, OutboxEvent[]>();
    for (const event of events) {
      const chain = byKey.get(event.key);
      if (chain === undefined) byKey.set(event.key, [event]);
      else chain.push(event);
    }
    const done = new DoneBatch((ids) => outbox.done(ids));
    for (const [key, chain] of byKey) {
      if (this.#chains.size >= this.#settings.deliveriesMax) return false;
      this.#held.hold(key);
      const work = this.#follow(outbox, done, key, chain).finally(() => {
        this.#chains.delete(work);
        this.kick();
      });
      this.#chains.add(work);
    }
    return true;
  }

  /** Delivers events of one key one after the other, up to the first that must wait. */
  async #follow(outbox: OutboxService, done: DoneBatch, key: string, events: readonly OutboxEvent[]): Promise<void> {
    try {
      for (const event of events) {
        if (this.#stopped || !this.#ownership.mayTake()) break;
        if (!(await this.#deliver(outbox, done, event))) return;
      }
      this.#held.release(key);
    } catch (error) {
      this.#report(error);
      this.#held.wait(key, this.#settings.retryMinMs);
    }
  }

  /** True when the event is settled and its key may move on. */
  async #deliver(outbox: OutboxService, done: DoneBatch, event: OutboxEvent): Promise<boolean> {
    const { key } = event;
    const result = await attempt(event, !this.#held.wasTried(key), { ...this.#around, outbox });
    if (result.kind === 'delivered') {
      // A handler that came while the event was under way is owed the next one, also after a crash.
      if (!this.#around.subscriptions.saved) await this.#settleSubscriptions();
      await done.add(event.id);
      this.#held.settled(key);
      return true;
    }
    if (result.kind === 'absent') {
      this.#held.wait(key, this.#settings.retryMaxMs, result.handlers);
      return false;
    }
    const attempts = this.#held.failures(key) + 1;
    const next = afterFailure(attempts, this.#settings);
    // Parked means given up for everybody, which a handler that was not there yet has not deserved.
    if (next === 'park' && result.absent.length === 0) {
      await this.#park(outbox, event, attempts, result.reason);
      return true;
    }
    this.#held.failed(key, next === 'park' ? this.#settings.retryMaxMs : next);
    return false;
  }

  async #park(outbox: OutboxService, event: OutboxEvent, attempts: number, reason: string): Promise<void> {
    await outbox.park(event.id, `${attempts} attempts failed; ${reason}`);
    this.#held.settled(event.key);
    this.#around.log.error(`Event ${event.id} of '${event.topic}' is parked after ${attempts} attempts: ${reason}`, {
      code: 'EVENT_PARKED',
      eventId: event.id,
      topic: event.topic,
      attempts,
    });
  }

  async #settleSubscriptions(): Promise<void> {
    for (const forgotten of await this.#around.subscriptions.settle()) this.#held.releaseWaitingFor(forgotten);
  }

  async #sweepWhenDue(outbox: OutboxService): Promise<void> {
    const { clock } = this.#around;
    if (clock.monotonic() < this.#nextSweepAt) return;
    this.#nextSweepAt = clock.monotonic() + SWEEP_PERIOD_MS;
    await outbox.sweep(clock.now() - this.#settings.keepDeliveredMs);
  }

  #report(error: unknown): void {
    if (this.#troubled) return;
    this.#troubled = true;
    this.#around.log.warn(`Durable events wait: ${messageOf(error)}. Delivery goes on by itself when the cause is gone`, {
      code: 'EVENT_OUTBOX_TROUBLE',
      error,
    });
  }
}

function tooManyKeys(absent: readonly string[]): SluiceError {
  const text = absent.length === 0 ? 'handlers keep failing' : `handlers are not there: ${absent.join(', ')}`;
  return new SluiceError('EVENT_KEYS_HELD_MAX', `events of ${KEYS_HELD_MAX} keys cannot be delivered, ${text}`, {
    details: { keysMax: KEYS_HELD_MAX, absent },
    remedy: 'Start the bundles of the handlers, or uninstall those that will not come back.',
  });
}
