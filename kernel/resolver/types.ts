/**
 * What goes into a resolution and what comes out: bundles, capabilities, requirements, wires, problems. Plain data, no behaviour.
 */
import type { Filter, Manifest, Version, VersionRange } from '../model/index.js';

/** Namespace of contracts; the name is the id of the contract. */
export const CONTRACT_NAMESPACE = 'sluice.contract';
/** Namespace of exported packages; the name is the package name. */
export const PACKAGE_NAMESPACE = 'sluice.package';
/** Namespace of bundle identities; the name is the symbolic name. */
export const BUNDLE_NAMESPACE = 'sluice.bundle';
/** Key of the kernel as a provider. */
export const KERNEL_KEY = 'kernel';

/** A bundle as the resolver sees it. */
export interface ResolverBundle {
  /** Unique: `name@version#revision`. */
  readonly key: string;
  readonly manifest: Manifest;
  /** Install id, constant for a key; between equal versions the lowest wins, then the lowest key. */
  readonly bundleId?: number;
}

/** What a bundle (or the kernel) offers. */
export interface Capability {
  readonly namespace: string;
  /** Contract id, package name, symbolic name; empty in other namespaces. */
  readonly name: string;
  readonly version: Version | null;
  readonly attributes: Readonly<Record<string, unknown>>;
}

/** What a bundle needs. */
export interface Requirement {
  readonly namespace: string;
  /** Contract id, package name, symbolic name; empty in other namespaces, where only the filter selects. */
  readonly name: string;
  readonly range: VersionRange | null;
  readonly filter: Filter | null;
  readonly optional: boolean;
  readonly multiple: boolean;
  /** Wired also when a provider comes while the bundle is resolved. */
  readonly dynamic: boolean;
}

/** One requirement bound to one capability. */
export interface Wire {
  readonly consumer: string;
  readonly provider: string;
  readonly requirement: Requirement;
  readonly capability: Capability;
}

/** Wires by consumer. A resolved bundle without requirements has an empty list. */
export type Wiring = ReadonlyMap<string, readonly Wire[]>;

/** What to resolve. */
export interface ResolveInput {
  readonly candidates: readonly ResolverBundle[];
  /** Keys that must resolve; as a question where a list of thousands would be made for a change of one. */
  readonly required: readonly string[] | ((key: string) => boolean);
  /** Wiring in force; kept wherever it still holds. */
  readonly wired?: Wiring;
  /** Capabilities of the kernel, see {@link kernelCapabilities}. */
  readonly kernel?: readonly Capability[];
  /** Steps allowed before the resolver gives up. Default {@link RESOLVER_STEPS_MAX}. */
  readonly budget?: number;
}

/** A candidate that was looked at and refused. */
export interface RefusedCandidate {
  readonly provider: string;
  readonly version: string | null;
  /** What refused it. */
  readonly by: 'range' | 'filter';
}

/** A requirement as plain data. */
export interface RequirementData {
  readonly namespace: string;
  readonly name: string;
  readonly range: string | null;
  readonly filter: string | null;
}

interface ProblemBase {
  /** Stable code for programs, such as `RESOLVER_MISSING`. */
  readonly code: string;
  /** Key of the bundle that cannot resolve. */
  readonly bundle: string;
  /** One sentence: what to do next. */
  readonly suggestion: string;
}

/** Nothing of that name is offered by any candidate. */
export interface MissingProblem extends ProblemBase {
  readonly kind: 'missing';
  readonly requirement: RequirementData;
  /** Names offered in the namespace that look alike, nearest first. */
  readonly nearest: readonly string[];
}
/** Something of that name is offered, but range or filter refuses every candidate. */
export interface FilteredProblem extends ProblemBase {
  readonly kind: 'filtered';
  readonly requirement: RequirementData;
  /** Candidates, nearest version first. */
  readonly refused: readonly RefusedCandidate[];
}
/** Another version of a singleton bundle was chosen. */
export interface SingletonProblem extends ProblemBase {
  readonly kind: 'singleton-conflict';
  readonly symbolicName: string;
  readonly chosen: string;
  /** `needed`: this bundle needs what the other version offers, so that both would have to be resolved. */
  readonly because: 'wired' | 'required' | 'version' | 'order' | 'needed';
}
/** The only providers are themselves unresolved. */
export interface ChainProblem extends ProblemBase {
  readonly kind: 'chain';
  readonly requirement: RequirementData;
  /** Keys from this bundle to the one where the cause lies; of a very long path the first and last steps. */
  readonly path: readonly string[];
  /** Steps left out of the middle of the path. */
  readonly omitted: number;
  /** The first problem of the bundle at the end of the path. */
  readonly cause: Exclude<ResolutionProblem, ChainProblem>;
}
/** Consumer and provider exchange values of one contract but see different majors of it. */
export interface ContractConflictProblem extends ProblemBase {
  readonly kind: 'contract-conflict';
  readonly contract: string;
  /** The bundle at the other end of the wire. */
  readonly other: string;
  /** The requirement through which both meet. */
  readonly through: RequirementData;
  /** Majors of the contract that each side sees. */
  readonly sees: readonly number[];
  readonly otherSees: readonly number[];
}
/** Bundles import packages from each other in a circle; none can be loaded first. */
export interface CycleProblem extends ProblemBase {
  readonly kind: 'cycle';
  /** Keys in order; the first follows the last. */
  readonly path: readonly string[];
  /** Package imported at each step of the path. */
  readonly packages: readonly string[];
}
/** The step budget ran out. */
export interface BudgetProblem extends ProblemBase {
  readonly kind: 'budget';
  readonly steps: number;
}

/** Why a bundle does not resolve, as data. Text is made by {@link renderProblem}. */
export type ResolutionProblem =
  MissingProblem | FilteredProblem | SingletonProblem | ChainProblem | ContractConflictProblem | CycleProblem | BudgetProblem;

/** Something worth knowing that hinders nothing. */
export interface ResolutionNotice {
  /** `contract-cycle`: bundles need each other's contracts. `cycle-broken`: an optional import was left unwired to break a circle. */
  readonly kind: 'contract-cycle' | 'cycle-broken';
  readonly path: readonly string[];
  /** Name wired at each step of the path. */
  readonly names: readonly string[];
}

/** The answer of the resolver. Whatever the order of the candidates, the content is the same; the order of the map is not part of it. */
export interface Resolution {
  /** True when every required bundle resolved. */
  readonly ok: boolean;
  /** Wiring of everything that resolves, required or not. Wires that were kept are the same objects as before. */
  readonly wiring: Wiring;
  /** Why required bundles did not resolve: causes first, chains after. Empty when `ok`. */
  readonly problems: readonly ResolutionProblem[];
  /** Why other candidates did not resolve. */
  readonly others: readonly ResolutionProblem[];
  /** Circles that hinder nothing. Looked for when first read: a change in a large system need not wait for it. */
  readonly notices: readonly ResolutionNotice[];
  /** Bundles that resolved now or whose wires changed. Sorted. */
  readonly rewired: readonly string[];
  /** Steps taken, for the budget. */
  readonly steps: number;
}
