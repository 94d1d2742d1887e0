/**
 * The service layer as bundle authors see it: properties, references, lists, trackers, registrations.
 * Semantics follow OSGi Core R8 chapter 5; a reference here never goes stale, it follows the best service.
 */
import type { Contract } from './contract.js';

/** Service properties. Keys are case-insensitive; `service.ranking` must be an integer. */
export type ServiceProperties = Readonly<Record<string, unknown>>;

/** Names of the properties the registry knows. */
export const SERVICE_ID = 'service.id';
/** Higher wins; default 0. */
export const SERVICE_RANKING = 'service.ranking';
/** `singleton`, `bundle` or `prototype`. */
export const SERVICE_SCOPE = 'service.scope';

/** How one registered service looks to others. Immutable; a change of properties makes a new view of the same id. */
export interface ServiceView {
  readonly id: number;
  readonly contractId: string;
  readonly contractVersion: string;
  readonly bundle: string;
  readonly bundleVersion: string;
  readonly ranking: number;
  readonly properties: ServiceProperties;
}

/** What registering returns: the right to change or withdraw the service. Withdrawn with its scope at the latest. */
export interface Registration {
  readonly view: ServiceView;
  setProperties(properties: ServiceProperties): void;
  unregister(): void;
}

/** Makes one service object per consuming bundle (`bundle`) or per reference (`prototype`). */
export interface ServiceFactory<S> {
  getService(consumer: { readonly bundle: string; readonly version: string }): S;
  ungetService?(consumer: { readonly bundle: string; readonly version: string }, service: S): void;
}

/** Narrows which services a reference may take. */
export interface ReferenceOptions {
  /** RFC 4515 filter over the service properties, e.g. `(&(currency=CNY)(!(test=true)))`. */
  readonly filter?: string;
  /** npm or OSGi version range of the contract; default: the same major, at least the version compiled against. */
  readonly range?: string;
}

/** A reference that may have no service. */
export interface OptionalReference<S> {
  /** The service (a live forwarder), or undefined when none matches now. */
  get(): S | undefined;
}

/** A live list of all matching services, best first. Iterating takes the services of this moment. */
export interface ServiceList<S> extends Iterable<S> {
  readonly size: number;
  /** Services with their views, best first. */
  entries(): readonly { readonly service: S; readonly view: ServiceView }[];
}

/** Follows services as they come and go. Callbacks run synchronously inside the switch: they must be short and must not throw. */
export interface TrackerCallbacks<S> {
  added?(service: S, view: ServiceView): void;
  modified?(service: S, view: ServiceView): void;
  removed?(service: S, view: ServiceView): void;
}

/** A service that takes part in a swap before it becomes visible (route tables compile, conflicts are found). */
export interface ServicePublisher<S, P = unknown> {
  /** Checks and prepares services of one revision while they are still invisible. Throwing refuses the deploy. */
  prepare(services: readonly { readonly service: S; readonly view: ServiceView }[], replaces: readonly ServiceView[]): Promise<P> | P;
  /** A self-test of what was prepared, through the real handlers. Throwing refuses the deploy. */
  probe?(prepared: P, signal: AbortSignal): Promise<void>;
  /** Publishes in one synchronous step. Must not throw: everything that can fail was done in `prepare`. */
  publish(prepared: P | undefined, removed: readonly ServiceView[]): void;
  /** Frees what `prepare` made when the deploy is abandoned. */
  discard?(prepared: P): void;
}

/** A contract together with options, as declared by a bundle. */
export interface DeclaredReference extends ReferenceOptions {
  readonly contract: Contract;
  readonly optional?: boolean;
}
