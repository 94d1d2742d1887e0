/** What a repository of bundles is, wherever it keeps them: search, versions, and artifacts whose content was checked. Types and errors. */
import { createHash } from 'node:crypto';
import { SluiceError } from '@sluice/sdk';
import { readArchive } from '../host/archive.js';
import { manifestError, parseManifest, parseRange, Version, type Manifest } from '../model/index.js';

/** One version of a bundle in a repository. */
export interface RepositoryEntry {
  /** Symbolic name of the bundle. */
  readonly name: string;
  readonly version: string;
  /** Name of the npm package. */
  readonly packageName: string;
  readonly description: string;
  /** Where it is: a file, a URL, `npm:package@version`. */
  readonly location: string;
}

/** An artifact that was fetched: whole, of the content its source promised, and with a manifest that says what was asked for. */
export interface FetchedArtifact extends RepositoryEntry {
  readonly bytes: Buffer;
  /** SHA-256 of the bytes, lower-case hex. */
  readonly digest: string;
  /** The signature file that came along; null when there is none. Not verified here: that is for who deploys. */
  readonly signatures: Buffer | null;
}

/** A place with bundles. */
export interface Repository {
  readonly location: string;
  /** Newest version of each bundle whose name or description has the text, sorted by name. */
  search(text: string): Promise<readonly RepositoryEntry[]>;
  /** All versions of a bundle, newest first. @param name symbolic name, or name of the npm package. */
  versions(name: string): Promise<readonly RepositoryEntry[]>;
  /**
   * The newest version in a range.
   * @throws SluiceError `REPOSITORY_UNKNOWN`, `REPOSITORY_UNREACHABLE`, `REPOSITORY_INTEGRITY`, `REPOSITORY_CONTENT`, `ARCHIVE_*`, `MANIFEST_INVALID`.
   */
  fetch(name: string, range: string): Promise<FetchedArtifact>;
}

/** Largest artifact that is fetched, as the archive reader's limit. */
export const ARTIFACT_BYTES_MAX = 64 * 1024 * 1024;
/** Largest signature file. */
export const SIGNATURES_BYTES_MAX = 64 * 1024;

/** Reads the manifest of an artifact. @throws SluiceError `ARCHIVE_*` or `MANIFEST_INVALID`. */
export function manifestOf(bytes: Uint8Array, location: string): Manifest {
  const result = parseManifest(readArchive(bytes).packageJson);
  if (!result.ok) throw manifestError(location, result.mistakes);
  return result.manifest;
}

/** An artifact as it came, with its manifest read and its digest made. */
export function fetchedArtifact(bytes: Buffer, location: string, signatures: Buffer | null): FetchedArtifact {
  const entry = entryOf(manifestOf(bytes, location), location);
  return { ...entry, bytes, digest: createHash('sha256').update(bytes).digest('hex'), signatures };
}

/** What a manifest says, as an entry. */
export function entryOf({ symbolicName, versionText, packageName, description }: Manifest, location: string): RepositoryEntry {
  return { name: symbolicName, version: versionText, packageName, description, location };
}

/** Newest first. */
export function newestFirst<T extends { readonly version: string }>(entries: readonly T[]): T[] {
  return [...entries].sort((a, b) => Version.parse(b.version).compare(Version.parse(a.version)));
}

/** The newest entry in a range; a pre-release only when nothing else is, or when the range names it. */
export function newestIn<T extends { readonly version: string }>(entries: readonly T[], range: string): T | undefined {
  const parsed = parseRange(range);
  return newestFirst(entries).find(({ version }) => version === range || parsed.includes(Version.parse(version)));
}

/** Newest version of each bundle with the text in its name or description. */
export function matching(entries: readonly RepositoryEntry[], text: string): RepositoryEntry[] {
  const wanted = text.toLowerCase();
  const newest = new Map<string, RepositoryEntry>();
  for (const entry of newestFirst(entries)) {
    const hit = `${entry.name} ${entry.packageName} ${entry.description}`.toLowerCase().includes(wanted);
    if (hit && !newest.has(entry.name)) newest.set(entry.name, entry);
  }
  return [...newest.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** The error for a bundle, or a version of it, that is not there. */
export function unknown(location: string, name: string, range: string, versions: readonly string[]): SluiceError {
  const found = versions.length === 0 ? 'it has no such bundle' : `it has ${versions.slice(0, 8).join(', ')}`;
  return new SluiceError('REPOSITORY_UNKNOWN', `'${location}' has no '${name}' in '${range}': ${found}`, {
    details: { repository: location, name, range, versions: versions.slice(0, 50) },
    remedy: versions.length === 0 ? `'sluice repository search' lists what is there.` : 'Name one of these versions.',
    httpStatus: 404,
  });
}

/** The error for an artifact that is not what was asked for. */
export function otherContent(location: string, expected: string, found: string): SluiceError {
  return new SluiceError('REPOSITORY_CONTENT', `'${location}' holds ${found}, expected ${expected}`, {
    details: { location, expected, found },
    remedy: 'Ask who publishes it; do not deploy it.',
    httpStatus: 422,
  });
}

/** The error for bytes that are not those their source promised. */
export function integrityFailed(location: string, expected: string, found: string): SluiceError {
  return new SluiceError(
    'REPOSITORY_INTEGRITY',
    `The bytes of '${location}' are not those that were published: ${found}, expected ${expected}`,
    {
      details: { location, expected, found },
      remedy: 'Fetch it again; when it stays, the source or the way to it cannot be trusted.',
      httpStatus: 422,
    },
  );
}
