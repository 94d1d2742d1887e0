/**
 * A live reference: a forwarder that follows the best matching service, and for entries of older generations the service that was
 * best then. The forwarder has a direct face while every entry sees the same service; otherwise each call asks `pick`.
 */
import { type OptionalReference, type ServiceView, SluiceError } from '@sluice/sdk';
import { Consumer, type ConsumerKind, type ShelfChange } from './consumer.js';
import type { Face, FaceSource, ForwarderClass } from './forwarder.js';
import { Holdings } from './holdings.js';
import type { OwnerBook } from './owner-book.js';
import type { Query } from './query.js';
import { type ServiceRecord, compareRecords } from './record.js';
import type { Shelf } from './shelf.js';
import type { StageState } from './stage.js';
import type { OptionalHandle, ReferenceHandle } from './types.js';

export class Binding extends Consumer implements ReferenceHandle<object>, FaceSource {
  /** The forwarder. */
  readonly service: object;
  private record: ServiceRecord | null = null;
  /** Entries below this generation see another service than `record`; 0 when none can. */
  private since = 0;
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
    private readonly forwarderClass: ForwarderClass,
    private readonly sticky: boolean,
  ) {
    super(shelf, book, stage, query);
    this.service = new forwarderClass(this);
    this.open();
    this.record = shelf.best(query, stage);
    // A reference made while two generations live must tell them apart like any other.
    if (stage === null) this.since = shelf.switchedAt;
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
    if (record.service !== null) return record.faceFor(this.forwarderClass, record.service);
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
    if (this.since > 0) {
      const generation = this.shelf.entryGeneration();
      if (generation !== undefined && generation < this.since) return this.recordAt(generation);
    }
    return this.record;
  }

  /** The object itself, for contracts without methods. */
  currentObject(): object | undefined {
    const record = this.currentRecord();
    return record === null ? undefined : (record.service ?? this.obtain(record));
  }

  override refresh(change: ShelfChange): void {
    const { record } = this;
    if (record !== null && isVisible(record)) {
      if (this.sticky && this.query.matches(record)) return;
      if (change.modified === null && (change.bestAdded === null || compareRecords(record, change.bestAdded) < 0)) return;
    }
    this.rebind(change.generation);
  }

  override leaveStage(): void {
    this.stage = null;
    if (!(this.sticky && this.record !== null && isVisible(this.record))) this.rebind(0);
  }

  override retire(upToGeneration: number): void {
    this.past = null;
    this.pastEpoch = -1;
    if (this.since > upToGeneration) return;
    this.since = 0;
    this.holdings?.releaseAllBut(this.record);
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
    this.since = 0;
    this.holdings?.releaseAllBut();
    this.holdings = null;
    this.retarget();
  }

  private rebind(generation: number): void {
    const previous = this.record;
    const record = this.shelf.best(this.query, this.stage);
    if (record === previous) return;
    this.record = record;
    this.factoryFailure = null;
    // Where there was none before, nothing has to be told apart.
    if (generation > 0 && previous !== null && this.stage === null) this.since = generation;
    if (this.since === 0) this.holdings?.releaseAllBut(record);
    this.retarget();
  }

  private retarget(): void {
    const { record, forwarderClass } = this;
    const direct = record !== null && this.since === 0 && record.service !== null;
    forwarderClass.retarget(this.service, direct ? record.faceFor(forwarderClass, record.service as object) : null);
  }

  private recordAt(generation: number): ServiceRecord | null {
    const { shelf } = this;
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
      const face = record.service === null ? this.forwarderClass.face(object) : record.faceFor(this.forwarderClass, object);
      if (this.since === 0 && this.record === record) this.forwarderClass.retarget(this.service, face);
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
