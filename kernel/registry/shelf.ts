/**
 * All services of one contract id: published ones in rank order, withdrawn ones that older entries still see, and whoever follows them.
 * Answers "which is best" and "which are there" from three view points: everybody, one stage, one older generation.
 */
import { type Consumer, ConsumerChain, type ShelfChange } from './consumer.js';
import type { Notifications } from './notifications.js';
import { PropertyIndex } from './property-index.js';
import type { PublisherEntry } from './publishers.js';
import type { Query } from './query.js';
import { type ServiceRecord, compareRecords, insertRanked, removeRecord } from './record.js';
import type { StageState } from './stage.js';

export class Shelf {
  /** Published services, best first. */
  readonly ranked: ServiceRecord[] = [];
  /** Withdrawn services that an older generation may still see, in the order of withdrawal. */
  history: ServiceRecord[] = [];
  readonly consumers = new ConsumerChain();
  publisher: PublisherEntry | null = null;
  /** Entries below this generation see other services than the newest; 0 when none can be left. */
  switchedAt = 0;
  /** Entries below this generation may have lost a service whose owner was closed before they ended. */
  cutBefore = 0;
  /** Latest generation in which a service became visible here. */
  latestBorn = 0;
  /** Grows with every change, so that what consumers remember can be told stale. */
  epoch = 0;
  private readonly index = new PropertyIndex();

  constructor(
    readonly contractId: string,
    /** Generation of the entry that runs now. */
    readonly entryGeneration: () => number | undefined,
    readonly notifications: Notifications,
  ) {}

  /** The best service from a view point, or null. */
  best(query: Query, stage: StageState | null): ServiceRecord | null {
    const published = this.bestPublished(query, stage);
    if (stage === null) return published;
    for (const record of stage.recordsOf(this.contractId)) {
      if (query.matches(record)) return published !== null && compareRecords(published, record) < 0 ? published : record;
    }
    return published;
  }

  /** All services from a view point, best first. */
  all(query: Query, stage: StageState | null): ServiceRecord[] {
    const found: ServiceRecord[] = [];
    for (const record of this.candidates(query)) {
      if ((stage === null || !stage.hides(record.owner)) && query.matches(record)) found.push(record);
    }
    if (stage === null) return found;
    for (const record of stage.recordsOf(this.contractId)) if (query.matches(record)) insertRanked(found, record);
    return found;
  }

  /** The best service that an older generation sees, or null. */
  bestAt(query: Query, generation: number): ServiceRecord | null {
    const asked = this.generationSeen(query, generation);
    let best: ServiceRecord | null = null;
    for (const record of this.candidates(query)) {
      if (record.born <= asked && query.matches(record)) {
        best = record;
        break;
      }
    }
    for (const record of this.history) {
      if (isVisibleAt(record, asked) && (best === null || compareRecords(record, best) < 0) && query.matches(record)) best = record;
    }
    return best;
  }

  /** All services that an older generation sees, best first. */
  allAt(query: Query, generation: number): ServiceRecord[] {
    const asked = this.generationSeen(query, generation);
    const found: ServiceRecord[] = [];
    for (const record of this.candidates(query)) if (record.born <= asked && query.matches(record)) found.push(record);
    for (const record of this.history) if (isVisibleAt(record, asked) && query.matches(record)) insertRanked(found, record);
    return found;
  }

  /** Entries below this generation see something else than new ones, if they can have seen anything. */
  switched(generation: number): void {
    this.switchedAt = Math.max(this.switchedAt, generation);
  }

  /** True when some entry can have seen a service here. */
  get everHad(): boolean {
    return this.ranked.length > 0 || this.history.length > 0;
  }

  /** Adds a service that only older entries see: its owner was withdrawn before it registered. */
  addToHistory(record: ServiceRecord): void {
    this.history.push(record);
    this.epoch += 1;
  }

  /** Forgets a withdrawn service that no entry needs. */
  dropHistory(record: ServiceRecord): void {
    removeRecord(this.history, record);
  }

