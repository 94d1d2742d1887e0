/** A live list of all matching services, best first, as the entry that asks sees them. */
import type { ServiceList, ServiceView } from '@sluice/sdk';
import { Consumer, type ConsumerKind, type ShelfChange } from './consumer.js';
import type { ForwarderMaker } from './forwarder.js';
import { Holdings } from './holdings.js';
import type { OwnerBook } from './owner-book.js';
import { PinnedTarget } from './pinned.js';
import type { Query } from './query.js';
import type { ServiceRecord } from './record.js';
import type { Shelf } from './shelf.js';
import type { StageState } from './stage.js';
import type { ListHandle } from './types.js';

interface Element {
  readonly service: object;
  readonly view: ServiceView;
}
const EMPTY: readonly Element[] = Object.freeze([]);

export class ListReference extends Consumer implements ListHandle<object> {
  readonly list: ServiceList<object>;
  private readonly holdings: Holdings;
  private readonly pinned = new Map<ServiceRecord, PinnedTarget>();
  /** Elements for new entries; null when they must be computed anew. */
  private elements: readonly Element[] | null = null;
  private past: { readonly generation: number; readonly epoch: number; readonly elements: readonly Element[] } | null = null;
  /** With `sticky`, the services the list began with, as long as all of them live. */
  private kept: ReadonlySet<number> | null;

  constructor(
    shelf: Shelf,
    book: OwnerBook,
    stage: StageState | null,
    query: Query,
    private readonly maker: ForwarderMaker,
    /** False for contracts without methods: their services are plain data and are handed out themselves. */
    private readonly callable: boolean,
    sticky: boolean,
  ) {
    super(shelf, book, stage, query);
    this.holdings = new Holdings(book.owner, shelf.notifications);
    this.kept = sticky ? new Set(shelf.all(query, stage).map((record) => record.id)) : null;
    this.list = new LiveList(this);
    this.open();
  }

  get kind(): ConsumerKind {
    return 'list';
  }

  /** Elements as the running entry sees them. */
  now(): readonly Element[] {
    if (this.closed) return EMPTY;
    const { shelf } = this;
    if (this.stage === null && shelf.switchedAt > 0) {
      const generation = shelf.entryGeneration();
      if (generation !== undefined && generation < shelf.switchedAt) return this.elementsAt(generation);
    }
    return (this.elements ??= this.elementsOf(this.visible()));
  }

  override refresh(_change: ShelfChange): void {
    this.elements = null;
  }

  override leaveStage(): void {
    this.stage = null;
    this.elements = null;
  }

  override retire(upToGeneration: number): void {
    this.past = null;
    for (const record of [...this.pinned.keys()]) if (record.died <= upToGeneration) this.forget(record);
  }

  override forget(record: ServiceRecord): void {
    this.elements = this.past = null;
    this.pinned.get(record)?.close();
    this.pinned.delete(record);
    this.holdings.release(record);
  }

  override uses(record: ServiceRecord): boolean {
    return this.visible().includes(record);
  }

  protected override release(): void {
    this.elements = this.past = null;
    for (const target of this.pinned.values()) target.close();
    this.pinned.clear();
    this.holdings.releaseAllBut();
  }

  private visible(): readonly ServiceRecord[] {
    const all = this.shelf.all(this.query, this.stage);
    const { kept } = this;
    if (kept === null) return all;
    const records = all.filter((record) => kept.has(record.id));
    // One of them is gone: until its owner builds the component anew, the list follows what there is.
    if (records.length < kept.size) this.kept = null;
    return records.length < kept.size ? all : records;
  }

  private elementsAt(generation: number): readonly Element[] {
    const { past, shelf } = this;
    if (past !== null && past.generation === generation && past.epoch === shelf.epoch) return past.elements;
    const elements = this.elementsOf(shelf.allAt(this.query, generation));
    this.past = { generation, epoch: shelf.epoch, elements };
    return elements;
  }

  private elementsOf(records: readonly ServiceRecord[]): readonly Element[] {
    return Object.freeze(records.map((record) => Object.freeze({ service: this.serviceOf(record), view: record.view() })));
  }

  private serviceOf(record: ServiceRecord): object {
    if (!this.callable) return this.holdings.obtain(record);
    let target = this.pinned.get(record);
    if (target === undefined) this.pinned.set(record, (target = new PinnedTarget(record, this.maker, this.holdings)));
    return target.service;
  }
}

/** The face of a list towards the bundle. */
class LiveList implements ServiceList<object> {
  readonly #reference: ListReference;

  constructor(reference: ListReference) {
    this.#reference = reference;
  }

  get size(): number {
    return this.#reference.now().length;
  }

  entries(): readonly Element[] {
    return this.#reference.now();
  }

  *[Symbol.iterator](): Iterator<object> {
    for (const { service } of this.#reference.now()) yield service;
  }
}
