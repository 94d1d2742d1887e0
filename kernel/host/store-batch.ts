/**
 * How several blobs are made durable with one sync: as one file that holds them all, `staging/<random>.batch`. As long as it exists, the
 * single files may still be missing or torn on the disk; opening the store restores them from it.
 * Format: for each blob its digest (64 hex digits), its length (12 digits) and its bytes. What does not hash to its digest was torn by a
 * crash, and nobody was told that it is stored.
 */
import { type Blob, digestOf } from './blob.js';

const DIGEST_BYTES = 64;
const LENGTH_BYTES = 12;

/** The batch file of some blobs. */
export function encodeBatch(blobs: readonly Blob[]): Buffer {
  const parts = blobs.flatMap(({ digest, bytes }) => [
    Buffer.from(`${digest}${String(bytes.length).padStart(LENGTH_BYTES, '0')}`, 'latin1'),
    bytes,
  ]);
  return Buffer.concat(parts);
}

/** The blobs of a batch file that are whole. */
export function decodeBatch(batch: Buffer): Blob[] {
  const blobs: Blob[] = [];
  let position = 0;
  while (position + DIGEST_BYTES + LENGTH_BYTES <= batch.length) {
    const start = position + DIGEST_BYTES + LENGTH_BYTES;
    const length = batch.toString('latin1', position + DIGEST_BYTES, start);
    if (!/^\d+$/.test(length)) break;
    const bytes = batch.subarray(start, start + Number(length));
    const digest = batch.toString('latin1', position, position + DIGEST_BYTES);
    if (digestOf(bytes) === digest) blobs.push({ digest, bytes });
    position = start + Number(length);
  }
  return blobs;
}