  /** Makes a service visible from a generation on. */
  publish(record: ServiceRecord, generation: number): void {
    record.state = 'published';
    record.stage = null;
    record.born = generation;
    this.latestBorn = Math.max(this.latestBorn, generation);
    insertRanked(this.ranked, record);
    this.index.add(record);
    this.epoch += 1;
  }

  /** Takes a published service out of sight of new entries; older ones keep it until {@link retire}. */
  withdraw(record: ServiceRecord, generation: number): void {
    this.unpublish(record);
    record.state = 'withdrawn';
    record.died = generation;
    this.history.push(record);
  }

  /** Takes a service out of sight of everybody. */
  remove(record: ServiceRecord): void {
    if (record.state === 'published') this.unpublish(record);
    else if (record.state === 'withdrawn' && removeRecord(this.history, record)) this.cutBefore = Math.max(this.cutBefore, record.died);
    this.epoch += 1;
  }

  /** Changes properties or ranking of a published service and re-sorts at once. */
  change(record: ServiceRecord, change: () => void): void {
    this.unpublish(record);
    try {
      change();
    } finally {
      insertRanked(this.ranked, record);
      this.index.add(record);
    }
  }

  /** Lets every consumer take a change into account. Runs no code of bundles. */
  refresh(change: ShelfChange): void {
    for (let consumer = this.consumers.first; consumer !== null; consumer = consumer.nextOnShelf) consumer.refresh(change);
  }

  /** Lets every consumer forget a service that is gone. */
  forget(record: ServiceRecord): void {
    for (let consumer = this.consumers.first; consumer !== null; consumer = consumer.nextOnShelf) consumer.forget(record);
  }

  /** Entries below this generation are over. Returns the services nobody can see any more, and whether nothing old is left. */
  retire(upToGeneration: number): { dropped: ServiceRecord[]; settled: boolean } {
    const dropped = this.history.filter((record) => record.died <= upToGeneration);
    if (dropped.length > 0) this.history = this.history.filter((record) => record.died > upToGeneration);
    if (this.switchedAt <= upToGeneration) this.switchedAt = 0;
    if (this.cutBefore <= upToGeneration) this.cutBefore = 0;
    this.epoch += 1;
    for (let consumer = this.consumers.first; consumer !== null; consumer = consumer.nextOnShelf) consumer.retire(upToGeneration);
    return { dropped, settled: this.history.length === 0 && this.switchedAt === 0 && this.cutBefore === 0 };
  }

  /** Every consumer bound to a service. */
  *usersOf(record: ServiceRecord): IterableIterator<Consumer> {
    for (let consumer = this.consumers.first; consumer !== null; consumer = consumer.nextOnShelf) {
      if (consumer.uses(record)) yield consumer;
    }
  }

  /**
   * The generation whose services an entry sees. An entry that began while there was none sees those of the first generation that
   * has any, and keeps to it. One that lost its service to a forced stop sees nothing: it must not see two versions.
   */
  private generationSeen(query: Query, generation: number): number {
    let next = Number.POSITIVE_INFINITY;
    for (const records of [this.history, this.candidates(query)]) {
      for (const record of records) {
        if (!query.matches(record)) continue;
        if (isVisibleAt(record, generation)) return generation;
        if (record.born > generation) next = Math.min(next, record.born);
      }
    }
    return generation < this.cutBefore || next === Number.POSITIVE_INFINITY ? generation : next;
  }

  private bestPublished(query: Query, stage: StageState | null): ServiceRecord | null {
    for (const record of this.candidates(query)) {
      if ((stage === null || !stage.hides(record.owner)) && query.matches(record)) return record;
    }
    return null;
  }

  private candidates(query: Query): readonly ServiceRecord[] {
    return query.filter === null ? this.ranked : this.index.candidates(query.filter, this.ranked);
  }

  private unpublish(record: ServiceRecord): void {
    removeRecord(this.ranked, record);
    this.index.remove(record);
    this.epoch += 1;
  }
}

function isVisibleAt(record: ServiceRecord, generation: number): boolean {
  return record.born <= generation && generation < record.died;
}
