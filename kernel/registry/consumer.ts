/**
 * What references, lists and trackers have in common: an owner, a shelf, a view point (stage), wishes (query), and a place in two chains,
 * that of the shelf and that of the owner. The chains are doubly linked through the consumer itself, because making and closing a
 * reference is a hot path and a Set costs more than the whole rest of it.
 */
import type { OwnerBook } from './owner-book.js';
import type { Query } from './query.js';
import type { ServiceRecord } from './record.js';
import type { Shelf } from './shelf.js';
import type { StageState } from './stage.js';

/** What changed on a shelf in one step. */
export interface ShelfChange {
  readonly added: readonly ServiceRecord[];
  readonly removed: readonly ServiceRecord[];
  readonly modified: ServiceRecord | null;
  /** Best of `added`. */
  readonly bestAdded: ServiceRecord | null;
}

/** The change of one service coming. */
export function additionOf(record: ServiceRecord): ShelfChange {
  return { added: [record], removed: NONE, modified: null, bestAdded: record };
}

/** The change of one service going. */
export function removalOf(record: ServiceRecord): ShelfChange {
  return { added: NONE, removed: [record], modified: null, bestAdded: null };
}

/** The change of properties or ranking of one service. */
export function modificationOf(record: ServiceRecord): ShelfChange {
  return { added: NONE, removed: NONE, modified: record, bestAdded: null };
}

const NONE: readonly ServiceRecord[] = [];

/** Nothing for new entries; older ones see something else. */
export const NO_CHANGE: ShelfChange = { added: NONE, removed: NONE, modified: null, bestAdded: null };

export type ConsumerKind = 'reference' | 'list' | 'tracker';

export abstract class Consumer {
  closed = false;
  previousOnShelf: Consumer | null = null;
  nextOnShelf: Consumer | null = null;
  previousOfOwner: Consumer | null = null;
  nextOfOwner: Consumer | null = null;

  constructor(
    readonly shelf: Shelf,
    readonly book: OwnerBook,
    /** The stage whose view this consumer has; null for the published one. */
    public stage: StageState | null,
    readonly query: Query,
  ) {}

  abstract readonly kind: ConsumerKind;
  /** Takes a change of the shelf into account. Must not run code of bundles. */
  abstract refresh(change: ShelfChange): void;
  /** The stage was committed: see what everybody sees. */
  abstract leaveStage(): void;
  /** Entries below this generation are over. */
  abstract retire(upToGeneration: number): void;
  /** Forgets a service that its owner gave back. */
  abstract forget(record: ServiceRecord): void;
  /** True when it is bound to the service now. */
  abstract uses(record: ServiceRecord): boolean;
  /** Gives up what it holds; called once. */
  protected abstract release(): void;

  /** Joins both chains. */
  protected open(): void {
    this.shelf.consumers.add(this);
    this.book.addConsumer(this);
    this.stage?.consumers.add(this);
  }

  /** Leaves both chains and gives up everything. May be called again. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.stage?.consumers.delete(this);
    this.stage = null;
    this.shelf.consumers.remove(this);
    this.book.removeConsumer(this);
    this.release();
    this.shelf.notifications.tell();
  }
}

/** The consumers of one shelf, in the order they came. */
export class ConsumerChain {
  first: Consumer | null = null;
  private last: Consumer | null = null;

  add(consumer: Consumer): void {
    consumer.previousOnShelf = this.last;
    if (this.last === null) this.first = consumer;
    else this.last.nextOnShelf = consumer;
    this.last = consumer;
  }

  remove(consumer: Consumer): void {
    const { previousOnShelf: previous, nextOnShelf: next } = consumer;
    if (previous === null) this.first = next;
    else previous.nextOnShelf = next;
    if (next === null) this.last = previous;
    else next.previousOnShelf = previous;
    consumer.previousOnShelf = consumer.nextOnShelf = null;
  }
}
