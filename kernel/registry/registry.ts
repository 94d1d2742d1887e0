/** Skeleton: signatures only; the behaviour follows. */
import type {
  Contract,
  ReferenceOptions,
  Registration,
  ServicePublisher,
  ServiceProperties,
  ServiceView,
  TrackerCallbacks,
} from '@sluice/sdk';
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

/** The service registry of one kernel. */
export declare class ServiceRegistry {
  constructor(options: RegistryOptions);
  /** Number of the current snapshot of services. */
  readonly generation: number;
  /** Registers a service; `stage` null makes it visible at once. */
  register<S>(
    owner: RevisionOwner,
    contract: Contract<S>,
    service: S | FactoryRegistration<S>,
    properties: ServiceProperties,
    stage: Stage | null,
  ): Registration;
  /**
   * Opens a stage. Consumers in it see the published services without those of `replaces`, plus the stage's own.
   * An owner whose services were withdrawn but not given back (a revision on the way back after a failed probation) brings them along.
   */
  openStage(owners: readonly RevisionOwner[], replaces: readonly RevisionOwner[]): Stage;
  /** Lets the publishers of all contracts concerned check and prepare. Rejecting refuses the deploy. */
  prepare(stage: Stage, signal: AbortSignal): Promise<void>;
  /** Lets the publishers test what they prepared. Rejecting refuses the deploy. */
  probe(stage: Stage, signal: AbortSignal): Promise<void>;
  /** Makes the stage visible and withdraws what it replaces, in one synchronous step that does not throw. */
  commit(stage: Stage, generation: number): void;
  /** Throws away a stage that was not committed. */
  discard(stage: Stage): void;
  /** Services of these owners vanish for entries from this generation on. */
  withdraw(owners: readonly RevisionOwner[], generation: number): void;
  /** No entry with a generation below this one is left: older targets are forgotten. */
  retire(upToGeneration: number): void;
  /** Removes whatever an owner still holds. Returns one line for each thing left over; empty when all was given back. */
  forget(owner: RevisionOwner): readonly string[];

  reference<S>(owner: RevisionOwner, contract: Contract<S>, options: ReferenceRequest | undefined, stage: Stage | null): ReferenceHandle<S>;
  optional<S>(owner: RevisionOwner, contract: Contract<S>, options: ReferenceRequest | undefined, stage: Stage | null): OptionalHandle<S>;
  list<S>(owner: RevisionOwner, contract: Contract<S>, options: ReferenceRequest | undefined, stage: Stage | null): ListHandle<S>;
  track<S>(
    owner: RevisionOwner,
    contract: Contract<S>,
    callbacks: TrackerCallbacks<S>,
    options: ReferenceOptions | undefined,
    stage: Stage | null,
  ): Handle;
  publisher<S, P>(owner: RevisionOwner, contract: Contract<S>, publisher: ServicePublisher<S, P>, stage: Stage | null): Handle;

  /** All matching services as their views, best first, as a consumer outside any entry sees them. Counts no use. */
  find(contract: Contract, options?: ReferenceOptions, stage?: Stage | null): readonly ServiceView[];
  /** Published services, in order of their ids. */
  services(filter?: string): readonly RegisteredService[];
  /** Owners with a reference bound to a service of this owner. */
  usersOf(owner: RevisionOwner): readonly RevisionOwner[];
  counts(): RegistryCounts;
  /** Tells every change in order. With a filter, only those of matching services, with MODIFIED_ENDMATCH when one stops to match. */
  addListener(listener: (event: ServiceEvent) => void, filter?: string): () => void;
}
