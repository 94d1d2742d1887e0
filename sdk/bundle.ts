/** The one value a bundle exports: what it provides, what it needs, its components and its activator. */
import type { Constructor } from './component.js';
import type { BundleContext } from './context.js';
import type { Contract } from './contract.js';
import type { Migration } from './data.js';
import type { DeclaredReference } from './service.js';

const BUNDLE = Symbol.for('sluice.bundle');

/**
 * Hands state from one revision to the next, where both declare `stateVersion`. Either side may throw: the swap is refused then and the
 * old revision goes on with its state.
 */
export interface StateHandover {
  /**
   * The state to hand over, in the form asked for: the own `stateVersion`, or a lower one when an older version of the bundle comes next.
   * What `structuredClone` can copy, at most 1 MB, within 1 s. Called while this revision still serves: what it changes afterwards is not
   * handed over.
   */
  exportState(stateVersion: number): unknown;
  /** Takes over state of a form from `stateReads` of the manifest up to the own `stateVersion`. Within 1 s, before anybody calls this revision. */
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
  /** Migrations that `activate` applies. Listed here, a plan can name those that a deploy runs. */
  readonly migrations?: readonly Pick<Migration, 'name' | 'phase'>[];
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
