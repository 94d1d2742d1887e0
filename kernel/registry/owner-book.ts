/** Everything one owner holds in the registry, so that a stop can be proven to leave nothing and a careless owner can be cleaned up after. */
import type { Consumer } from './consumer.js';
import type { PublisherEntry } from './publishers.js';
import type { ServiceRegistration } from './registration.js';
import type { RevisionOwner } from './types.js';

export class OwnerBook {
  readonly registrations = new Set<ServiceRegistration>();
  readonly publishers = new Set<PublisherEntry>();
  firstConsumer: Consumer | null = null;

  constructor(
    readonly owner: RevisionOwner,
    private readonly books: OwnerBooks,
  ) {}

  addConsumer(consumer: Consumer): void {
    const next = this.firstConsumer;
    consumer.nextOfOwner = next;
    if (next !== null) next.previousOfOwner = consumer;
    this.firstConsumer = consumer;
    if (consumer.kind === 'tracker') this.books.trackers += 1;
    else this.books.references += 1;
  }

  removeConsumer(consumer: Consumer): void {
    const { previousOfOwner: previous, nextOfOwner: next } = consumer;
    if (previous === null) this.firstConsumer = next;
    else previous.nextOfOwner = next;
    if (next !== null) next.previousOfOwner = previous;
    consumer.previousOfOwner = consumer.nextOfOwner = null;
    if (consumer.kind === 'tracker') this.books.trackers -= 1;
    else this.books.references -= 1;
    if (this.firstConsumer === null) this.books.dropIfEmpty(this);
  }

  addRegistration(registration: ServiceRegistration): void {
    this.registrations.add(registration);
    this.books.services += 1;
  }

  removeRegistration(registration: ServiceRegistration): void {
    if (this.registrations.delete(registration)) this.books.services -= 1;
    this.books.dropIfEmpty(this);
  }

  addPublisher(entry: PublisherEntry): void {
    this.publishers.add(entry);
    this.books.publishers += 1;
  }

  removePublisher(entry: PublisherEntry): void {
    if (this.publishers.delete(entry)) this.books.publishers -= 1;
    this.books.dropIfEmpty(this);
  }

  get empty(): boolean {
    return this.firstConsumer === null && this.registrations.size === 0 && this.publishers.size === 0;
  }
}

/** The books of all owners that hold anything, and the sums. */
export class OwnerBooks {
  services = 0;
  references = 0;
  trackers = 0;
  publishers = 0;
  private readonly books = new Map<RevisionOwner, OwnerBook>();

  get size(): number {
    return this.books.size;
  }

  of(owner: RevisionOwner): OwnerBook {
    let book = this.books.get(owner);
    if (book === undefined) this.books.set(owner, (book = new OwnerBook(owner, this)));
    return book;
  }

  find(owner: RevisionOwner): OwnerBook | undefined {
    return this.books.get(owner);
  }

  all(): IterableIterator<OwnerBook> {
    return this.books.values();
  }

  /** An owner without anything must not be kept alive by its book. */
  dropIfEmpty(book: OwnerBook): void {
    if (book.empty && this.books.get(book.owner) === book) this.books.delete(book.owner);
  }
}
