/**
 * The manifest of a bundle as the kernel works with it: every default filled in, every version, range and filter parsed.
 * Types only; it is read by manifest-parse.ts.
 */
import type { Filter } from './filter.js';
import type { Mistake } from './mistake.js';
import type { VersionRange } from './range.js';
import type { Tier } from './tier.js';
import type { Version } from './version.js';

/** Attribute values of capabilities and contracts. */
export type AttributeValue = string | number | boolean | readonly (string | number)[];
/** Attributes of a capability. */
export type Attributes = Readonly<Record<string, AttributeValue>>;
/** The family of a bundle. */
export type BundleFamily = 'system' | 'platform' | 'business' | 'channel' | 'core' | 'other';

/** A contract the bundle provides. */
export interface ProvidedContract {
  readonly contract: string;
  readonly version: Version;
  readonly attributes: Attributes;
  /** Schemas of the methods as `pack` wrote them; null when the artifact does not tell. */
  readonly methods: Readonly<Record<string, unknown>> | null;
  /** Plain properties of a local service. */
  readonly properties: readonly string[];
}

/** A contract the bundle needs. */
export interface RequiredContract {
  readonly contract: string;
  readonly range: VersionRange;
  readonly filter?: Filter;
  readonly optional: boolean;
}

/** A migration of the bundle's tables, as `pack` wrote it. */
export interface DeclaredMigration {
  readonly name: string;
  readonly phase: 'expand' | 'contract';
}

/** A generic capability. */
export interface ManifestCapability {
  readonly namespace: string;
  readonly attributes: Attributes;
  /** When it counts. The resolver sees only what is effective at `resolve`. */
  readonly effective: string;
}

/** A generic requirement. */
export interface ManifestRequirement {
  readonly namespace: string;
  readonly filter?: Filter;
  readonly optional: boolean;
  /** True: wired to every matching capability, not only the best. */
  readonly multiple: boolean;
  /** True: also optional, and wired when a provider comes while the bundle runs. */
  readonly dynamic: boolean;
  /** When it counts. The resolver sees only what is effective at `resolve`. */
  readonly effective: string;
}

/** What makes a bundle a fragment: it has no code and adds to another bundle. */
export interface FragmentOf {
  /** Symbolic name of the host. */
  readonly host: string;
  readonly range: VersionRange;
  /** Values that go before the host's own defaults. */
  readonly config: Readonly<Record<string, unknown>>;
}

/** An imported package. */
export interface ImportedPackage {
  readonly range: VersionRange;
  readonly optional: boolean;
}

/** What a bundle asks leave for. */
export interface Permissions {
  readonly builtins: readonly string[];
  readonly hostPackages: readonly string[];
  readonly kernel: readonly string[];
  readonly network: readonly string[];
}

/** The checked manifest. Immutable. */
export interface Manifest {
  /** Name of the npm package, with its scope. */
  readonly packageName: string;
  readonly symbolicName: string;
  readonly version: Version;
  readonly versionText: string;
  readonly description: string;
  readonly family: BundleFamily;
  /** Entry in the artifact. */
  readonly main: string;
  readonly sdkRange: VersionRange;
  readonly singleton: boolean;
  /** Null for a bundle with code of its own. */
  readonly fragment: FragmentOf | null;
  readonly fragmentAttachment: 'always' | 'never';
  readonly startLevel: number;
  readonly activation: 'eager' | 'lazy';
  /** The weakest isolation tier the bundle may run in. */
  readonly isolation: Tier;
  readonly mount: string | null;
  readonly provides: readonly ProvidedContract[];
  readonly requires: readonly RequiredContract[];
  readonly migrations: readonly DeclaredMigration[];
  readonly capabilities: readonly ManifestCapability[];
  readonly requirements: readonly ManifestRequirement[];
  /** Package name to entry in the artifact. */
  readonly exports: Readonly<Record<string, string>>;
  readonly imports: Readonly<Record<string, ImportedPackage>>;
  readonly config: { readonly schema: Readonly<Record<string, unknown>>; readonly defaults: Readonly<Record<string, unknown>> } | null;
  readonly permissions: Permissions;
  readonly startTimeoutMs: number;
  readonly stopTimeoutMs: number;
  readonly drainTimeoutMs: number;
  readonly stateVersion: number | null;
  /** Oldest form of the state it can take over. */
  readonly stateReads: number;
  /** package.json as read. */
  readonly raw: Readonly<Record<string, unknown>>;
}

/** A manifest, or every mistake in it. */
export type ManifestResult =
  { readonly ok: true; readonly manifest: Manifest } | { readonly ok: false; readonly mistakes: readonly Mistake[] };
