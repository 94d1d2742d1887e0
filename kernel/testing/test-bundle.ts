/** Bundles written down in a test: real artifacts (archive, manifest, digest) whose code is a definition held by the test. */
import type { BundleDefinition, ManifestSection } from '@sluice/sdk';
import { deriveManifest } from '../cli/toolchain/contracts.js';
import { writeArchive } from '../host/archive-writer.js';

/** What a test says about a bundle. */
export interface TestBundle {
  readonly symbolicName: string;
  /** Default `1.0.0`. */
  readonly version?: string;
  /** Left out for a fragment, which has no code. */
  readonly definition?: BundleDefinition;
  /** Further manifest keys; contracts are derived from the definition. */
  readonly manifest?: Partial<ManifestSection>;
  /** Further entries of the artifact. */
  readonly entries?: Readonly<Record<string, string | Uint8Array>>;
}

/** Entry that names the definition inside the artifact. */
export const DEFINITION_ENTRY = 'dist/definition.txt';

// Definitions by number, as long as the process lives: tests make few, and a redeploy must find the same one.
const definitions = new Map<string, BundleDefinition>();
let next = 1;

/** The definition an artifact names. */
export function definitionOf(entries: ReadonlyMap<string, Uint8Array>): BundleDefinition | undefined {
  const entry = entries.get(DEFINITION_ENTRY);
  return entry === undefined ? undefined : definitions.get(Buffer.from(entry).toString());
}

/** Forgets all definitions, so that a leak test sees what the kernel holds and nothing else. */
export function forgetDefinitions(): void {
  definitions.clear();
}

/** Packs a test bundle into artifact bytes. */
export function artifactOf(bundle: TestBundle): Buffer {
  const { definition } = bundle;
  const derived = definition === undefined ? {} : deriveManifest(definition);
  const packageJson = {
    name: `@test/${bundle.symbolicName.replaceAll('.', '-')}`,
    version: bundle.version ?? '1.0.0',
    license: 'Apache-2.0',
    sluice: { sdk: '^1.0.0', symbolicName: bundle.symbolicName, ...derived, ...bundle.manifest },
  };
  return writeArchive({
    'package.json': JSON.stringify(packageJson),
    ...(definition === undefined ? {} : codeOf(definition)),
    ...bundle.entries,
  });
}

function codeOf(definition: BundleDefinition): Readonly<Record<string, string>> {
  const id = String(next++);
  definitions.set(id, definition);
  return { 'dist/bundle.cjs': `// the code of this bundle is definition ${id} of a test\n`, [DEFINITION_ENTRY]: id };
}
