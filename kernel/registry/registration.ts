/**
 * What registering returns. It outlives swaps: when a revision comes back after a rollback, the same registration stands for the
 * new incarnation of the service. Older incarnations stay listed until no entry can see them.
 */
import type { Registration, ServiceProperties, ServiceView } from '@sluice/sdk';
import type { OwnerBook } from './owner-book.js';
import type { ServiceRecord } from './record.js';
import type { Shelf } from './shelf.js';

/** What the registry does for its registrations. */
export interface RegistrationPort {
  changeProperties(registration: ServiceRegistration, properties: ServiceProperties): void;
  unregister(registration: ServiceRegistration): void;
}

export class ServiceRegistration implements Registration {
  /** Every incarnation that is not gone, the current one included. */
  readonly incarnations: ServiceRecord[];
  closed = false;
  /** Withdrawn by itself, not with its owner: a rollback of the owner does not bring it back. */
  fading = false;

  constructor(
    private readonly port: RegistrationPort,
    readonly shelf: Shelf,
    readonly book: OwnerBook,
    /** The incarnation that counts now. */
    public current: ServiceRecord,
  ) {
    this.incarnations = [current];
    current.registration = this;
  }

  get view(): ServiceView {
    return this.current.view();
  }

  setProperties(properties: ServiceProperties): void {
    this.port.changeProperties(this, properties);
  }

  unregister(): void {
    this.port.unregister(this);
  }

  /** Adds an invisible new incarnation of a withdrawn service, for a stage. */
  revive(): ServiceRecord {
    const next = this.current.again();
    next.registration = this;
    this.incarnations.push(next);
    return next;
  }

  /** The stage with this incarnation was committed. */
  promote(record: ServiceRecord): void {
    const previous = this.current;
    this.current = record;
    if (previous !== record && !this.shelf.history.includes(previous)) this.abandon(previous);
  }

  /** An incarnation that nobody can see any more. */
  abandon(record: ServiceRecord): void {
    if (record === this.current) return;
    const at = this.incarnations.indexOf(record);
    if (at >= 0) this.incarnations.splice(at, 1);
  }
}
