/**
 * Strict tar, as `npm pack` writes it: POSIX ustar headers, regular files, extended headers only for long names.
 * Everything that two readers could understand differently is refused: other formats, links, folders, devices, base-256 numbers, sizes in
 * extended headers that differ, bytes behind names, non-zero padding, anything after the end.
 */
import { archiveRefusal } from './archive-error.js';
import { decodeText, readExtendedHeader } from './tar-extended.js';

/** Size of a header and unit of padding. */
export const BLOCK_BYTES = 512;
/** An extended header holds one path and times; a longer one is an attack. */
const EXTENDED_BYTES_MAX = 8 * 1024;

const TYPE_EXTENDED = 'x'.charCodeAt(0);

/** One regular file of a tar stream. */
export interface TarEntry {
  readonly path: string;
  /** Where its header begins. */
  readonly offset: number;
  /** Shares memory with the stream. */
  readonly content: Buffer;
}

interface Header {
  readonly path: string;
  readonly size: number;
  readonly type: string;
}

/** Yields the entries one by one. The caller counts and checks names. */
export function* readTar(tar: Buffer, entryBytesMax: number): Generator<TarEntry> {
  let offset = 0;
  let extendedPath: string | undefined;
  for (;;) {
    if (offset + BLOCK_BYTES > tar.length) throw archiveRefusal('ARCHIVE_TRUNCATED', 'the end marker is missing', { offset: tar.length });
    if (isZero(tar, offset, offset + BLOCK_BYTES)) break;
    const header = readHeader(tar, offset);
    const path = extendedPath ?? header.path;
    const content = readContent(tar, offset, header, path, entryBytesMax);
    if (header.type === 'x') {
      if (extendedPath !== undefined) throw archiveRefusal('ARCHIVE_HEADER', 'two extended headers in a row', { offset });
      extendedPath = readExtendedHeader(content, offset, tar, offset + paddedBytes(header.size) + BLOCK_BYTES);
    } else {
      yield { path, offset, content };
      extendedPath = undefined;
    }
    offset += BLOCK_BYTES + paddedBytes(header.size);
  }
  if (extendedPath !== undefined) throw archiveRefusal('ARCHIVE_HEADER', 'an extended header without its entry', { offset });
  checkEnd(tar, offset);
}

/**
 * The entries under a root folder of a stream that {@link readTar} accepted before, without checking it again. Undefined when it has
 * anything but short plain names.
 */
export function readPlainTar(tar: Buffer, root: string): Map<string, Buffer> | undefined {
  const entries = new Map<string, Buffer>();
  for (let offset = 0; offset + BLOCK_BYTES <= tar.length && tar[offset] !== 0;) {
    const nameEnd = tar.indexOf(0, offset);
    const name = tar.toString('latin1', offset, Math.min(nameEnd, offset + 100));
    const isPlain = tar[offset + 156] !== TYPE_EXTENDED && tar[offset + 345] === 0 && /^[ -~]+$/.test(name) && name.startsWith(root);
    if (!isPlain) return undefined;
    const size = Number.parseInt(tar.toString('latin1', offset + 124, offset + 136), 8);
    entries.set(name.slice(root.length), tar.subarray(offset + BLOCK_BYTES, offset + BLOCK_BYTES + size));
    offset += BLOCK_BYTES + paddedBytes(size);
  }
  return entries;
}

function readHeader(tar: Buffer, offset: number): Header {
  const block = tar.subarray(offset, offset + BLOCK_BYTES);
  checkChecksum(block, offset);
  if (block.toString('latin1', 257, 265) !== 'ustar\x0000') {
    throw archiveRefusal('ARCHIVE_HEADER', 'the entry is not in POSIX ustar format', {
      offset: offset + 257,
      found: JSON.stringify(block.toString('latin1', 257, 265)),
      expected: 'ustar',
    });
  }
  const name = readText(block, 0, 100, offset);
  const prefix = readText(block, 345, 155, offset);
  const path = prefix === '' ? name : `${prefix}/${name}`;
  const type = block.toString('latin1', 156, 157);
  if (type !== '0' && type !== '\0' && type !== 'x') {
    throw archiveRefusal('ARCHIVE_ENTRY_TYPE', `only regular files are allowed, this is ${kindOf(type)}`, { offset, path, found: type });
  }
  if (readText(block, 157, 100, offset) !== '') {
    throw archiveRefusal('ARCHIVE_ENTRY_TYPE', 'a regular file has a link target', { offset: offset + 157, path });
  }
  return { path, type, size: readOctal(block, 124, 12, offset) };
}

