/**
 * Mutated and garbage manifests against the manifest reader: none may crash it, keep it busy for a second, be accepted with a mistake in
 * it, or be refused without a code and a place. `node build/test/fuzz/manifests.js [count] [seed]` prints the figures; the default suite
 * runs 500. Every case is made from the seed and its own number: `node build/test/fuzz/manifests.js 1 <seed + number>` replays one.
 */
import { parseManifest, type ManifestResult } from '@sluice/kernel/model/index';

/** What a run found. */
export interface ManifestFuzzReport {
  readonly count: number;
  readonly seed: number;
  readonly accepted: number;
  readonly refused: number;
  /** Mistakes by code. */
  readonly codes: Readonly<Record<string, number>>;
  readonly slowestMs: number;
  readonly rssGrowthBytes: number;
  /** What must not be: empty when all is well. */
  readonly failures: readonly string[];
}

const SLOW_MS = 1_000;

/** Runs `count` cases. */
export function fuzzManifests(count: number, seed: number): ManifestFuzzReport {
  const run = new FuzzRun();
  for (let index = 0; index < count; index++) run.runCase(seed + index);
  const { accepted, refused, codes, slowestMs, failures } = run;
  return { count, seed, accepted, refused, codes, slowestMs, rssGrowthBytes: run.rssMax - run.rssBefore, failures };
}

class FuzzRun {
  accepted = 0;
  refused = 0;
  slowestMs = 0;
  readonly codes: Record<string, number> = {};
  readonly failures: string[] = [];
  readonly rssBefore = process.memoryUsage.rss();
  rssMax = this.rssBefore;

  runCase(caseSeed: number): void {
    const document = documentOf(new Random(caseSeed));
    const begin = process.hrtime.bigint();
    let result: ManifestResult;
    try {
      result = parseManifest(document);
    } catch (error) {
      this.failures.push(`case ${caseSeed}: crashed with ${String(error)}`);
      return;
    }
    const elapsedMs = Number(process.hrtime.bigint() - begin) / 1e6;
    this.slowestMs = Math.max(this.slowestMs, elapsedMs);
    if (elapsedMs > SLOW_MS) this.failures.push(`case ${caseSeed}: took ${elapsedMs.toFixed(0)} ms`);
    if (result.ok) this.accept(caseSeed, result);
    else this.refuse(caseSeed, result);
    if (caseSeed % 256 === 0) this.rssMax = Math.max(this.rssMax, process.memoryUsage.rss());
  }

  private accept(caseSeed: number, { manifest }: Extract<ManifestResult, { ok: true }>): void {
    this.accepted++;
    const paths = [manifest.main, ...Object.values(manifest.exports)];
    if (paths.some((path) => path.startsWith('/') || path.split('/').includes('..')))
      this.failures.push(`case ${caseSeed}: accepted a path that leads out`);
    if (!Number.isInteger(manifest.startLevel)) this.failures.push(`case ${caseSeed}: accepted a start level that is no number`);
    if (Object.getPrototypeOf(manifest.raw) !== Object.prototype)
      this.failures.push(`case ${caseSeed}: the document has another prototype`);
  }

  private refuse(caseSeed: number, { mistakes }: Extract<ManifestResult, { ok: false }>): void {
    this.refused++;
    if (mistakes.length === 0) this.failures.push(`case ${caseSeed}: refused without a mistake`);
    for (const { code, path, message } of mistakes) {
      this.codes[code] = (this.codes[code] ?? 0) + 1;
      if (code === undefined || path === '' || message.length > 2_000)
        this.failures.push(`case ${caseSeed}: a mistake without code or place, or too long: ${message}`);
    }
  }
}

/** A document: a good manifest with some mutations, or garbage. */
function documentOf(random: Random): unknown {
  if (random.below(10) === 0) return valueOf(random, 5);
  const document = structuredClone(GOOD) as Record<string, unknown>;
  for (let mutations = random.below(5); mutations > 0; mutations--) mutate(random, document);
  return document;
}

/** Changes, removes or adds one member somewhere in a document. */
function mutate(random: Random, document: Record<string, unknown>): void {
  let holder: Record<string, unknown> | unknown[] = document;
  for (let depth = random.below(5); depth > 0; depth--) {
    const inner: unknown[] = Object.values(holder).filter((value) => typeof value === 'object' && value !== null);
    if (inner.length === 0) break;
    holder = random.pick(inner) as Record<string, unknown>;
  }
  const target = holder as Record<string, unknown>;
  const keys = Object.keys(target);
  const key = keys.length === 0 || random.below(4) === 0 ? random.pick(KEYS) : random.pick(keys);
  const kind = random.below(4);
  if (kind === 0) delete target[key];
  else define(target, key, kind === 1 && typeof target[key] === 'string' ? scrambled(random, target[key]) : valueOf(random, 3));
}

/** Sets an own member, also one called `__proto__`, as JSON.parse does. */
function define(target: object, key: string, value: unknown): void {
  if (Array.isArray(target) && !/^\d+$/.test(key)) return;
  Object.defineProperty(target, key, { value, enumerable: true, writable: true, configurable: true });
}

