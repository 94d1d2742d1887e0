/** Follows the services of one contract for callbacks that see the service objects themselves. */
import type { ServiceView, TrackerCallbacks } from '@sluice/sdk';
import { Consumer, type ConsumerKind, type ShelfChange } from './consumer.js';
import type { ForwarderMaker } from './forwarder.js';
import { Holdings } from './holdings.js';
import type { OwnerBook } from './owner-book.js';
import { type PinnedTarget, serviceOrPinned } from './pinned.js';
import type { Query } from './query.js';
import type { ServiceRecord } from './record.js';
import type { Shelf } from './shelf.js';
import type { StageState } from './stage.js';

interface Tracked {
  readonly service: object;
  readonly pinned: PinnedTarget | null;
}

export class Tracker extends Consumer {
  private readonly known = new Map<ServiceRecord, Tracked>();
  private readonly holdings: Holdings;

  constructor(
    shelf: Shelf,
    book: OwnerBook,
    stage: StageState | null,
    query: Query,
    private readonly callbacks: TrackerCallbacks<unknown>,
    private readonly maker: ForwarderMaker,
  ) {
    super(shelf, book, stage, query);
    this.holdings = new Holdings(book.owner, shelf.notifications);
    this.open();
    for (const record of shelf.all(query, stage)) this.add(record);
  }

  get kind(): ConsumerKind {
    return 'tracker';
  }

  override refresh(change: ShelfChange): void {
    for (const record of change.added) if (this.sees(record) && this.query.matches(record)) this.add(record);
    for (const record of change.removed) this.remove(record);
    if (change.modified !== null) this.modify(change.modified);
  }

  override leaveStage(): void {
    this.stage = null;
    const visible = new Set(this.shelf.all(this.query, null));
    for (const record of visible) this.add(record);
    for (const record of [...this.known.keys()]) if (!visible.has(record)) this.remove(record);
  }

  override retire(): void {
    // Withdrawn services left with the switch already.
  }

  override forget(record: ServiceRecord): void {
    this.remove(record);
  }

  override uses(record: ServiceRecord): boolean {
    return this.known.has(record);
  }

  protected override release(): void {
    for (const record of [...this.known.keys()]) this.remove(record);
  }

  private sees(record: ServiceRecord): boolean {
    if (record.state === 'published') return this.stage === null || !this.stage.hides(record.owner);
    return record.state === 'staged' && record.stage === this.stage;
  }

  private add(record: ServiceRecord): void {
    if (this.known.has(record)) return;
    const tracked = serviceOrPinned(record, this.maker, this.holdings);
    this.known.set(record, tracked);
    this.tell('added', tracked.service, record.view());
  }

  private remove(record: ServiceRecord): void {
    const tracked = this.known.get(record);
    if (tracked === undefined) return;
    this.known.delete(record);
    this.tell('removed', tracked.service, record.view());
    this.holdings.release(record);
    const { pinned } = tracked;
    if (pinned !== null) this.shelf.notifications.add('end of a tracked service', () => pinned.close());
  }

  private modify(record: ServiceRecord): void {
    if (!this.sees(record) || !this.query.matches(record)) return this.remove(record);
    const tracked = this.known.get(record);
    if (tracked === undefined) this.add(record);
    else this.tell('modified', tracked.service, record.view());
  }

  private tell(kind: keyof TrackerCallbacks<unknown>, service: object, view: ServiceView): void {
    const { callbacks } = this;
    if (callbacks[kind] === undefined) return;
    const what = `${kind}() of the tracker of '${this.book.owner.symbolicName}' for '${this.shelf.contractId}'`;
    this.shelf.notifications.add(what, () => callbacks[kind]?.(service, view));
  }
}
