/**
 * 1,000 archives and signature files that are not what was signed, against a real kernel that requires signatures: none is let in. The one that
 * was signed is, before and after. SLUICE_SEED replays a run.
 */
import { deepStrictEqual as equal } from 'node:assert';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { startKernel, type RunningKernel } from '@sluice/kernel/host/runtime';
import { createKeyPair } from '@sluice/kernel/trust/key';
import { decodeSignatures, encodeSignatures, type ArtifactSignature } from '@sluice/kernel/trust/signature';
import { bundleOf, signatureOf, signed, trustBoth } from '../../contract/trust/signed-bundles.js';

const NAME = 'test.vault';
const RUNS = 1_000;
const GOOD = bundleOf(NAME);
const FILE = signed(GOOD, NAME);
const OTHER = bundleOf(NAME, '1.0.0', 'other');
const STRANGER = createKeyPair();

/** What is sent: an archive and its signature files. */
interface Sent {
  readonly kind: string;
  readonly bytes: Uint8Array;
  readonly signatures: readonly Uint8Array[];
}

function flipped(bytes: Uint8Array, at: number, mask: number): Buffer {
  const copy = Buffer.from(bytes);
  const index = at % copy.length;
  copy[index] = (copy[index] as number) ^ mask;
  return copy;
}

function resigned(change: (signatures: ArtifactSignature[]) => readonly ArtifactSignature[]): readonly Uint8Array[] {
  return [Buffer.from(encodeSignatures(change(decodeSignatures(FILE))))];
}

const place = fc.nat();
const mask = fc.integer({ min: 1, max: 255 });
const archive = (kind: string, bytes: Uint8Array): Sent => ({ kind, bytes, signatures: [FILE] });
const files = (kind: string, bytes: Uint8Array, signatures: readonly Uint8Array[]): Sent => ({ kind, bytes, signatures });

const tampered: fc.Arbitrary<Sent> = fc.oneof(
  { weight: 5, arbitrary: fc.tuple(place, mask).map(([at, bits]) => archive('a bit of the archive', flipped(GOOD, at, bits))) },
  // Valid again as an archive: what was inside is what changed.
  {
    weight: 3,
    arbitrary: fc.tuple(place, mask).map(([at, bits]) => archive('a bit inside', gzipSync(flipped(gunzipSync(GOOD), at, bits)))),
  },
  { weight: 2, arbitrary: fc.integer({ min: 1, max: GOOD.length - 1 }).map((length) => archive('cut', GOOD.subarray(0, length))) },
  {
    weight: 2,
    arbitrary: fc.uint8Array({ minLength: 1, maxLength: 64 }).map((more) => archive('bytes behind', Buffer.concat([GOOD, more]))),
  },
  fc
    .string({ minLength: 1, maxLength: 20 })
    .map((mark) => archive('another content', bundleOf(NAME, '1.0.0', mark.replaceAll(/[\r\n\u2028\u2029]/g, '')))),
  fc.constant(archive('compressed anew', gzipSync(gunzipSync(GOOD), { level: 1 }))),
  // The right archive, or another one, with signatures that do not fit.
  fc.constant(files('no signature', GOOD, [])),
  fc.constantFrom('build' as const, 'release' as const).map((role) => files('one signature', GOOD, [signed(GOOD, NAME, '1.0.0', [role])])),
  {
    weight: 3,
    arbitrary: fc.tuple(fc.constantFrom(0, 1), place, mask).map(([which, at, bits]) =>
      files(
        'a bit of a signature',
        GOOD,
        resigned((all) =>
          all.map((one, index) =>
            index === which ? { ...one, signature: flipped(Buffer.from(one.signature, 'base64'), at, bits).toString('base64') } : one,
          ),
        ),
      ),
    ),
  },
  fc
    .constantFrom<Partial<ArtifactSignature>>(
      { bundle: 'test.other' },
      { version: '1.0.1' },
      { at: '2026-11-26T10:00:00.000Z' },
      { keyId: STRANGER.id },
    )
    .map((change) =>
      files(
        'another claim',
        GOOD,
        resigned((all) => all.map((one) => ({ ...one, ...change }))),
      ),
    ),
  fc.constant(
    files(
      'roles exchanged',
      GOOD,
      resigned(([build, release]) => [
        { ...build!, role: 'release' },
        { ...release!, role: 'build' },
      ]),
    ),
  ),
  fc.constant(
    files(
      'digest exchanged',
      OTHER,
      resigned((all) => all.map((one) => ({ ...one, digest: signatureOf(OTHER, NAME, '1.0.0', 'build').digest }))),
    ),
  ),
  fc
    .constantFrom('build' as const, 'release' as const)
    .map((role) =>
      files('a stranger', GOOD, [
        Buffer.from(encodeSignatures([signatureOf(GOOD, NAME, '1.0.0', role, STRANGER)])),
        signed(GOOD, NAME, '1.0.0', [role === 'build' ? 'release' : 'build']),
      ]),
    ),
  fc.constant(files('signed under another name', GOOD, [signed(GOOD, 'test.other')])),
  fc.constant(files('signed outside its prefix', GOOD, [signed(GOOD, 'core.ledger')])),
);

describe('a kernel that requires signatures', function () {
  this.timeout(60_000);
  let folder: string;
  let kernel: RunningKernel;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'sluice-tampering-'));
    await trustBoth(folder);
    kernel = await startKernel({ dataFolder: folder, trustPolicy: 'require', logLevel: 'fatal' });
  });

  after(async () => {
    await kernel.close();
    rmSync(folder, { recursive: true });
  });

  it(`lets in none of ${RUNS} tampered archives, and the one that was signed`, async () => {
    const seed = Number(process.env['SLUICE_SEED'] ?? Date.now() % 1_000_000);
    const accepted: string[] = [];
    const kinds = new Set<string>();
    for (const { kind, bytes, signatures } of fc.sample(tampered, { numRuns: RUNS, seed })) {
      const { outcome } = await kernel.runtime.deploy([bytes], { actor: 'mallory', signatures, watchMs: 0 });
      kinds.add(kind);
      if (outcome !== 'refused') accepted.push(`${kind}: ${outcome}`);
    }
    equal({ seed, accepted, kinds: kinds.size, bundles: kernel.runtime.bundles().length }, { seed, accepted: [], kinds: 15, bundles: 0 });
    const good = await kernel.runtime.deploy([GOOD], { actor: 'lin', signatures: [FILE], watchMs: 0 });
    equal([good.outcome, kernel.runtime.bundles().map(({ state }) => state)], ['committed', ['ACTIVE']]);
  });
});
