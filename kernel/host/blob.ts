/** Blobs and the digests they are stored under. Pure. */
import { createHash } from 'node:crypto';
import { SluiceError } from '@sluice/sdk';

/** One blob with its digest. */
export interface Blob {
  readonly digest: string;
  readonly bytes: Uint8Array;
}

/** The digest under which bytes are stored. */
export function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** True for a SHA-256 in lower-case hex. */
export function isDigest(text: string): boolean {
  return /^[0-9a-f]{64}$/.test(text);
}

/**
 * A digest becomes a file name: anything but 64 hex digits could name a file outside the store.
 * @throws SluiceError `STORE_DIGEST_INVALID`.
 */
export function checkDigest(digest: string): void {
  if (!isDigest(digest)) {
    throw new SluiceError('STORE_DIGEST_INVALID', `'${digest}' is not a SHA-256 digest: expected 64 lower-case hex digits`, {
      details: { digest },
    });
  }
}

/**
 * The bytes read for a digest, hashed again.
 * @throws SluiceError `STORE_BLOB_MISSING`, `STORE_DIGEST_MISMATCH`.
 */
export function checkedBlob(digest: string, bytes: Buffer | undefined): Buffer {
  if (bytes === undefined) {
    throw new SluiceError('STORE_BLOB_MISSING', `Blob ${digest} is not in the store`, {
      details: { digest },
      remedy: 'Deploy the artifact again.',
    });
  }
  const found = digestOf(bytes);
  if (found !== digest) {
    throw new SluiceError('STORE_DIGEST_MISMATCH', `Blob ${digest} is damaged: its bytes hash to ${found}`, {
      details: { digest, found, bytes: bytes.length },
      remedy: 'Deploy the artifact again and check the disk.',
    });
  }
  return bytes;
}
