/**
 * Makes the package.json of an artifact from the one its author wrote and what was derived from the definition.
 * Pure. Dependencies are left out: everything a bundle needs is packed or comes from the host.
 */
import type { DefinitionReading } from './contracts.js';
import type { BuildProblem } from './problem.js';
import type { BundleSource } from './source.js';
import { BUNDLE_FILE } from './build.js';

/** Fields of the author's package.json that artifacts keep, in this order. */
const KEPT_FIELDS = ['name', 'version', 'description', 'keywords', 'homepage', 'license', 'author', 'repository', 'engines'] as const;

/** The package.json of the artifact. */
export function artifactPackageJson(source: BundleSource, derived: DefinitionReading, version: string): Readonly<Record<string, unknown>> {
  const kept = keptFields(source);
  const { main: _main, ...section } = source.section as { readonly main?: unknown };
  return {
    ...kept,
    version,
    main: BUNDLE_FILE,
    sluice: {
      ...section,
      symbolicName: source.symbolicName,
      provides: merge(source.section['provides'], derived.provides),
      requires: merge(source.section['requires'], derived.requires),
      ...(derived.migrations === undefined ? {} : { migrations: derived.migrations }),
    },
  };
}

/** The package.json of the artifact of a fragment: it has no code, so nothing is derived. */
export function fragmentPackageJson(source: BundleSource, version: string): Readonly<Record<string, unknown>> {
  return { ...keptFields(source), version, sluice: { ...source.section, symbolicName: source.symbolicName } };
}

function keptFields(source: BundleSource): Record<string, unknown> {
  const kept: Record<string, unknown> = {};
  for (const field of KEPT_FIELDS) if (source.packageJson[field] !== undefined) kept[field] = source.packageJson[field];
  return kept;
}

/** Mistakes between definition and manifest that neither of the two can see alone. */
export function crossCheck(source: BundleSource, derived: DefinitionReading): BuildProblem[] {
  const problems: BuildProblem[] = [];
  const declared = source.section['stateVersion'] !== undefined;
  if (derived.handsOverState && !declared) {
    problems.push({
      code: 'BUILD_STATE_VERSION_MISSING',
      message: 'the definition hands over state, but the manifest has no stateVersion',
      remedy: 'Add "stateVersion": 1 to the sluice section of package.json',
    });
  }
  if (declared && !derived.handsOverState) {
    problems.push({
      code: 'BUILD_STATE_HANDOVER_MISSING',
      message: 'the manifest has a stateVersion, but the definition has no `state` with exportState and importState',
      remedy: 'Add `state` to defineBundle, or remove "stateVersion"',
    });
  }
  return problems;
}

/** Hand-written entries add attributes to derived ones of the same contract, and contracts the definition does not name. */
function merge(written: unknown, derived: readonly { readonly contract: string }[]): unknown[] {
  const byContract = new Map<string, object>(derived.map((entry) => [entry.contract, entry]));
  for (const entry of Array.isArray(written) ? (written as unknown[]) : []) {
    if (typeof entry !== 'object' || entry === null) continue;
    const contract = String((entry as { contract?: unknown }).contract);
    byContract.set(contract, { ...entry, ...byContract.get(contract) });
  }
  return [...byContract.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, entry]) => entry);
}
