/**
 * Whether bytes are a whole tar archive. Pure, and no more than that: what may be in an artifact is the kernel's question.
 * A tar ends with a block of zeros; entries are 512 bytes of header and their content in whole blocks.
 */

/** What a look at the bytes says. */
export type Completeness = 'complete' | 'incomplete' | { readonly bad: string };

const BLOCK = 512;

/** Walks over all entries. */
export function walkTar(bytes: Uint8Array): Completeness {
  let offset = 0;
  while (offset + BLOCK <= bytes.length) {
    const header = bytes.subarray(offset, offset + BLOCK);
    if (header.every((byte) => byte === 0)) return offset === 0 ? { bad: 'an archive without entries' } : 'complete';
    if (!hasRightChecksum(header)) return { bad: `no tar header at byte ${offset}` };
    const size = numberAt(header, 124, 12);
    if (size === null) return { bad: `a tar header without a size at byte ${offset}` };
    offset += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
  }
  return 'incomplete';
}

// The checksum counts its own eight bytes as spaces.
function hasRightChecksum(header: Uint8Array): boolean {
  let sum = 0;
  for (const [index, byte] of header.entries()) sum += index >= 148 && index < 156 ? 32 : byte;
  return numberAt(header, 148, 8) === sum;
}

function numberAt(header: Uint8Array, from: number, length: number): number | null {
  const text = Buffer.from(header.subarray(from, from + length))
    .toString('latin1')
    .replace(/[\0 ]+$/, '')
    .trim();
  return /^[0-7]+$/.test(text) ? Number.parseInt(text, 8) : null;
}
