/**
 * The context handed to an activator or a component: every acquisition passes through here into its scope.
 * Always holds: after the scope began to close every use throws CONTEXT_CLOSED, for ever; a contract that the manifest does not
 * declare cannot be used.
 */
import {
  Routes,
  SluiceError,
  type BundleContext,
  type BundleInfo,
  type Clock,
  type Contract,
  type Logger,
  type OptionalReference,
  type ReferenceOptions,
  type Registration,
  type Scope,
  type ServiceFactory,
  type ServiceList,
  type ServiceProperties,
  type ServicePublisher,
  type Timer,
  type TrackerCallbacks,
  type Undo,
} from '@sluice/sdk';
import type { Manifest } from '../model/index.js';
import type { Handle, RevisionOwner, ServiceRegistry, Stage } from '../registry/index.js';
import { closedError, type ScopeNode } from './scope.js';

/** What a context needs of the revision it belongs to. */
export interface ContextHost extends RevisionOwner {
  readonly digest: string;
  readonly manifest: Manifest;
  readonly entries: ReadonlyMap<string, Uint8Array>;
  readonly registry: ServiceRegistry;
  readonly clock: Clock;
  /** The stage the revision is being prepared in; null once it is visible. */
  readonly stage: Stage | null;
  readonly signal: AbortSignal;
  readonly config: Readonly<Record<string, unknown>>;
  readonly configCallbacks: Set<(config: Readonly<Record<string, unknown>>) => void | Promise<void>>;
}

const KERNEL_PREFIX = 'sluice.kernel.';

/** Which component a context belongs to, and which of its instances: one that is built anew has the next number. */
export interface ComponentOrigin {
  readonly name: string;
  readonly id: number;
}

/** A context over one scope. Components get one each, over a child scope. */
export class RevisionContext implements BundleContext {
  readonly bundle: BundleInfo;
  readonly log: Logger;
  readonly clock: Clock;
  readonly #host: ContextHost;
  readonly #scope: ScopeNode;
  readonly #component: ComponentOrigin | null;
  readonly #config: () => Readonly<Record<string, unknown>>;

  /** @param component null for the context of the activator. @param config the part of the configuration that counts here; default: all. */
  constructor(
    host: ContextHost,
    scope: ScopeNode,
    log: Logger,
    component: ComponentOrigin | null = null,
    config: () => Readonly<Record<string, unknown>> = () => host.config,
  ) {
    this.#host = host;
    this.#scope = scope;
    this.#component = component;
    this.#config = config;
    this.log = log;
    this.clock = scopedClock(host.clock, scope);
    this.bundle = Object.freeze({
      id: host.bundleId,
      symbolicName: host.symbolicName,
      version: host.version,
      revision: host.revision,
      digest: host.digest,
    });
  }

  get scope(): Scope {
    return this.#scope;
  }

  get signal(): AbortSignal {
    return this.#host.signal;
  }

  get config(): Readonly<Record<string, unknown>> {
    return this.#config();
  }

  register<S>(contract: Contract<S>, service: S, properties: ServiceProperties = {}): Registration {
    return this.#register(contract, service, properties);
  }

  registerFactory<S>(
    contract: Contract<S>,
    scope: 'bundle' | 'prototype',
    factory: ServiceFactory<S>,
    properties: ServiceProperties = {},
  ): Registration {
    return this.#register(contract, { factory, scope }, properties);
  }

