/**
 * The service registry of one kernel: services, references that never go stale, stages, switches between generations.
 * Owns who registered and who uses what; leaves to others what a revision is, when a stage is opened and when entries end.
 * Always holds: code of bundles never runs while the registry is in the middle of a change; a commit is one synchronous step.
 */
import {
  type Contract,
  type ReferenceOptions,
  type Registration,
  type ServicePublisher,
  type ServiceProperties,
  type ServiceView,
  type TrackerCallbacks,
  SluiceError,
} from '@sluice/sdk';
import { Binding, OptionalBinding } from './binding.js';
import { type ContractFacts, RegistryCore } from './core.js';
import { ListReference } from './list.js';
import { concernsPublishers, prepareStage, probeStage } from './publication.js';
import { PublisherEntry } from './publishers.js';
import { queryFor } from './query.js';
import type { ServiceRegistration } from './registration.js';
import { Registering } from './registering.js';
import { commitStage, discardStage, openStage, retireGenerations, withdrawOwners } from './switchover.js';
import { Tracker } from './tracker.js';
import type {
  FactoryRegistration,
  Handle,
  ListHandle,
  OptionalHandle,
  ReferenceHandle,
  ReferenceRequest,
  RegisteredService,
  RegistryCounts,
  RegistryOptions,
  RevisionOwner,
  ServiceEvent,
  Stage,
} from './types.js';
import { forgetOwner, registeredServices, usersOfOwner } from './overview.js';

/** The service registry of one kernel. */
export class ServiceRegistry {
  private readonly core: RegistryCore;
  private readonly registering: Registering;

  constructor(options: RegistryOptions) {
    this.core = new RegistryCore(options);
    this.registering = new Registering(this.core);
  }

  /** Number of the current snapshot of services. */
  get generation(): number {
    return this.core.generation;
  }

  /**
   * Registers a service; `stage` null makes it visible at once.
   * @throws SluiceError `SERVICE_INCOMPLETE`, `SERVICE_PROPERTIES_INVALID`, `CONTRACT_NOT_CALLABLE`, `STAGE_DISCARDED`, or the refusal of a publisher
   */
  register<S>(
    owner: RevisionOwner,
    contract: Contract<S>,
    service: S | FactoryRegistration<S>,
    properties: ServiceProperties,
    stage: Stage | null,
  ): Registration {
    return this.registering.register(owner, contract, service, properties, this.core.openStageOf(stage));
  }

  /**
   * Opens a stage. Consumers in it see the published services without those of `replaces`, plus the stage's own.
   * An owner whose services were withdrawn but not given back (a revision on the way back after a failed probation) brings them along.
   */
  openStage(owners: readonly RevisionOwner[], replaces: readonly RevisionOwner[]): Stage {
    return openStage(this.core, owners, replaces);
  }

  /** True when {@link prepare} and {@link probe} would ask anybody: a stage without whiteboard services needs neither. */
  concernsPublishers(stage: Stage): boolean {
    const open = this.core.openStageOf(stage);
    return open !== null && concernsPublishers(this.core, open);
  }

  /** Lets the publishers of all contracts concerned check and prepare. Rejecting refuses the deploy. */
  async prepare(stage: Stage, signal: AbortSignal): Promise<void> {
    const open = this.core.openStageOf(stage);
    if (open !== null) await prepareStage(this.core, open, signal);
  }

  /** Lets the publishers test what they prepared. Rejecting refuses the deploy. */
  async probe(stage: Stage, signal: AbortSignal): Promise<void> {
    const open = this.core.openStageOf(stage);
    if (open !== null) await probeStage(open, signal);
  }

  /**
   * Makes the stage visible and withdraws what it replaces, in one synchronous step.
   * @throws SluiceError `STAGE_NOT_OPEN`, `GENERATION_INVALID` for a mistake of the caller, before anything is changed; nothing else
   */
  commit(stage: Stage, generation: number): void {
    commitStage(this.core, stage as ReturnType<typeof openStage>, generation);
  }

  /** Throws away a stage that was not committed, with everything registered and looked up in it. */
  discard(stage: Stage): void {
    discardStage(this.core, stage as ReturnType<typeof openStage>);
  }

