/** (installed, wanted) -> wiring or a typed report. Pure: no clock, no disk, no code of bundles. */
import type { Version } from '../model/index.js';
import type { Capability, Resolution, ResolutionProblem, ResolveInput, Wiring } from './types.js';
export * from './types.js';

/** Resolves candidates. Pure and independent of their order. */
export declare function resolve(input: ResolveInput): Resolution;
/** Text of a problem in three parts: what failed, found and expected, what to do. */
export declare function renderProblem(problem: ResolutionProblem): string;
/** Capabilities of the kernel: its contracts and the SDK. */
export declare function kernelCapabilities(
  contracts: readonly { readonly id: string; readonly version: string }[],
  sdkVersion: Version | string,
): readonly Capability[];
/** Consumers wired to changed bundles, directly and through others. Sorted; the changed keys themselves are left out. */
export declare function affectedBy(
  wiring: Wiring,
  changedKeys: readonly string[],
): { readonly direct: readonly string[]; readonly transitive: readonly string[] };
/** The given keys and all their providers, transitively: what must be resolved to start them. */
export declare function neededBy(wiring: Wiring, keys: readonly string[]): readonly string[];
/** Wires as sorted plain rows. */
export declare function describeWiring(wiring: Wiring): readonly {
  readonly consumer: string;
  readonly provider: string;
  readonly namespace: string;
  readonly name: string;
  readonly version: string | null;
  readonly optional: boolean;
}[];