  #register<S>(
    contract: Contract<S>,
    service: S | { factory: ServiceFactory<S>; scope: 'bundle' | 'prototype' },
    properties: ServiceProperties,
  ): Registration {
    this.#assertUsable(`service '${contract.id}'`);
    this.#assertDeclared(contract, 'provides');
    const host = this.#host;
    const complete = contract.id === Routes.id ? routeProperties(properties, host.manifest, this.#component) : properties;
    const registration = host.registry.register(host, contract, service, complete, host.stage);
    const owned = this.#scope.ownQuietly(`service ${contract.id} #${registration.view.id}`, () => registration.unregister());
    return {
      get view() {
        return registration.view;
      },
      setProperties: (changed) => registration.setProperties(changed),
      unregister: () => {
        owned.release();
        registration.unregister();
      },
    };
  }

  reference<S>(contract: Contract<S>, options?: ReferenceOptions): S {
    this.#assertReference(contract);
    const host = this.#host;
    const handle = host.registry.reference(host, contract, options, host.stage);
    this.#ownHandle(`reference to ${contract.id}`, handle);
    return handle.service;
  }

  optional<S>(contract: Contract<S>, options?: ReferenceOptions): OptionalReference<S> {
    this.#assertReference(contract);
    const host = this.#host;
    const handle = host.registry.optional(host, contract, options, host.stage);
    this.#ownHandle(`optional reference to ${contract.id}`, handle);
    return handle.reference;
  }

  references<S>(contract: Contract<S>, options?: ReferenceOptions): ServiceList<S> {
    this.#assertReference(contract);
    const host = this.#host;
    const handle = host.registry.list(host, contract, options, host.stage);
    this.#ownHandle(`references to ${contract.id}`, handle);
    return handle.list;
  }

  track<S>(contract: Contract<S>, callbacks: TrackerCallbacks<S>, options?: ReferenceOptions): void {
    this.#assertReference(contract);
    const host = this.#host;
    this.#ownHandle(`tracker of ${contract.id}`, host.registry.track(host, contract, callbacks, options, host.stage));
  }

  publish<S, P>(contract: Contract<S>, publisher: ServicePublisher<S, P>): void {
    this.#assertReference(contract);
    const host = this.#host;
    if (host.manifest.family !== 'system') {
      throw new SluiceError(
        'PUBLISHER_REFUSED',
        `'${host.symbolicName}' cannot publish '${contract.id}': only bundles of family 'system' may`,
        {
          details: { bundle: host.symbolicName, contract: contract.id },
          remedy: 'Use track() to follow services.',
        },
      );
    }
    this.#ownHandle(`publisher of ${contract.id}`, host.registry.publisher(host, contract, publisher, host.stage));
  }

  onConfigChange(callback: (config: Readonly<Record<string, unknown>>) => void | Promise<void>): void {
    this.#assertUsable('a configuration listener');
    const { configCallbacks } = this.#host;
    configCallbacks.add(callback);
    this.#scope.own('configuration listener', () => void configCallbacks.delete(callback));
  }

  own(what: string, undo: Undo): void {
    this.#scope.own(what, undo);
  }

  resource(path: string): Uint8Array | undefined {
    this.#assertUsable(`resource '${path}'`);
    return this.#host.entries.get(path);
  }

  resources(prefix: string): readonly string[] {
    this.#assertUsable(`resources under '${prefix}'`);
    return [...this.#host.entries.keys()].filter((path) => path.startsWith(prefix)).sort();
  }

  #ownHandle(what: string, handle: Handle): void {
    this.#scope.own(what, () => handle.close());
  }

  #assertUsable(what: string): void {
    if (this.#scope.closed) throw closedError(`'${this.#host.symbolicName}' ${this.#host.version}`, what);
  }

  #assertReference(contract: Contract): void {
    this.#assertUsable(`a reference to '${contract.id}'`);
    this.#assertDeclared(contract, 'requires');
  }

  #assertDeclared(contract: Contract, section: 'provides' | 'requires'): void {
    const { manifest } = this.#host;
    if (section === 'requires' && contract.id.startsWith(KERNEL_PREFIX) && !manifest.permissions.kernel.includes(contract.id)) {
      throw new SluiceError('KERNEL_CONTRACT_REFUSED', `'${manifest.symbolicName}' may not use the kernel's '${contract.id}'`, {
        details: { bundle: manifest.symbolicName, contract: contract.id },
        remedy: `Add "${contract.id}" to sluice.permissions.kernel of the bundle (system bundles only).`,
      });
    }
    if (manifest[section].some((declared) => declared.contract === contract.id)) return;
    throw new SluiceError(
      'CONTRACT_UNDECLARED',
      `'${manifest.symbolicName}' ${manifest.versionText} uses contract '${contract.id}' but does not declare it in '${section}'`,
      {
        details: { bundle: manifest.symbolicName, contract: contract.id, section },
        remedy: `Add the contract to '${section}' of defineBundle() and pack the bundle again.`,
      },
    );
  }
}

/**
 * Routes are mounted where the manifest says, unless the bundle says otherwise; and they name the instance of the component that has
 * them, because one that is built anew declares them while those of the instance before are still served.
 */
function routeProperties(properties: ServiceProperties, { mount }: Manifest, component: ComponentOrigin | null): ServiceProperties {
  return {
    ...(mount === null ? {} : { 'http.mount': mount }),
    ...(component === null ? {} : { 'component.name': component.name, 'component.id': component.id }),
    ...properties,
  };
}

/** A clock whose timers end with a scope. */
function scopedClock(clock: Clock, scope: ScopeNode): Clock {
  return {
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    setTimeout: (callback, delayMs) => ownTimer(scope, `timeout of ${delayMs} ms`, (fired) => clock.setTimeout(fired(callback), delayMs)),
    setInterval: (callback, periodMs) => ownTimer(scope, `interval of ${periodMs} ms`, () => clock.setInterval(callback, periodMs)),
    sleep: (delayMs, signal) => scopedSleep(clock, scope, delayMs, signal),
  };
}

function ownTimer(scope: ScopeNode, what: string, begin: (fired: (callback: () => void) => () => void) => Timer): Timer {
  let owned: { release(): void } | null = null;
  const timer = begin((callback) => () => {
    owned?.release();
    callback();
  });
  owned = ownOrCancel(scope, what, timer);
  return {
    cancel: () => {
      owned?.release();
      timer.cancel();
    },
  };
}

function ownOrCancel(scope: ScopeNode, what: string, timer: Timer): { release(): void } {
  try {
    return scope.ownQuietly(what, () => timer.cancel());
  } catch (error) {
    timer.cancel();
    throw error;
  }
}

function scopedSleep(clock: Clock, scope: ScopeNode, delayMs: number, signal: AbortSignal | undefined): Promise<void> {
  const ended = new AbortController();
  const owned = scope.ownQuietly(`sleep of ${delayMs} ms`, () => ended.abort(closedError(scope.name, 'a sleep')));
  const either = signal === undefined ? ended.signal : AbortSignal.any([signal, ended.signal]);
  return clock.sleep(delayMs, either).finally(() => owned.release());
}