function scrambled(random: Random, text: string): string {
  const at = random.below(text.length + 1);
  return text.slice(0, at) + random.pick(TEXTS) + text.slice(at + random.below(3));
}

function valueOf(random: Random, depth: number): unknown {
  switch (random.below(depth > 0 ? 12 : 8)) {
    case 0:
      return null;
    case 1:
      return random.below(2) === 0;
    case 2:
      return random.pick(NUMBERS);
    case 3:
      return random.pick(TEXTS).repeat(random.pick([1, 2, 50, 3_000]));
    case 8:
    case 9:
      return Array.from({ length: random.below(6) }, () => valueOf(random, depth - 1));
    case 10: {
      const object = {};
      for (let members = random.below(6); members > 0; members--) define(object, random.pick(KEYS), valueOf(random, depth - 1));
      return object;
    }
    case 11:
      return nested(random.pick([10, 63, 64, 65, 5_000]));
    default:
      return random.pick(TEXTS);
  }
}

function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < depth; level++) value = level % 2 === 0 ? [value] : { a: value };
  return value;
}

const GOOD: unknown = {
  name: '@bank/core-ledger',
  version: '1.2.3',
  description: 'Accounts and postings.',
  license: 'Apache-2.0',
  dependencies: { '@bank/money': '^1.0.0' },
  sluice: {
    sdk: '^1.0.0',
    symbolicName: 'core.ledger',
    family: 'core',
    main: 'dist/bundle.cjs',
    provides: [
      { contract: 'core.ledger.Balances', version: '1.2.0', attributes: { currency: ['CNY'] }, methods: { get: { args: [], result: {} } } },
    ],
    requires: [{ contract: 'core.ids.Ids', range: '[1.2,2)', filter: '(&(fast=true)(!(test=*)))', optional: true }],
    capabilities: [{ namespace: 'bank.region', attributes: { region: 'eu' } }],
    requirements: [{ namespace: 'bank.zone', filter: '(zone~=a)', multiple: true }],
    exports: { '@bank/money': 'dist/money.cjs' },
    imports: { '@bank/ids': '^1.0.0', '@bank/tax': { range: '^2.0.0', optional: true } },
    singleton: true,
    startLevel: 10,
    activation: 'lazy',
    isolation: 'inline',
    http: { mount: '/api/ledger' },
    config: { schema: { type: 'object', properties: { limit: { type: 'integer' } } }, defaults: { limit: 3 } },
    permissions: { builtins: ['node:crypto'], network: ['db.example.com'] },
    stopTimeoutMs: 2_000,
    stateVersion: 1,
  },
};

const KEYS = [
  'sdk',
  'symbolicName',
  'family',
  'main',
  'provides',
  'requires',
  'contract',
  'range',
  'filter',
  'version',
  'attributes',
  'namespace',
  'exports',
  'imports',
  'startLevel',
  'startlevel',
  'http',
  'mount',
  'config',
  'schema',
  'permissions',
  'builtins',
  'sluice',
  'name',
  'a',
  '',
  '0',
  '1',
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  '$ref',
  'ключ',
  'x'.repeat(300),
  '../x',
  '@a/b',
  'Version',
  'VERSION',
];
const TEXTS = [
  '',
  ' ',
  'a',
  '1',
  '1.2.3',
  '1.2.3-',
  '^1.0.0',
  '[1,2)',
  '(a=1)',
  '(a=',
  '((',
  '*',
  '||',
  '>=1 <0',
  '../..',
  '/etc/passwd',
  'a\\b',
  '\0',
  '\n',
  'C:/',
  'é',
  '\ud800',
  '(&',
  '\\ff',
  '(!',
  '99999999999999999999',
  '__proto__',
  'kernel',
  'eager',
  'system',
  '-',
  '.',
  'x',
  '(a=\\c3',
  '~',
  '<',
  '1.2.3.q',
  '@a/b',
];
const NUMBERS = [0, 1, -1, 1.5, 100, 101, 1e308, -0, 2 ** 53, 600_001];

/** Numbers that depend on the seed alone (xorshift32 over a scrambled seed). */
class Random {
  private state: number;

  constructor(seed: number) {
    this.state = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) | 1;
    for (let round = 0; round < 4; round++) this.next();
  }

  below(limit: number): number {
    return this.next() % limit;
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)] as T;
  }

  private next(): number {
    this.state ^= this.state << 13;
    this.state ^= this.state >>> 17;
    this.state ^= this.state << 5;
    return this.state >>> 0;
  }
}

if (require.main === module) {
  const count = Number(process.argv[2] ?? 10_000);
  const seed = Number(process.argv[3] ?? Date.now() % 1_000_000);
  const report = fuzzManifests(count, seed);
  console.log(JSON.stringify(report, null, 2));
  process.exitCode = report.failures.length === 0 ? 0 : 1;
}
