/**
 * Service publishers: bundles that take part in every swap of one contract (the http bundle for routes).
 * A publisher prepares what it cannot see yet, tests it, and publishes inside the switch. `known` is what it has published;
 * everything here is the difference between that and what should be.
 */
import { type ServicePublisher, type ServiceView, SluiceError, isSluiceError, messageOf } from '@sluice/sdk';
import type { ForwarderMaker } from './forwarder.js';
import { Holdings } from './holdings.js';
import type { OwnerBook } from './owner-book.js';
import { type PinnedTarget, serviceOrPinned } from './pinned.js';
import type { ServiceRecord } from './record.js';
import type { Shelf } from './shelf.js';
import type { Handle, RegistryOptions } from './types.js';

/** What a publisher prepared for a stage. */
export interface PreparedPublication {
  readonly value: unknown;
  readonly records: readonly ServiceRecord[];
}

interface Item {
  readonly service: unknown;
  readonly view: ServiceView;
}

export class PublisherEntry implements Handle {
  closed = false;
  /** It was the publisher of its contract at some time. */
  wasInCharge = false;
  /** Services it has published or is publishing. */
  readonly known = new Set<ServiceRecord>();
  private readonly holdings: Holdings;
  private readonly pinned = new Map<ServiceRecord, PinnedTarget>();
  /** Ends when all asynchronous work begun so far has ended. Never rejects. */
  private work: Promise<void> = Promise.resolve();
  private waiting = 0;

  constructor(
    readonly shelf: Shelf,
    readonly book: OwnerBook,
    private readonly publisher: ServicePublisher<unknown>,
    private readonly maker: ForwarderMaker,
    private readonly warn: RegistryOptions['warn'],
  ) {
    this.holdings = new Holdings(book.owner, shelf.notifications);
    book.addPublisher(this);
  }

  /** Resolves when nothing asynchronous is under way. */
  async idle(): Promise<void> {
    while (this.waiting > 0) await this.work;
  }

  /** Lets the publisher prepare. @throws SluiceError `PUBLISHER_REFUSED`, or what the publisher throws when that is a SluiceError */
  async prepare(records: readonly ServiceRecord[], replaces: readonly ServiceRecord[]): Promise<PreparedPublication> {
    try {
      const value = await this.publisher.prepare(this.items(records), views(replaces));
      return { value, records };
    } catch (error) {
      throw this.refusal(error);
    }
  }

  /** Lets the publisher test what it prepared. */
  async probe(prepared: PreparedPublication, signal: AbortSignal): Promise<void> {
    try {
      await this.publisher.probe?.(prepared.value, signal);
    } catch (error) {
      throw this.refusal(error);
    }
  }

  discard(prepared: PreparedPublication): void {
    this.guard('discard', () => this.publisher.discard?.(prepared.value));
    for (const record of prepared.records) if (!this.known.has(record)) this.unpin(record);
  }

  /** Publishes inside the switch: what was prepared, less what is gone. */
  publish(prepared: PreparedPublication | undefined, removed: readonly ServiceRecord[]): void {
    const gone = removed.filter((record) => this.known.delete(record));
    if (prepared === undefined && gone.length === 0) return;
    for (const record of prepared?.records ?? []) this.known.add(record);
    this.guard('publish', () => this.publisher.publish(prepared?.value, views(gone)));
    for (const record of gone) this.unpin(record);
    const tooLate = (prepared?.records ?? []).filter((record) => record.state !== 'published');
    if (tooLate.length > 0) this.publish(undefined, tooLate);
  }

  /**
   * Begins to publish services registered outside a stage. A publisher that prepares synchronously has published them when the
   * function returned is called (after they became visible); one that does not, publishes when it is ready, in order.
   * @throws whatever a synchronous `prepare` throws
   */
  begin(records: readonly ServiceRecord[]): () => void {
    if (this.waiting > 0) return () => this.enqueue(() => this.prepareAndPublish(records));
    let value: unknown;
    try {
      value = this.publisher.prepare(this.items(records), []);
    } catch (error) {
      for (const record of records) this.unpin(record);
      throw this.refusal(error);
    }
    if (!isPromise(value)) return () => this.publish({ value, records }, []);
    // A refusal is reported by the work below; until that runs it must not count as unhandled.
    value.catch(() => undefined);
    const prepared = value;
    return () => this.enqueue(async () => this.publishWhenDone(records, await prepared));
  }

  /** A service registered outside a stage is gone. */
  removed(record: ServiceRecord): void {
    if (this.waiting > 0) this.enqueue(() => this.publish(undefined, [record]));
    else this.publish(undefined, [record]);
  }

  /** Publishes services that missed the preparation of their stage. */
  catchUp(records: readonly ServiceRecord[]): void {
    this.enqueue(() => this.prepareAndPublish(records.filter((record) => !this.known.has(record))));
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    if (this.shelf.publisher === this) this.shelf.publisher = null;
    this.known.clear();
    for (const target of this.pinned.values()) target.close();
    this.pinned.clear();
    this.holdings.releaseAllBut();
    this.book.removePublisher(this);
    this.shelf.notifications.tell();
  }

  private async prepareAndPublish(records: readonly ServiceRecord[]): Promise<void> {
    const wanted = records.filter((record) => record.state === 'published');
    if (this.closed || wanted.length === 0) return;
    this.publishWhenDone(wanted, (await this.prepare(wanted, [])).value);
  }

  private publishWhenDone(records: readonly ServiceRecord[], value: unknown): void {
    const prepared = { value, records };
    if (this.closed || records.every((record) => record.state !== 'published')) this.discard(prepared);
    else this.publish(prepared, []);
  }

  private enqueue(step: () => void | Promise<void>): void {
    this.waiting += 1;
    this.work = this.work
      .then(step)
      .catch((error: unknown) => {
        const { code, message, details } = this.refusal(error);
        this.warn(code, message, { ...details, error });
      })
      .then(() => {
        this.waiting -= 1;
      });
  }

  private items(records: readonly ServiceRecord[]): readonly Item[] {
    return records.map((record) => {
      const before = this.pinned.get(record);
      if (before !== undefined) return { service: before.service, view: record.view() };
      const { service, pinned } = serviceOrPinned(record, this.maker, this.holdings);
      if (pinned !== null) this.pinned.set(record, pinned);
      return { service, view: record.view() };
    });
  }

  private unpin(record: ServiceRecord): void {
    this.pinned.get(record)?.close();
    this.pinned.delete(record);
    this.holdings.release(record);
  }

  private guard(what: string, step: () => void): void {
    this.shelf.notifications.guard(`${what}() of the publisher '${this.book.owner.symbolicName}' for '${this.shelf.contractId}'`, step);
  }

  /** A refusal with a code of its own (a route conflict) passes through: its details are what the author needs. */
  private refusal(error: unknown): SluiceError {
    if (isSluiceError(error)) return error;
    const { symbolicName } = this.book.owner;
    const { contractId } = this.shelf;
    return new SluiceError('PUBLISHER_REFUSED', `'${symbolicName}' refuses services of '${contractId}': ${messageOf(error)}`, {
      details: { contract: contractId, publisher: symbolicName },
      cause: error,
      remedy: 'Correct what the publisher names, then deploy again.',
    });
  }
}

function views(records: readonly ServiceRecord[]): readonly ServiceView[] {
  return records.map((record) => record.view());
}

function isPromise(value: unknown): value is Promise<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as Promise<unknown>).then === 'function';
}
