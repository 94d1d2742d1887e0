/** Turns bytes into checked artifacts: archive, manifest, digest; all mistakes of all artifacts at once. */
import { SluiceError } from '@sluice/sdk';
import type { ArchiveContent, BlobStore } from '../host/ports.js';
import { manifestError, parseManifest } from '../model/index.js';
import type { Artifact } from './bundle.js';

/** Whether the same bytes were accepted before, which their digest tells; then they are only decoded. */
export interface Acquaintance {
  readonly known?: boolean;
}

/** Reads an archive, strictly unless it is known. @throws SluiceError `ARCHIVE_...`. */
export type ArchiveReader = (bytes: Uint8Array, acquaintance?: Acquaintance) => ArchiveContent;

/**
 * Checks an artifact without storing it.
 * @throws SluiceError `ARCHIVE_...` or `MANIFEST_INVALID` with every mistake.
 */
export function readArtifact(bytes: Uint8Array, digest: string, read: ArchiveReader, acquaintance: Acquaintance = {}): Artifact {
  const { packageJson, entries } = read(bytes, acquaintance);
  const result = parseManifest(packageJson, acquaintance);
  if (!result.ok) throw manifestError(subjectOf(packageJson, digest), result.mistakes);
  if (result.manifest.fragment === null && !entries.has(result.manifest.main)) {
    throw new SluiceError(
      'BUNDLE_ENTRY_MISSING',
      `The artifact of '${result.manifest.symbolicName}' has no entry '${result.manifest.main}'`,
      {
        details: { digest, entry: result.manifest.main, entries: [...entries.keys()].slice(0, 20) },
        remedy: 'Build the bundle before packing it.',
        httpStatus: 422,
      },
    );
  }
  return { digest, manifest: result.manifest, entries };
}

/** What the artifact calls itself, as far as that can be read. */
function subjectOf(packageJson: unknown, digest: string): string {
  const { name, version } = (packageJson ?? {}) as Readonly<Record<string, unknown>>;
  const called = [name, version].filter((part) => typeof part === 'string').join(' ');
  return called === '' ? digest.slice(0, 12) : called.slice(0, 100);
}

/** Reads an artifact that the journal names: it was checked before it was recorded there, and the store checks the digest. */
export async function loadArtifact(digest: string, store: BlobStore, read: ArchiveReader): Promise<Artifact> {
  return readArtifact(await store.get(digest), digest, read, { known: true });
}
