/**
 * Writes an artifact that npm and tar read, the same bytes for the same entries: sorted, no times, no owners. `pack` and the test kit use it.
 * (The compressed form also depends on the zlib of the Node that runs; digests are compared between equal builds.)
 */
import { gzipPlain } from './gzip.js';
import { BLOCK_BYTES, headerChecksum } from './tar.js';

const NAME_BYTES = 100;
const PREFIX_BYTES = 155;

/** Entries by path relative to the package, e.g. `dist/bundle.cjs`. */
export type ArchiveEntries = ReadonlyMap<string, Uint8Array | string> | Readonly<Record<string, Uint8Array | string>>;

/** Writes an artifact. package.json comes first, the rest by name. */
export function writeArchive(entries: ArchiveEntries): Buffer {
  const list = entries instanceof Map ? [...entries] : Object.entries(entries);
  const blocks: Buffer[] = [];
  for (const [path, content] of list.sort(([a], [b]) => order(a, b))) {
    blocks.push(...entryBlocks(`package/${path}`, typeof content === 'string' ? Buffer.from(content) : content));
  }
  blocks.push(Buffer.alloc(2 * BLOCK_BYTES));
  return gzipPlain(Buffer.concat(blocks));
}

function order(a: string, b: string): number {
  if (a === b) return 0;
  if (a === 'package.json') return -1;
  if (b === 'package.json') return 1;
  return a < b ? -1 : 1;
}

/** The blocks of one regular file: extended header when its name is long, header, padded content. */
export function entryBlocks(path: string, content: Uint8Array): Buffer[] {
  const split = splitPath(path);
  if (split !== undefined) return [headerBlock(split.name, split.prefix, content.length, '0'), ...paddedBlocks(content)];
  const extended = extendedRecord('path', path);
  return [
    headerBlock('package/.extended-header', '', extended.length, 'x'),
    ...paddedBlocks(extended),
    headerBlock('package/long-name', '', content.length, '0'),
    ...paddedBlocks(content),
  ];
}

/** Name and prefix as ustar splits them, or undefined when they do not fit. */
function splitPath(path: string): { name: string; prefix: string } | undefined {
  if (Buffer.byteLength(path) <= NAME_BYTES) return { name: path, prefix: '' };
  for (let slash = path.indexOf('/'); slash >= 0; slash = path.indexOf('/', slash + 1)) {
    const prefix = path.slice(0, slash);
    const name = path.slice(slash + 1);
    if (Buffer.byteLength(name) <= NAME_BYTES && Buffer.byteLength(prefix) <= PREFIX_BYTES) return { name, prefix };
  }
  return undefined;
}

/** One header. Exported for tests, which write hostile ones with it. */
export function headerBlock(name: string, prefix: string, size: number, type: string, linkTarget = ''): Buffer {
  const block = Buffer.alloc(BLOCK_BYTES);
  block.write(name, 0, NAME_BYTES);
  block.write('0000644\x000000000\x000000000\x00', 100, 'latin1');
  block.write(`${size.toString(8).padStart(11, '0')}\0`, 124, 'latin1');
  block.write('00000000000\0', 136, 'latin1');
  block.write(type, 156, 'latin1');
  block.write(linkTarget, 157, NAME_BYTES);
  block.write('ustar\x0000', 257, 'latin1');
  block.write('0000000\x000000000\x00', 329, 'latin1');
  block.write(prefix, 345, PREFIX_BYTES);
  block.write(`${headerChecksum(block).toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

/** One record of an extended header; its length counts itself. */
export function extendedRecord(key: string, value: string): Buffer {
  const rest = Buffer.byteLength(` ${key}=${value}\n`);
  let length = rest + String(rest).length;
  if (rest + String(length).length !== length) length += 1;
  return Buffer.from(`${length} ${key}=${value}\n`);
}

function paddedBlocks(content: Uint8Array): Buffer[] {
  return [Buffer.from(content), Buffer.alloc((BLOCK_BYTES - (content.length % BLOCK_BYTES)) % BLOCK_BYTES)];
}
