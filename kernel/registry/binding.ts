/**
 * A live reference: a forwarder that follows the best matching service, and for entries of older generations the service that was
 * best then. The forwarder has a direct face while every entry sees the same service; otherwise each call asks `pick`.
 */
import { type OptionalReference, type ServiceView, SluiceError } from '@sluice/sdk';
import { Consumer, type ConsumerKind, type ShelfChange } from './consumer.js';
import type { Face, ForwarderLink, ForwarderMaker } from './forwarder.js';
import { Holdings } from './holdings.js';
import type { OwnerBook } from './owner-book.js';
import type { Query } from './query.js';
import { type ServiceRecord, compareRecords } from './record.js';
import type { Shelf } from './shelf.js';
import type { StageState } from './stage.js';
import type { OptionalHandle, ReferenceHandle } from './types.js';

export class Binding extends Consumer implements ReferenceHandle<object>, ForwarderLink {
  /** The forwarder. */
  readonly service: object;
  face: Face | null = null;
  private record: ServiceRecord | null = null;
  /** The service of the older generation asked for last; right while the shelf is at `pastEpoch`. */
  private past: ServiceRecord | null = null;
  private pastGeneration = 0;
  private pastEpoch = -1;
  private holdings: Holdings | null = null;
  private factoryFailure: SluiceError | null = null;

  constructor(
    shelf: Shelf,
    book: OwnerBook,
    stage: StageState | null,
    query: Query,
    private readonly maker: ForwarderMaker,
    private readonly sticky: boolean,
  ) {
    super(shelf, book, stage, query);
    this.service = maker.forward(this);
    this.open();
    this.record = shelf.best(query, stage);
    this.retarget();
  }

  get kind(): ConsumerKind {
    return 'reference';
  }

  get view(): ServiceView | undefined {
    return this.record?.view();
  }

  pick(): Face | null {
    const record = this.currentRecord();
    if (record === null) return null;
    if (record.service !== null) return record.faceFor(this.maker, record.service);
    return this.faceOfMade(record);
  }

  failure(method: string): SluiceError {
    const { contractId } = this.shelf;
    const { symbolicName: consumer, version } = this.book.owner;
    const details = { contract: contractId, version: this.query.contractVersion, consumer: `${consumer}@${version}`, method };
    if (this.closed) {
      return new SluiceError('CONTEXT_CLOSED', `'${consumer}' ${version} called '${contractId}.${method}' after it was stopped`, {
        details,
      });
    }
    if (this.factoryFailure !== null) return this.factoryFailure;
    const { filter, range } = this.query;
    const wished = `${range?.toString() ?? `version ${this.query.contractVersion} or a later one of the same major`}${filter === null ? '' : ` and ${filter.text}`}`;
    return new SluiceError(
      'SERVICE_UNAVAILABLE',
      `'${consumer}' cannot call '${contractId}.${method}': no active bundle provides it (${wished})`,
      {
        details,
        retryable: true,
        httpStatus: 503,
        remedy: `Start a bundle that provides '${contractId}', then try again.`,
      },
    );
  }

  /** The service of the entry this code runs in, or null. */
  currentRecord(): ServiceRecord | null {
    const { shelf } = this;
    if (shelf.switchedAt > 0 && this.stage === null && !this.closed) {
      const generation = shelf.entryGeneration();
      if (generation !== undefined && generation < shelf.switchedAt) return this.recordAt(generation);
    }
    return this.record;
  }

  /** The object itself, for contracts without methods. */
  currentObject(): object | undefined {
    const record = this.currentRecord();
    return record === null ? undefined : (record.service ?? this.obtain(record));
  }

  override refresh(change: ShelfChange): void {
    if (!this.keepsRecord(change)) this.rebind();
    // Also where the service stays: from a switch on, older entries may see another one.
    this.retarget();
  }

  override leaveStage(): void {
    this.stage = null;
    if (!(this.sticky && this.record !== null && isVisible(this.record))) this.rebind();
    this.retarget();
  }

  override retire(): void {
    this.past = null;
    this.pastEpoch = -1;
    if (!this.tellsApart) this.holdings?.releaseAllBut(this.record);
    this.retarget();
  }

  override forget(record: ServiceRecord): void {
    if (this.past === record) this.past = null;
    this.pastEpoch = -1;
    this.holdings?.release(record);
  }

  override uses(record: ServiceRecord): boolean {
    return this.record === record;
  }

  protected override release(): void {
    this.record = this.past = null;
    this.holdings?.releaseAllBut();
    this.holdings = null;
    this.retarget();
  }

  /** True when entries of different generations may see different services. */
  private get tellsApart(): boolean {
    return this.shelf.switchedAt > 0 && this.stage === null;
  }

  /** True when the change cannot have made another service the best. */
  private keepsRecord(change: ShelfChange): boolean {
    const { record } = this;
    if (record === null || !isVisible(record)) return false;
    if (this.sticky && this.query.matches(record)) return true;
    return change.modified === null && (change.bestAdded === null || compareRecords(record, change.bestAdded) < 0);
  }

  private rebind(): void {
    const record = this.shelf.best(this.query, this.stage);
    if (record === this.record) return;
    this.record = record;
    this.factoryFailure = null;
    if (!this.tellsApart) this.holdings?.releaseAllBut(record);
  }

  private retarget(): void {
    const { record } = this;
    const service = record === null || this.tellsApart ? null : record.service;
    this.face = service === null ? null : (record as ServiceRecord).faceFor(this.maker, service);
  }

  private recordAt(generation: number): ServiceRecord | null {
    const { shelf, record } = this;
    if (this.sticky && record !== null && record.born <= generation) return record;
    if (this.pastGeneration !== generation || this.pastEpoch !== shelf.epoch) {
      this.past = shelf.bestAt(this.query, generation);
      this.pastGeneration = generation;
      this.pastEpoch = shelf.epoch;
    }
    return this.past;
  }

  private faceOfMade(record: ServiceRecord): Face | null {
    try {
      const object = this.obtain(record);
      const face = record.service === null ? this.maker.face(object) : record.faceFor(this.maker, object);
      if (!this.tellsApart && this.record === record) this.face = face;
      return face;
    } catch (error) {
      this.factoryFailure = error as SluiceError;
      return null;
    }
  }

  private obtain(record: ServiceRecord): object {
    this.factoryFailure = null;
    return (this.holdings ??= new Holdings(this.book.owner, this.shelf.notifications)).obtain(record);
  }
}

/** A reference that may have no service, over a binding. */
export class OptionalBinding implements OptionalHandle<object> {
  readonly reference: OptionalReference<object>;

  constructor(
    private readonly binding: Binding,
    callable: boolean,
  ) {
    this.reference = Object.freeze({
      get: callable ? () => (binding.currentRecord() === null ? undefined : binding.service) : () => binding.currentObject(),
    });
  }

  get view(): ServiceView | undefined {
    return this.binding.view;
  }

  close(): void {
    this.binding.close();
  }
}

function isVisible(record: ServiceRecord): boolean {
  return record.state === 'published' || record.state === 'staged';
}
