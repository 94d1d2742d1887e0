/** The one value a bundle exports: what it provides, what it needs, its components and its activator. */
import type { Constructor } from './component.js';
import type { BundleContext } from './context.js';
import type { Contract } from './contract.js';
import type { DeclaredReference } from './service.js';

const BUNDLE = Symbol.for('sluice.bundle');

/** Migrates state between two revisions that both declare `stateVersion`. */
export interface StateHandover {
  /** The state to hand over, in the form of `stateVersion`. At most 1 MB when cloned. */
  exportState(stateVersion: number): unknown;
  /** Takes over the state of the old revision. */
  importState(state: unknown, stateVersion: number): void | Promise<void>;
}

/** What an author writes. */
export interface BundleOptions<C> {
  readonly components?: readonly Constructor[];
  /** Contracts this bundle registers by hand; those of components are added by themselves. */
  readonly provides?: readonly Contract[];
  /** Contracts this bundle uses by hand; those of components are added by themselves. */
  readonly requires?: readonly (Contract | DeclaredReference)[];
  /** Starts the bundle. What it acquires through the context needs no code to undo. */
  activate?(context: BundleContext<C>): void | Promise<void>;
  /** Called before the scope closes. */
  deactivate?(context: BundleContext<C>): void | Promise<void>;
  readonly state?: StateHandover;
}

/** A bundle definition, as `export default defineBundle({...})` makes it. */
export interface BundleDefinition<C = any> extends BundleOptions<C> {
  readonly [BUNDLE]: true;
}

/** Declares a bundle. The result must be the default export of the bundle's entry file. */
export function defineBundle<C = Readonly<Record<string, unknown>>>(options: BundleOptions<C>): BundleDefinition<C> {
  return { ...options, [BUNDLE]: true };
}

/** True for a bundle definition, from whichever copy of the SDK it was made. */
export function isBundleDefinition(value: unknown): value is BundleDefinition {
  return typeof value === 'object' && value !== null && (value as Record<symbol, unknown>)[BUNDLE] === true;
}