  /** Services of these owners vanish for entries from this generation on. @throws SluiceError `GENERATION_INVALID` */
  withdraw(owners: readonly RevisionOwner[], generation: number): void {
    withdrawOwners(this.core, owners, generation);
  }

  /** No entry with a generation below this one is left: older targets are forgotten. */
  retire(upToGeneration: number): void {
    retireGenerations(this.core, upToGeneration);
  }

  /** True after the services of this owner were withdrawn or replaced, until it is committed again. */
  isWithdrawn(owner: RevisionOwner): boolean {
    return this.core.isWithdrawn(owner);
  }

  /** Calls back when a withdrawn owner is committed again; at once when it is not withdrawn. A later call replaces the callback of an earlier one. */
  whenVisible(owner: RevisionOwner, callback: () => void): void {
    this.core.whenVisible(owner, callback);
  }

  /**
   * Takes one service out of sight of new entries. While a switch is being drained, entries of older generations keep it until
   * {@link retire}. Its registration still has to be given back.
   */
  withdrawService(registration: Registration): void {
    this.registering.withdraw(registration as ServiceRegistration);
  }

  /** True while entries may run that began before a switch, and see other services than new ones. */
  get draining(): boolean {
    return this.core.unsettled.size > 0;
  }

  /**
   * Calls back once every entry that began before the last switch is over: at once when no switch is being drained.
   * Returns a function that gives up waiting.
   */
  whenDrained(callback: () => void): () => void {
    return this.core.whenDrained(callback);
  }

  /** Removes whatever an owner still holds. Returns one line for each thing left over; empty when all was given back. */
  forget(owner: RevisionOwner): readonly string[] {
    return forgetOwner(this.core, owner);
  }

  /** A live reference to the best matching service. @throws SluiceError `CONTRACT_NOT_CALLABLE`, `FILTER_INVALID`, `RANGE_INVALID` */
  reference<S>(
    owner: RevisionOwner,
    contract: Contract<S>,
    options: ReferenceRequest | undefined,
    stage: Stage | null,
  ): ReferenceHandle<S> {
    const facts = this.core.factsOf(contract);
    if (facts.methods.length === 0) throw notCallable(owner, contract);
    return this.bind(owner, facts, options, stage) as unknown as ReferenceHandle<S>;
  }

  /** A live reference that may have no service. @throws SluiceError `FILTER_INVALID`, `RANGE_INVALID` */
  optional<S>(owner: RevisionOwner, contract: Contract<S>, options: ReferenceRequest | undefined, stage: Stage | null): OptionalHandle<S> {
    const facts = this.core.factsOf(contract);
    return new OptionalBinding(this.bind(owner, facts, options, stage), facts.methods.length > 0) as unknown as OptionalHandle<S>;
  }

  /** A live list of all matching services, best first. @throws SluiceError `FILTER_INVALID`, `RANGE_INVALID` */
  list<S>(owner: RevisionOwner, contract: Contract<S>, options: ReferenceRequest | undefined, stage: Stage | null): ListHandle<S> {
    const { core } = this;
    const { shelf, query, methods, maker } = core.factsOf(contract);
    const wanted = queryFor(query, options, core.filters);
    const open = core.openStageOf(stage);
    const sticky = options?.sticky === true;
    return new ListReference(shelf, core.books.of(owner), open, wanted, maker, methods.length > 0, sticky) as unknown as ListHandle<S>;
  }

  /** Follows services as they come and go; those already there are told before this returns. @throws SluiceError `FILTER_INVALID`, `RANGE_INVALID` */
  track<S>(
    owner: RevisionOwner,
    contract: Contract<S>,
    callbacks: TrackerCallbacks<S>,
    options: ReferenceOptions | undefined,
    stage: Stage | null,
  ): Handle {
    const { core } = this;
    const { shelf, query, maker } = core.factsOf(contract);
    const wanted = queryFor(query, options, core.filters);
    const open = core.openStageOf(stage);
    const tracker = new Tracker(shelf, core.books.of(owner), open, wanted, callbacks as TrackerCallbacks<unknown>, maker);
    core.notifications.tell();
    return tracker;
  }

