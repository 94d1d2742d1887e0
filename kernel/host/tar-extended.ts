/**
 * Extended (pax) headers: records `<length> <key>=<value>\n`. Only the path may change what is read; times and owners are ignored,
 * a size must be the one of the header that follows, everything else is refused.
 */
import { archiveRefusal } from './archive-error.js';

/** Written by npm and tar beside the path; without meaning for an artifact. */
const IGNORED = new Set(['mtime', 'atime', 'ctime', 'uid', 'gid', 'uname', 'gname', 'comment']);
const IGNORED_FAMILY = /^(SCHILY|LIBARCHIVE|NODETAR)\.(dev|ino|nlink|creationtime|depth)$/;

/** The path an extended header gives to the next entry, or undefined. `next` is where the header of that entry begins. */
export function readExtendedHeader(content: Buffer, offset: number, tar: Buffer, next: number): string | undefined {
  const values = readRecords(content, offset);
  for (const key of values.keys()) {
    if (key === 'path' || key === 'size' || IGNORED.has(key) || IGNORED_FAMILY.test(key)) continue;
    throw archiveRefusal('ARCHIVE_HEADER', `the extended header key '${key}' is not allowed`, { offset, found: key });
  }
  const size = values.get('size');
  const declared = tar.toString('latin1', next + 124, next + 136).replaceAll(/[ \0]/g, '');
  if (size !== undefined && Number(size) !== Number.parseInt(declared, 8)) {
    throw archiveRefusal('ARCHIVE_HEADER', 'extended and plain header give different sizes', { offset, found: size, expected: declared });
  }
  return values.get('path');
}

function readRecords(content: Buffer, offset: number): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  for (let start = 0; start < content.length;) {
    const digits = /^([1-9]\d{0,4}) /.exec(content.toString('latin1', start, start + 6))?.[1];
    const end = start + Number(digits);
    if (digits === undefined || end > content.length || content[end - 1] !== 0x0a) {
      throw archiveRefusal('ARCHIVE_HEADER', 'a record of an extended header has a wrong length', { offset, found: start });
    }
    const text = decodeText(content.subarray(start + digits.length + 1, end - 1), offset);
    const equals = text.indexOf('=');
    const key = text.slice(0, Math.max(0, equals));
    if (key === '' || values.has(key)) {
      throw archiveRefusal('ARCHIVE_HEADER', `the extended header key '${key}' is empty or given twice`, { offset, found: key });
    }
    values.set(key, text.slice(equals + 1));
    start = end;
  }
  return values;
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Refuses what is not UTF-8: each reader would repair it differently. */
export function decodeText(bytes: Uint8Array, offset: number): string {
  try {
    return UTF8.decode(bytes);
  } catch {
    throw archiveRefusal('ARCHIVE_NAME', 'a name is not UTF-8', { offset });
  }
}
