/**
 * Reads an artifact (an npm package tarball) into memory, strictly: nothing is ever extracted, every entry is a regular file with a plain
 * relative path under `package/`, no two entries could fall on one file, and everything is bounded. What passes has one meaning only.
 */
import { SluiceError, isSluiceError } from '@sluice/sdk';
import { archiveRefusal } from './archive-error.js';
import { gunzipStrict } from './gzip.js';
import type { ArchiveContent, ArchiveLimits } from './ports.js';
import { parseStrictJson } from './strict-json.js';
import { readPlainTar, readTar } from './tar.js';

export { writeArchive } from './archive-writer.js';

/** Caps that fit every bundle we have seen and keep the worst archive below a second. */
export const ARCHIVE_LIMITS: ArchiveLimits = {
  archiveBytesMax: 64 * 1024 * 1024,
  inflatedBytesMax: 128 * 1024 * 1024,
  entriesMax: 5_000,
  entryBytesMax: 32 * 1024 * 1024,
  ratioMax: 100,
};

/** The folder npm puts everything into. */
const ROOT = 'package/';
const PATH_CHARACTERS_MAX = 240;
const PACKAGE_JSON_BYTES_MAX = 1024 * 1024;
/** Control, format (invisible, direction-changing), private and unassigned characters, the mark of repaired text, another system's separator. */
const FORBIDDEN = /[\p{C}\p{Zl}\p{Zp}\ufffd\\]/u;

/** Options of {@link readArchive}. */
export interface ReadArchiveOptions extends Partial<ArchiveLimits> {
  /**
   * The same bytes, by their digest, were read before and accepted: they are only decoded. A start reads a thousand artifacts in half the
   * time.
   */
  readonly known?: boolean;
}

/**
 * Reads an artifact.
 * @throws SluiceError `ARCHIVE_*` with `details.offset` and, where one is known, `details.path`.
 */
export function readArchive(bytes: Uint8Array, options: ReadArchiveOptions = {}): ArchiveContent {
  const caps = { ...ARCHIVE_LIMITS, ...options };
  const tar = gunzipStrict(bytes, caps);
  return (options.known === true ? decodeKnown(tar) : undefined) ?? readStrictly(tar, caps);
}

/** Undefined for what the short way does not understand. */
function decodeKnown(tar: Buffer): ArchiveContent | undefined {
  const found = readPlainTar(tar, ROOT);
  const packageJson = found?.get('package.json');
  if (found === undefined || packageJson === undefined) return undefined;
  return { packageJson: JSON.parse(packageJson.toString()) as unknown, entries: found };
}

function readStrictly(tar: Buffer, caps: ArchiveLimits): ArchiveContent {
  const entries = new Map<string, Uint8Array>();
  const taken = new NamesTaken();
  for (const { path, offset, content } of readTar(tar, caps.entryBytesMax)) {
    if (entries.size >= caps.entriesMax) {
      throw archiveRefusal('ARCHIVE_ENTRIES', `it has more than ${caps.entriesMax} entries`, { offset, path, expected: caps.entriesMax });
    }
    const relative = checkedPath(path, offset);
    taken.take(relative, offset);
    entries.set(relative, content);
  }
  return { packageJson: readPackageJson(entries.get('package.json')), entries };
}

function checkedPath(path: string, offset: number): string {
  const mistake = mistakeIn(path);
  if (mistake !== undefined) throw archiveRefusal('ARCHIVE_NAME', mistake, { offset, path });
  return path.slice(ROOT.length);
}

function mistakeIn(path: string): string | undefined {
  if (path.length > PATH_CHARACTERS_MAX) return `the name is longer than ${PATH_CHARACTERS_MAX} characters`;
  if (FORBIDDEN.test(path)) return 'the name has a control or invisible character or a backslash';
  if (path.startsWith('/')) return 'the name is absolute';
  if (!path.startsWith(ROOT)) return `the name is not under '${ROOT}'`;
  for (const segment of path.split('/')) {
    if (segment === '' || segment === '.' || segment === '..') return "the name has an empty segment, '.' or '..'";
  }
  return undefined;
}

/** Names that would fall on one file, or on a file and a folder, on some file system. */
class NamesTaken {
  private readonly files = new Set<string>();
  private readonly folders = new Set<string>();

  take(path: string, offset: number): void {
    // Case and Unicode form do not tell two files apart on macOS; toUpperCase also folds what toLowerCase leaves apart (ß, ſ).
    const name = path.normalize('NFKC').toUpperCase().toLowerCase().normalize('NFKC');
    const parents = [...name.matchAll(/\//g)].map((match) => name.slice(0, match.index));
    if (this.files.has(name)) throw archiveRefusal('ARCHIVE_DUPLICATE', 'the name is taken by an earlier entry', { offset, path });
    if (this.folders.has(name) || parents.some((parent) => this.files.has(parent))) {
      throw archiveRefusal('ARCHIVE_DUPLICATE', 'the name stands for a file and for a folder', { offset, path });
    }
    this.files.add(name);
    for (const parent of parents) this.folders.add(parent);
  }
}

function readPackageJson(bytes: Uint8Array | undefined): unknown {
  const position = { path: 'package.json', offset: 0 };
  if (bytes === undefined) throw archiveRefusal('ARCHIVE_PACKAGE_JSON', 'there is no such entry', position);
  if (bytes.length > PACKAGE_JSON_BYTES_MAX) throw archiveRefusal('ARCHIVE_PACKAGE_JSON', 'it is larger than 1 MB', position);
  try {
    return parseStrictJson(bytes);
  } catch (error) {
    if (!isSluiceError(error)) throw error;
    throw new SluiceError('ARCHIVE_PACKAGE_JSON', `package.json: ${error.message}`, {
      details: { ...position, ...error.details },
      httpStatus: 422,
      cause: error,
    });
  }
}
