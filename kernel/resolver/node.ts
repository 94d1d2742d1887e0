/**
 * Bundles as the resolver keeps them: a node per bundle, an offer per capability, and, while a resolution runs, the work on a node.
 */
import type { Derived, Need } from './derive.js';
import type { Capability, ContractConflictProblem, CycleProblem, ResolverBundle, SingletonProblem, Wire } from './types.js';

/** One bundle, or the kernel. */
export interface Node {
  readonly key: string;
  readonly bundle: ResolverBundle | null;
  readonly derived: Derived;
  /** One for each capability, in the same order. */
  readonly offers: readonly Offer[];
  /** Wires in force; null for a bundle that is not resolved. */
  wires: readonly Wire[] | null;
  /** Bundles wired to this one. Empty for the kernel, which never changes. */
  readonly consumers: Node[];
  /** What the running resolution does with this bundle; null outside of one, and for bundles it does not touch. */
  work: Work | null;
}

/** One capability of one node. */
export interface Offer {
  readonly node: Node;
  readonly capability: Capability;
}

/** The work of one resolution on one node. */
export interface Work {
  /** Null while the wires in force are kept as they are. */
  slots: Slot[] | null;
  death: Death | null;
  /** Raised whenever a slot gets another choice. */
  changes: number;
  /** Slots that have chosen an offer of this node, to be looked at again when it dies. */
  watchers: Watcher[] | null;
}

/** A slot that has chosen an offer of the watched node. */
export interface Watcher {
  readonly node: Node;
  readonly slot: Slot;
}

/** One requirement on its way to a wire. */
export interface Slot {
  readonly need: Need;
  /** Wires in force for this requirement. */
  readonly before: readonly Wire[];
  /** Offers to try before all others: those the consumer is wired to, then its own. */
  readonly preferred: readonly Offer[];
  /** All matching offers, best first; shared between slots. */
  readonly offers: readonly Offer[];
  /** Offers before this position are dead or excluded. */
  position: number;
  choice: Offer | null;
  /** Offers that would make consumer and provider see different majors of a contract, with the conflict they would make. */
  excluded: Map<Offer, ContractConflictProblem> | null;
  /** An optional requirement that stays unwired: its bundle is loaded already, or it would close a circle. */
  closed: boolean;
}

/** Why a node cannot resolve. Unfulfilled requirements are looked at when the report is made. */
export type Death =
  | { readonly kind: 'requirement' }
  | { readonly kind: 'reported'; readonly problem: SingletonProblem | ContractConflictProblem | CycleProblem };

/** Makes the node of a bundle or of the kernel. */
export function newNode(key: string, bundle: ResolverBundle | null, derived: Derived): Node {
  const offers: Offer[] = [];
  const node: Node = { key, bundle, derived, offers, wires: null, consumers: [], work: null };
  for (const capability of derived.capabilities) offers.push({ node, capability });
  return node;
}

/** True while nothing is known that keeps the node from resolving. */
export function isAlive(node: Node): boolean {
  return node.work === null || node.work.death === null;
}

/** Best first: the kernel, then the highest version, then the bundle installed first. */
export function compareOffers(a: Offer, b: Offer): number {
  if (a.node === b.node) return compareVersions(a, b);
  if (a.node.bundle === null || b.node.bundle === null) return a.node.bundle === null ? -1 : 1;
  return compareVersions(a, b) || compareNodes(a.node, b.node);
}

/** The bundle installed first is first; the key decides between bundles without install ids. */
export function compareNodes(a: Node, b: Node): number {
  const [left, right] = [a.bundle?.bundleId ?? Number.MAX_SAFE_INTEGER, b.bundle?.bundleId ?? Number.MAX_SAFE_INTEGER];
  return left - right || compareText(a.key, b.key);
}

/** Order of texts by code unit, the same on every machine. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function compareVersions(a: Offer, b: Offer): number {
  const [left, right] = [a.capability.version, b.capability.version];
  if (left === null || right === null) return left === right ? 0 : left === null ? 1 : -1;
  return right.compare(left);
}