  /**
   * Makes a bundle the publisher of a contract; services already there are prepared and published at once.
   * @throws SluiceError `PUBLISHER_TAKEN`, or the refusal of the publisher
   */
  publisher<S, P>(owner: RevisionOwner, contract: Contract<S>, publisher: ServicePublisher<S, P>, stage: Stage | null): Handle {
    const { core } = this;
    const { shelf, maker } = core.factsOf(contract);
    const open = core.openStageOf(stage);
    const other = open?.publishers.get(contract.id) ?? shelf.publisher;
    if (other !== null && !(open?.hides(other.book.owner) ?? false)) {
      throw new SluiceError(
        'PUBLISHER_TAKEN',
        `'${owner.symbolicName}' cannot publish '${contract.id}': '${other.book.owner.symbolicName}' does`,
        {
          details: { contract: contract.id, bundle: owner.symbolicName, publisher: other.book.owner.symbolicName },
          remedy: `Stop '${other.book.owner.symbolicName}' first.`,
        },
      );
    }
    const entry = new PublisherEntry(shelf, core.books.of(owner), publisher as ServicePublisher<unknown>, maker, core.options.warn);
    if (open !== null) {
      open.publishers.set(contract.id, entry);
      return entry;
    }
    try {
      const publish = shelf.ranked.length > 0 ? entry.begin([...shelf.ranked]) : undefined;
      shelf.publisher = entry;
      entry.wasInCharge = true;
      publish?.();
    } catch (error) {
      entry.close();
      throw error;
    }
    core.notifications.tell();
    return entry;
  }

  /** All matching services as their views, best first, as a consumer outside any entry sees them. Counts no use. */
  find(contract: Contract, options?: ReferenceOptions, stage: Stage | null = null): readonly ServiceView[] {
    const { shelf, query } = this.core.factsOf(contract);
    const found = shelf.all(queryFor(query, options, this.core.filters), this.core.openStageOf(stage));
    return found.map((record) => record.view());
  }

  /** Published services, in order of their ids. @throws SluiceError `FILTER_INVALID` */
  services(filter?: string): readonly RegisteredService[] {
    return registeredServices(this.core, filter === undefined ? null : this.core.filters.parse(filter));
  }

  /** Owners, others than itself, with a reference bound to a service of this owner. */
  usersOf(owner: RevisionOwner): readonly RevisionOwner[] {
    return usersOfOwner(this.core, owner);
  }

  /** How many of everything exist. */
  counts(): RegistryCounts {
    const { books, stages, notifications } = this.core;
    return {
      services: books.services,
      references: books.references,
      trackers: books.trackers,
      publishers: books.publishers,
      stages: stages.size,
      listeners: notifications.listenerCount,
      owners: books.size,
    };
  }

  /**
   * Tells every change in order. With a filter, only those of matching services, and `MODIFIED_ENDMATCH` when one stops to match.
   * @throws SluiceError `FILTER_INVALID`
   */
  addListener(listener: (event: ServiceEvent) => void, filter?: string): () => void {
    return this.core.notifications.addListener(listener, filter === undefined ? null : this.core.filters.parse(filter));
  }

  private bind(owner: RevisionOwner, facts: ContractFacts, options: ReferenceRequest | undefined, stage: Stage | null): Binding {
    const { core } = this;
    const query = options === undefined ? facts.query : queryFor(facts.query, options, core.filters);
    const open = stage === null ? null : core.openStageOf(stage);
    return new Binding(facts.shelf, core.books.of(owner), open, query, facts.maker, options?.sticky === true);
  }
}

function notCallable(owner: RevisionOwner, contract: Contract): SluiceError {
  return new SluiceError(
    'CONTRACT_NOT_CALLABLE',
    `'${owner.symbolicName}' cannot hold a live reference to '${contract.id}': the contract has no methods to forward`,
    {
      details: { contract: contract.id, bundle: owner.symbolicName },
      remedy: 'Use a list, a tracker or an optional reference, which hand out the object itself.',
    },
  );
}
