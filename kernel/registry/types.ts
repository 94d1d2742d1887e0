/**
 * The surface of the service registry as plain types: owners, stages, handles, events.
 * No behaviour lives here; everything a caller may rely on does.
 */
import type {
  OptionalReference,
  ReferenceOptions,
  Registration,
  ServiceFactory,
  ServiceList,
  ServiceProperties,
  ServiceView,
} from '@sluice/sdk';

/** The revision in whose name something is registered. Compared by identity, so each revision has exactly one such object. */
export interface RevisionOwner {
  readonly bundleId: number;
  readonly symbolicName: string;
  readonly version: string;
  readonly revision: number;
}

/** What the registry needs from its surroundings. */
export interface RegistryOptions {
  /** Generation of the entry this code runs in; undefined outside an entry. Called on the hot path while two generations live. */
  entryGeneration(): number | undefined;
  /** Receives what went wrong without stopping anything: a callback that threw, a ranking that is no integer. */
  warn(code: string, message: string, details: Readonly<Record<string, unknown>>): void;
}

/** How many objects stand behind one registration. */
export type ServiceScope = 'singleton' | 'bundle' | 'prototype';

/**
 * Registers a factory in place of a service object: an object with exactly these two keys.
 * `singleton` makes one object for everybody at the first use, `bundle` one per consuming revision, `prototype` one per reference.
 */
export interface FactoryRegistration<S = unknown> {
  readonly factory: ServiceFactory<S>;
  readonly scope: ServiceScope;
}

/** Registrations, references, trackers and publishers of revisions being prepared; invisible to everyone outside. */
export interface Stage {
  /** Empty, like `replaces`, once the stage has ended. */
  readonly owners: readonly RevisionOwner[];
  readonly replaces: readonly RevisionOwner[];
  /** Work passed to a committed stage takes effect at once; work passed to a discarded one throws `STAGE_DISCARDED`. */
  readonly state: 'open' | 'committed' | 'discarded';
}

/** Narrows a reference; `sticky` is for static component references. */
export interface ReferenceRequest extends ReferenceOptions {
  /** Keep the service chosen first for as long as it lives and matches, even when a better one comes. */
  readonly sticky?: boolean;
}

/** Something held in the registry that its owner gives back. Closing twice is allowed. */
export interface Handle {
  close(): void;
}

/** A live reference to the best matching service. */
export interface ReferenceHandle<S> extends Handle {
  /** The forwarder. It may be kept for ever: it follows the best service, and fails with `SERVICE_UNAVAILABLE` while there is none. */
  readonly service: S;
  /** The service behind it for code outside any entry, if there is one. */
  readonly view: ServiceView | undefined;
}

/** A live reference that may have no service. */
export interface OptionalHandle<S> extends Handle {
  readonly reference: OptionalReference<S>;
  readonly view: ServiceView | undefined;
}

/** A live list of all matching services. */
export interface ListHandle<S> extends Handle {
  readonly list: ServiceList<S>;
}

/** What happened to a service. */
export type ServiceEventType = 'REGISTERED' | 'MODIFIED' | 'MODIFIED_ENDMATCH' | 'UNREGISTERING';

/** One change, told after it took effect. */
export interface ServiceEvent {
  readonly type: ServiceEventType;
  /** The service as it is after the change (as it was, for `UNREGISTERING`). */
  readonly view: ServiceView;
  /** Generation in which the change became visible. */
  readonly generation: number;
}

/** One line of `sluice services`. */
export interface RegisteredService {
  readonly id: number;
  readonly contract: string;
  readonly version: string;
  readonly bundle: string;
  readonly bundleVersion: string;
  readonly ranking: number;
  readonly scope: ServiceScope;
  readonly properties: ServiceProperties;
  /** `name@version` of each revision that holds a reference bound to it, once each, sorted. */
  readonly users: readonly string[];
}

/** How many of everything exist. Each stop must bring every figure back to what it was before the start. */
export interface RegistryCounts {
  /** Registrations not yet given back: staged, published, and withdrawn ones whose owner still holds them. */
  readonly services: number;
  /** References, optional references and lists. */
  readonly references: number;
  readonly trackers: number;
  readonly publishers: number;
  /** Stages neither committed nor discarded. */
  readonly stages: number;
  readonly listeners: number;
  /** Owners that hold anything at all. */
  readonly owners: number;
}

export type { OptionalReference, ReferenceOptions, Registration, ServiceFactory, ServiceList, ServiceProperties, ServiceView };
