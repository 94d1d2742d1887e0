/**
 * The states of a bundle and the moves between them, as OSGi Core R8 section 4.4.2 gives them.
 * Pure data: the life cycle asks here whether a move is allowed, nothing is remembered.
 */

/** Where a bundle stands in its life. */
export type BundleState = 'INSTALLED' | 'RESOLVED' | 'STARTING' | 'ACTIVE' | 'STOPPING' | 'UNINSTALLED';

/** All states, in the order of a life. */
export const BUNDLE_STATES: readonly BundleState[] = ['INSTALLED', 'RESOLVED', 'STARTING', 'ACTIVE', 'STOPPING', 'UNINSTALLED'];

const NEXT: Readonly<Record<BundleState, readonly BundleState[]>> = {
  // A bundle that leaves the resolved set (refresh, update) falls back to INSTALLED.
  INSTALLED: ['RESOLVED', 'UNINSTALLED'],
  RESOLVED: ['INSTALLED', 'STARTING', 'UNINSTALLED'],
  // A failing activator passes through STOPPING on its way back to RESOLVED.
  STARTING: ['ACTIVE', 'STOPPING', 'RESOLVED'],
  ACTIVE: ['STOPPING'],
  STOPPING: ['RESOLVED'],
  UNINSTALLED: [],
};

/** True when a bundle may move from one state to another in one step. */
export function canTransition(from: BundleState, to: BundleState): boolean {
  return NEXT[from].includes(to);
}

/** The states that can follow a state. */
export function nextStates(from: BundleState): readonly BundleState[] {
  return NEXT[from];
}
