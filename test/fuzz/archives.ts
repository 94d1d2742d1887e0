/**
 * Mutated archives against the archive reader: none may crash it, keep it busy for a second, make it write a file, or be accepted with
 * another content. `node build/test/fuzz/archives.js [count] [seed]` prints the figures; the default suite runs 500.
 * Every case is made from the seed and its own number: `node build/test/fuzz/archives.js 1 <seed + number>` replays one.
 */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isSluiceError } from '@sluice/sdk';
import { readArchive } from '@sluice/kernel/host/archive';
import { entryBlocks, extendedRecord, headerBlock } from '@sluice/kernel/host/archive-writer';
import { gzipPlain } from '@sluice/kernel/host/gzip';

/** What a run found. */
export interface FuzzReport {
  readonly count: number;
  readonly seed: number;
  readonly refused: number;
  readonly acceptedIdentical: number;
  /** Refusals by code. */
  readonly codes: Readonly<Record<string, number>>;
  readonly slowestMs: number;
  readonly rssGrowthBytes: number;
  /** What must not be: empty when all is well. */
  readonly failures: readonly string[];
}

const SLOW_MS = 1_000;
const BLOCK = 512;

/** Runs `count` cases. Synchronous; the working folder is a fresh one meanwhile. */
export function fuzzArchives(count: number, seed: number): FuzzReport {
  const sandbox = mkdtempSync(join(tmpdir(), 'sluice-fuzz-'));
  const previous = process.cwd();
  const run = new FuzzRun();
  process.chdir(sandbox);
  try {
    for (let index = 0; index < count; index += 1) run.runCase(seed + index);
    const written = readdirSync(sandbox);
    if (written.length > 0) run.failures.push(`files were written: ${written.join(', ')}`);
  } finally {
    process.chdir(previous);
    rmSync(sandbox, { recursive: true });
  }
  const { refused, acceptedIdentical, codes, slowestMs, failures } = run;
  return { count, seed, refused, acceptedIdentical, codes, slowestMs, rssGrowthBytes: run.rssMax - run.rssBefore, failures };
}

class FuzzRun {
  refused = 0;
  acceptedIdentical = 0;
  slowestMs = 0;
  readonly codes: Record<string, number> = {};
  readonly failures: string[] = [];
  readonly rssBefore = process.memoryUsage.rss();
  rssMax = this.rssBefore;

  runCase(caseSeed: number): void {
    const random = new Random(caseSeed);
    const original = originalArchive(random);
    const mutation = random.pick(MUTATIONS);
    const mutated = mutation.apply(original, random);
    // Processor time: on a shared machine the clock also measures the neighbours.
    const started = process.cpuUsage();
    try {
      const { entries } = readArchive(mutated);
      if (sameEntries(entries, original.entries)) this.acceptedIdentical += 1;
      else this.failures.push(`case ${caseSeed} (${mutation.name}): accepted with another content`);
    } catch (error) {
      this.countRefusal(error, caseSeed, mutation.name);
    }
    const { user, system } = process.cpuUsage(started);
    const elapsedMs = (user + system) / 1_000;
    this.slowestMs = Math.max(this.slowestMs, elapsedMs);
    this.rssMax = Math.max(this.rssMax, process.memoryUsage.rss());
    if (elapsedMs > SLOW_MS) this.failures.push(`case ${caseSeed} (${mutation.name}): took ${Math.round(elapsedMs)} ms`);
  }

  private countRefusal(error: unknown, caseSeed: number, mutation: string): void {
    const place = isSluiceError(error) ? error.details['offset'] : undefined;
    if (isSluiceError(error) && error.code.startsWith('ARCHIVE_') && typeof place === 'number') {
      this.refused += 1;
      this.codes[error.code] = (this.codes[error.code] ?? 0) + 1;
      return;
    }
    this.failures.push(`case ${caseSeed} (${mutation}): not refused with a code and a place, but ${String(error)}`);
  }
}

interface Original {
  readonly entries: ReadonlyMap<string, Buffer>;
  readonly tar: Buffer;
  readonly archive: Buffer;
  /** Where each header begins. */
  readonly headers: readonly number[];
}

