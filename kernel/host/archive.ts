/** Archive reader and writer. (Being written; the signatures hold.) */
import type { ArchiveContent, ArchiveLimits } from './ports.js';
/** Default caps. */
export const ARCHIVE_LIMITS: ArchiveLimits = {
  archiveBytesMax: 64 * 1024 * 1024,
  inflatedBytesMax: 256 * 1024 * 1024,
  entriesMax: 10_000,
  entryBytesMax: 64 * 1024 * 1024,
  ratioMax: 200,
};
/** Reads an npm tarball strictly, in memory. @throws SluiceError `ARCHIVE_*` with details.path/offset. */
export function readArchive(bytes: Uint8Array, limits?: Partial<ArchiveLimits>): ArchiveContent {
  throw new Error(`not yet ${bytes.length} ${limits}`);
}
/** Writes an npm tarball; same entries, same bytes. Paths are relative to the package (`dist/bundle.cjs`). */
export function writeArchive(entries: ReadonlyMap<string, Uint8Array | string> | Readonly<Record<string, Uint8Array | string>>): Buffer {
  throw new Error(`not yet ${entries}`);
}
