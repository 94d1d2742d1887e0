/** The context of a bundle or component: everything a bundle may do passes through here and is owned by its scope. */
import type { Contract } from './contract.js';
import type { BundleInfo, Clock, Logger, Scope, Undo } from './host.js';
import type {
  OptionalReference,
  ReferenceOptions,
  Registration,
  ServiceFactory,
  ServiceList,
  ServiceProperties,
  ServicePublisher,
  TrackerCallbacks,
} from './service.js';

/**
 * Every use after the owning scope closed throws `CONTEXT_CLOSED`; using a contract that the bundle did not declare throws
 * `CONTRACT_UNDECLARED`.
 */
export interface BundleContext<C = Readonly<Record<string, unknown>>> {
  readonly bundle: BundleInfo;
  readonly log: Logger;
  readonly clock: Clock;
  /** Aborted when the bundle (or component) begins to stop. */
  readonly signal: AbortSignal;
  readonly scope: Scope;
  /** Current configuration: shipped defaults, then operator, then run time. A new object after each change. */
  readonly config: C;

  /** Registers a service under a contract the bundle declared in `provides`. */
  register<S>(contract: Contract<S>, service: S, properties?: ServiceProperties): Registration;
  /** Registers a service made per consumer. */
  registerFactory<S>(
    contract: Contract<S>,
    scope: 'bundle' | 'prototype',
    factory: ServiceFactory<S>,
    properties?: ServiceProperties,
  ): Registration;
  /** A live forwarder to the best matching service; calls fail with `SERVICE_UNAVAILABLE` (retryable) while there is none. */
  reference<S>(contract: Contract<S>, options?: ReferenceOptions): S;
  /** Like {@link reference}, for a service that may be absent. */
  optional<S>(contract: Contract<S>, options?: ReferenceOptions): OptionalReference<S>;
  /** All matching services, best first. */
  references<S>(contract: Contract<S>, options?: ReferenceOptions): ServiceList<S>;
  /** Follows services as they come and go; the callbacks see the raw service objects. */
  track<S>(contract: Contract<S>, callbacks: TrackerCallbacks<S>, options?: ReferenceOptions): void;
  /** Takes part in every swap for one contract. One publisher per contract; only for system bundles. */
  publish<S, P>(contract: Contract<S>, publisher: ServicePublisher<S, P>): void;

  /** Called with the new configuration after it changed and was checked. Throwing refuses the change. */
  onConfigChange(callback: (config: C) => void | Promise<void>): void;
  /** Hands over something to undo when the scope closes. */
  own(what: string, undo: Undo): void;
  /** Content of an entry of the artifact (`public/...`, `migrations/...`), or undefined. */
  resource(path: string): Uint8Array | undefined;
  /** Paths of all entries that begin with a prefix, sorted. */
  resources(prefix: string): readonly string[];
}
