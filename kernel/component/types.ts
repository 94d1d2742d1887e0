/** What the component runtime needs, and what it tells about its components. Types only. */
import type { BundleContext, Constructor } from '@sluice/sdk';
import type { DependencyContainer } from 'tsyringe';
import type { RevisionOwner, ServiceRegistry, Stage } from '../registry/index.js';

/** The context of one activation, with its end. */
export interface ComponentContext {
  readonly context: BundleContext;
  /** Undoes everything acquired through the context. */
  close(): Promise<void> | void;
}

/** Everything a component runtime works with. One runtime per revision. */
export interface ComponentRuntimeOptions {
  readonly owner: RevisionOwner;
  readonly registry: ServiceRegistry;
  /** The stage the revision is prepared in; null when its services are visible at once. */
  readonly stage: Stage | null;
  /** Root container of the revision. Each activation gets a child of it, so that no activation sees the references of another. */
  readonly container: DependencyContainer;
  readonly components: readonly Constructor[];
  readonly config: Readonly<Record<string, unknown>>;
  readonly activateTimeoutMs: number;
  readonly deactivateTimeoutMs: number;
  /** Makes the context of one activation of the component named. `config` gives its configuration, which may be a part of the bundle's. */
  createContext(componentName: string, config: () => Readonly<Record<string, unknown>>): ComponentContext;
  /** Runs foreign code with a time limit; the error of a time-out names bundle and activity. */
  limit<T>(activity: string, limitMs: number, work: () => T | Promise<T>): Promise<T>;
  warn(code: string, message: string, details: Readonly<Record<string, unknown>>): void;
}

/** `satisfied`: its services are visible, the instance is built at the first use. `failed`: tried again when a reference or the configuration changes. */
export type ComponentState = 'unsatisfied' | 'satisfied' | 'activating' | 'active' | 'deactivating' | 'failed';

/** One reference of a component as it stands. */
export interface ReferenceDescription {
  readonly contract: string;
  readonly cardinality: string;
  readonly policy: string;
  readonly satisfied: boolean;
  /** `bundle@version#serviceId` of what it uses (or would use), best first. */
  readonly bound: readonly string[];
}

/** One component as it stands and, when it is not active, why. */
export interface ComponentDescription {
  readonly name: string;
  readonly state: ComponentState;
  readonly provides: readonly string[];
  readonly references: readonly ReferenceDescription[];
  readonly reason?: string;
}