/** A valid archive of a few entries, none of them empty, so that a lost block is never a smaller valid archive. */
function originalArchive(random: Random): Original {
  const entries = new Map<string, Buffer>([['package.json', Buffer.from(`{"name":"fuzz-${random.below(100)}","version":"1.0.0"}`)]]);
  for (let number = 1 + random.below(5); number > 0; number -= 1) {
    const folder = random.pick(['dist/', 'public/', 'migrations/', '', 'deep/'.repeat(30)]);
    entries.set(`${folder}file-${number}${random.pick(['.js', '.txt', `-${'n'.repeat(110)}`])}`, random.bytes(1 + random.below(2_000)));
  }
  const headers: number[] = [];
  const blocks: Buffer[] = [];
  let length = 0;
  for (const [path, content] of entries) {
    headers.push(length);
    for (const block of entryBlocks(`package/${path}`, content)) {
      blocks.push(block);
      length += block.length;
    }
  }
  const tar = Buffer.concat([...blocks, Buffer.alloc(2 * BLOCK)]);
  return { entries, tar, archive: gzipPlain(tar), headers };
}

function sameEntries(found: ReadonlyMap<string, Uint8Array>, expected: ReadonlyMap<string, Buffer>): boolean {
  return found.size === expected.size && [...expected].every(([path, content]) => content.equals(found.get(path) ?? Buffer.from('\0')));
}

interface Mutation {
  readonly name: string;
  apply(original: Original, random: Random): Buffer;
}

const HOSTILE_NAMES = [
  '../../outside',
  'package/../../outside',
  '/etc/outside',
  'package/a/../../../outside',
  'package\\..\\outside',
  'package/\u202etxt.sjc',
  'package/nul\u0000.js',
  'package/',
  'package//x',
  'package/./x',
  'C:/outside',
  'other/x',
  'package/\u200b',
  'package/\ud800x',
];

const HOSTILE_JSON = [
  '{"name":"x","name":"y"}',
  '{"__proto__":{"polluted":true}}',
  '['.repeat(50_000),
  '{"a":'.repeat(1_000),
  '"\\"'.repeat(30_000),
  '\uFEFF{}',
  '{"name":"x"',
  '',
];

const MUTATIONS: readonly Mutation[] = [
  { name: 'bits of the compressed file', apply: ({ archive }, random) => random.flipBits(archive, 0, archive.length) },
  { name: 'bits of the gzip header', apply: ({ archive }, random) => random.flipBits(archive, 0, 10) },
  { name: 'bits of the gzip trailer', apply: ({ archive }, random) => random.flipBits(archive, archive.length - 8, archive.length) },
  { name: 'cut', apply: ({ archive }, random) => archive.subarray(0, random.below(archive.length)) },
  { name: 'bytes behind', apply: ({ archive }, random) => Buffer.concat([archive, random.bytes(1 + random.below(600))]) },
  { name: 'a second member', apply: ({ archive }) => Buffer.concat([archive, archive]) },
  { name: 'noise', apply: (_, random) => random.bytes(random.below(3_000)) },
  { name: 'noise inside gzip', apply: (_, random) => gzipPlain(random.bytes(random.below(3_000))) },
  { name: 'bits of a header', apply: ({ tar, headers }, random) => flipInHeader(tar, random.pick(headers), random) },
  { name: 'bits of the end', apply: ({ tar }, random) => gzipPlain(random.flipBits(tar, tar.length - 2 * BLOCK, tar.length)) },
  { name: 'cut tar', apply: ({ tar }, random) => gzipPlain(tar.subarray(0, random.below(tar.length - 2 * BLOCK))) },
  { name: 'a lost block', apply: ({ tar }, random) => withoutBlock(tar, random) },
  { name: 'a doubled block', apply: ({ tar }, random) => doubledBlock(tar, random) },
  { name: 'an entry twice', apply: (original, random) => inserted(original, entryAgain(original, random), random) },
  {
    name: 'a hostile name',
    apply: (original, random) => inserted(original, [headerBlock(random.pick(HOSTILE_NAMES), '', 0, '0')], random),
  },
  {
    name: 'a hostile long name',
    apply: (original, random) => inserted(original, extendedEntry('path', random.pick(HOSTILE_NAMES)), random),
  },
  {
    name: 'a hostile extended key',
    apply: (original, random) => inserted(original, extendedEntry(random.pick(['linkpath', 'size', 'GNU.sparse.size', 'x']), '77'), random),
  },
  {
    name: 'a link or device',
    apply: (original, random) =>
      inserted(original, [headerBlock('package/link', '', 0, random.pick('123456LKSgVx'.split('')), '../../outside')], random),
  },
  {
    name: 'a size that lies',
    apply: (original, random) =>
      inserted(original, [headerBlock('package/liar', '', random.pick([513, 1 << 20, 0o77777777777]), '0'), random.bytes(BLOCK)], random),
  },
  {
    name: 'a bomb',
    apply: (_, random) => bombOf(2 + random.below(8)),
  },
  { name: 'many entries', apply: () => (crowd ??= gzipPlain(Buffer.concat([...manyEntries(), Buffer.alloc(2 * BLOCK)]))) },
  {
    name: 'a hostile package.json',
    apply: (_, random) =>
      gzipPlain(Buffer.concat([...entryBlocks('package/package.json', Buffer.from(random.pick(HOSTILE_JSON))), Buffer.alloc(2 * BLOCK)])),
  },
];

