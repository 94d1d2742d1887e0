/** What is told to clients: the generation, the release, and the versions of the bundles of some families. Pure. */
import type { FrameworkService } from '@sluice/sdk';

/** Configuration of this bundle, as its manifest describes it. */
export interface VersionConfig {
  readonly families: readonly string[];
  readonly showRelease: boolean;
}

/** What is served now. */
export interface ServedVersions {
  /** Rises with every change of the system. */
  readonly generation: number;
  readonly release: { readonly name: string; readonly version: string } | null;
  /** Version by symbolic name; of two majors side by side, both, newest last. */
  readonly bundles: Readonly<Record<string, string>>;
}

/** Reads what is served from the framework. */
export function servedVersions(framework: FrameworkService, { families, showRelease }: VersionConfig): ServedVersions {
  const bundles: Record<string, string> = {};
  for (const { symbolicName, version, state } of framework.bundles()) {
    if (state !== 'ACTIVE' || !families.includes(familyOf(framework.manifest(symbolicName)))) continue;
    const known = bundles[symbolicName];
    bundles[symbolicName] = known === undefined ? version : `${known}, ${version}`;
  }
  const names = Object.keys(bundles).sort();
  return {
    generation: framework.generation?.() ?? 0,
    release: showRelease ? (framework.release?.() ?? null) : null,
    bundles: Object.fromEntries(names.map((name) => [name, bundles[name] as string])),
  };
}

function familyOf(manifest: Readonly<Record<string, unknown>> | undefined): string {
  const section = manifest?.['sluice'] as { family?: unknown } | undefined;
  return typeof section?.family === 'string' ? section.family : 'other';
}
