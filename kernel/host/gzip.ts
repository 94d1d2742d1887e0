/**
 * Strict gzip: exactly one member, no optional header fields but a file name, checksum and size verified, nothing behind it.
 * Node's own gunzip joins several members and ignores what follows; both can hide content from one reader and show it to another.
 */
import { constants, crc32, deflateRawSync, inflateRawSync } from 'node:zlib';
import { archiveRefusal } from './archive-error.js';
import type { ArchiveLimits } from './ports.js';

const HEADER_BYTES = 10;
const TRAILER_BYTES = 8;
const FLAG_NAME = 8;
const NAME_BYTES_MAX = 256;
const CHUNK_BYTES_MIN = 4 * 1024;
const CHUNK_BYTES_MAX = 1024 * 1024;
/** Below this size the ratio says nothing: a page of zeros is small, too. */
const RATIO_FREE_BYTES = 1024 * 1024;

/** The content of one gzip member. Stops inflating at the cap. */
export function gunzipStrict(bytes: Uint8Array, limits: ArchiveLimits): Buffer {
  const input = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (input.length > limits.archiveBytesMax) {
    throw archiveRefusal('ARCHIVE_TOO_LARGE', `it has ${input.length} bytes, at most ${limits.archiveBytesMax} are allowed`, {
      offset: limits.archiveBytesMax,
      found: input.length,
      expected: limits.archiveBytesMax,
    });
  }
  const start = bodyStart(input);
  const trailer = input.length - TRAILER_BYTES;
  const { output, consumed } = inflate(input.subarray(start, trailer), start, input.length, limits);
  if (start + consumed !== trailer) {
    throw archiveRefusal('ARCHIVE_TRAILING', 'bytes follow the end of the compressed data', { offset: start + consumed + TRAILER_BYTES });
  }
  if (input.readUInt32LE(trailer) !== crc32(output)) throw archiveRefusal('ARCHIVE_GZIP', 'the checksum is wrong', { offset: trailer });
  if (input.readUInt32LE(trailer + 4) !== output.length % 2 ** 32) {
    throw archiveRefusal('ARCHIVE_GZIP', 'the recorded size is wrong', { offset: trailer + 4 });
  }
  return output;
}

function bodyStart(input: Buffer): number {
  if (input.length < HEADER_BYTES + TRAILER_BYTES) {
    throw archiveRefusal('ARCHIVE_TRUNCATED', 'it is shorter than the smallest gzip file', { offset: input.length });
  }
  if (input[0] !== 0x1f || input[1] !== 0x8b || input[2] !== 8) {
    throw archiveRefusal('ARCHIVE_GZIP', 'it is not a gzip file', { offset: 0 });
  }
  const flags = input[3] ?? 0;
  if ((flags & ~FLAG_NAME) !== 0) throw archiveRefusal('ARCHIVE_GZIP', 'its header has optional fields', { offset: 3, found: flags });
  if (flags === 0) return HEADER_BYTES;
  const end = input.subarray(0, HEADER_BYTES + NAME_BYTES_MAX).indexOf(0, HEADER_BYTES);
  if (end < 0 || end + 1 > input.length - TRAILER_BYTES) {
    throw archiveRefusal('ARCHIVE_GZIP', 'the file name in its header has no end', { offset: HEADER_BYTES });
  }
  return end + 1;
}

function inflate(body: Buffer, start: number, archiveBytes: number, limits: ArchiveLimits): { output: Buffer; consumed: number } {
  const cap = Math.min(limits.inflatedBytesMax, Math.max(RATIO_FREE_BYTES, archiveBytes * limits.ratioMax));
  try {
    // One allocation where the guess is right; zlib's default would make thousands of small ones.
    const chunkSize = Math.min(CHUNK_BYTES_MAX, Math.max(CHUNK_BYTES_MIN, body.length * 4));
    const { buffer, engine } = inflateRawSync(body, { chunkSize, maxOutputLength: cap, info: true }) as unknown as {
      buffer: Buffer;
      engine: { bytesWritten: number };
    };
    return { output: buffer, consumed: engine.bytesWritten };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ERR_BUFFER_TOO_LARGE') {
      throw archiveRefusal('ARCHIVE_BOMB', `it inflates to more than ${cap} bytes`, { offset: start, found: archiveBytes, expected: cap });
    }
    if (code === 'Z_BUF_ERROR')
      throw archiveRefusal('ARCHIVE_TRUNCATED', 'the compressed data ends early', { offset: start + body.length });
    throw archiveRefusal('ARCHIVE_GZIP', `the compressed data is damaged (${message})`, { offset: start });
  }
}

/** Compresses into one member whose header says nothing about when and where. */
export function gzipPlain(bytes: Uint8Array): Buffer {
  const header = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 255]);
  const trailer = Buffer.alloc(TRAILER_BYTES);
  trailer.writeUInt32LE(crc32(bytes), 0);
  trailer.writeUInt32LE(bytes.length % 2 ** 32, 4);
  return Buffer.concat([header, deflateRawSync(bytes, { level: constants.Z_BEST_COMPRESSION }), trailer]);
}