function kindOf(type: string): string {
  const kinds: Readonly<Record<string, string>> = {
    1: 'a hard link',
    2: 'a symbolic link',
    3: 'a character device',
    4: 'a block device',
    5: 'a folder',
    6: 'a pipe',
    L: 'a GNU long name',
    K: 'a GNU long link',
    S: 'a GNU sparse file',
    g: 'a global header',
  };
  return kinds[type] ?? `of the unknown type ${JSON.stringify(type)}`;
}

/** The sum of all bytes of a header, its own field counted as spaces. */
export function headerChecksum(block: Uint8Array): number {
  let sum = 0;
  for (let index = 0; index < BLOCK_BYTES; index += 1) sum += index >= 148 && index < 156 ? 32 : (block[index] ?? 0);
  return sum;
}

function checkChecksum(block: Buffer, offset: number): void {
  const expected = headerChecksum(block);
  const found = readOctal(block, 148, 8, offset);
  if (found !== expected) throw archiveRefusal('ARCHIVE_HEADER', 'the checksum of a header is wrong', { offset, found, expected });
}

/** Octal digits, then only spaces and NULs. */
function readOctal(block: Buffer, start: number, length: number, offset: number): number {
  const text = block.toString('latin1', start, start + length);
  const match = /^ *([0-7]+)[ \0]+$/.exec(text);
  if (match === null) {
    throw archiveRefusal('ARCHIVE_HEADER', 'a number in a header is not octal digits', {
      offset: offset + start,
      found: JSON.stringify(text),
    });
  }
  return Number.parseInt(String(match[1]), 8);
}

/** Text up to the first NUL; behind it only NULs. */
function readText(block: Buffer, start: number, length: number, offset: number): string {
  const field = block.subarray(start, start + length);
  const end = field.indexOf(0);
  if (end < 0) return decodeText(field, offset + start);
  if (!isZero(field, end, length)) {
    throw archiveRefusal('ARCHIVE_HEADER', 'a name in a header has bytes behind its end', { offset: offset + start + end });
  }
  return decodeText(field.subarray(0, end), offset + start);
}

function readContent(tar: Buffer, offset: number, header: Header, path: string, entryBytesMax: number): Buffer {
  const limit = header.type === 'x' ? EXTENDED_BYTES_MAX : entryBytesMax;
  const { size } = header;
  if (size > limit) {
    throw archiveRefusal('ARCHIVE_TOO_LARGE', `an entry has ${size} bytes, at most ${limit} are allowed`, {
      offset,
      path,
      found: size,
      expected: limit,
    });
  }
  const start = offset + BLOCK_BYTES;
  if (start + paddedBytes(size) > tar.length) {
    throw archiveRefusal('ARCHIVE_TRUNCATED', 'an entry is longer than the archive', {
      offset,
      path,
      found: tar.length - start,
      expected: size,
    });
  }
  if (!isZero(tar, start + size, start + paddedBytes(size))) {
    throw archiveRefusal('ARCHIVE_HEADER', 'the padding of an entry is not empty', { offset: start + size, path });
  }
  return tar.subarray(start, start + size);
}

function checkEnd(tar: Buffer, offset: number): void {
  if (tar.length - offset < 2 * BLOCK_BYTES)
    throw archiveRefusal('ARCHIVE_TRUNCATED', 'half of the end marker is missing', { offset: tar.length });
  if (tar.length % BLOCK_BYTES !== 0)
    throw archiveRefusal('ARCHIVE_TRAILING', 'the archive does not end at a block', { offset: tar.length });
  if (!isZero(tar, offset, tar.length)) throw archiveRefusal('ARCHIVE_TRAILING', 'something follows the end marker', { offset });
}

function paddedBytes(size: number): number {
  return Math.ceil(size / BLOCK_BYTES) * BLOCK_BYTES;
}

const ZEROS = Buffer.alloc(64 * 1024);

function isZero(bytes: Buffer, start: number, end: number): boolean {
  for (let from = start; from < end; from += ZEROS.length) {
    const to = Math.min(end, from + ZEROS.length);
    if (bytes.compare(ZEROS, 0, to - from, from, to) !== 0) return false;
  }
  return true;
}