function flipInHeader(tar: Buffer, header: number, random: Random): Buffer {
  return gzipPlain(random.flipBits(tar, header, header + BLOCK));
}

function withoutBlock(tar: Buffer, random: Random): Buffer {
  const at = random.below(tar.length / BLOCK - 2) * BLOCK;
  return gzipPlain(Buffer.concat([tar.subarray(0, at), tar.subarray(at + BLOCK)]));
}

function doubledBlock(tar: Buffer, random: Random): Buffer {
  const at = random.below(tar.length / BLOCK - 2) * BLOCK;
  return gzipPlain(Buffer.concat([tar.subarray(0, at + BLOCK), tar.subarray(at)]));
}

function entryAgain({ entries }: Original, random: Random): Buffer[] {
  const path = random.pick([...entries.keys()]);
  return entryBlocks(`package/${random.pick([path, path.toUpperCase(), `${path}/inside`])}`, Buffer.from('again'));
}

function extendedEntry(key: string, value: string): Buffer[] {
  const record = extendedRecord(key, value);
  return [
    headerBlock('x', '', record.length, 'x'),
    record,
    Buffer.alloc(BLOCK - record.length),
    ...entryBlocks('package/named', Buffer.from('x')),
  ];
}

let crowd: Buffer | undefined;

function manyEntries(): Buffer[] {
  return Array.from({ length: 5_001 }, (_, number) => headerBlock(`package/${number}`, '', 0, '0'));
}

const bombs = new Map<number, Buffer>();

/** An archive that is small until it is inflated. Made once per size: making one costs more than refusing it. */
function bombOf(megabytes: number): Buffer {
  let bomb = bombs.get(megabytes);
  if (bomb === undefined) {
    bomb = gzipPlain(Buffer.concat([...entryBlocks('package/bomb', Buffer.alloc(megabytes * 1024 * 1024)), Buffer.alloc(2 * BLOCK)]));
    bombs.set(megabytes, bomb);
  }
  return bomb;
}

/** Puts blocks before a random entry, or at the end. */
function inserted({ tar, headers }: Original, blocks: readonly Buffer[], random: Random): Buffer {
  const at = random.pick([...headers, tar.length - 2 * BLOCK]);
  return gzipPlain(Buffer.concat([tar.subarray(0, at), ...blocks, tar.subarray(at)]));
}

/** Numbers that a seed determines (mulberry32). */
class Random {
  private state: number;

  constructor(seed: number) {
    this.state = seed >>> 0;
  }

  below(bound: number): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * bound);
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }

  bytes(length: number): Buffer {
    const bytes = Buffer.alloc(length);
    for (let at = 0; at < length; at += 1) bytes[at] = this.below(256);
    return bytes;
  }

  /** A copy with one to eight bits of a region flipped. */
  flipBits(bytes: Buffer, start: number, end: number): Buffer {
    const copy = Buffer.from(bytes);
    for (let flips = 1 + this.below(8); flips > 0; flips -= 1) {
      const at = start + this.below(end - start);
      copy[at] = (copy[at] ?? 0) ^ (1 << this.below(8));
    }
    return copy;
  }
}

if (require.main === module) {
  const count = Number(process.argv[2] ?? 10_000);
  const seed = Number(process.argv[3] ?? Date.now() % 1_000_000);
  const started = performance.now();
  const { failures, ...figures } = fuzzArchives(count, seed);
  process.stdout.write(`${JSON.stringify({ ...figures, seconds: Math.round((performance.now() - started) / 100) / 10 }, null, 2)}\n`);
  for (const failure of failures) process.stdout.write(`${failure}\n`);
  process.exitCode = failures.length === 0 ? 0 : 1;
}
