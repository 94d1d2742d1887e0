/** What signatures of an artifact are worth, the file they travel in, the rules about versions, policies, tokens. */
import { deepStrictEqual as equal, notStrictEqual, strictEqual, throws } from 'node:assert';
import { createKeyPair, readPrivateKey, type KeyPair } from '@sluice/kernel/trust/key';
import { KeyRing } from '@sluice/kernel/trust/key-ring';
import { parsePolicy } from '@sluice/kernel/trust/policy';
import {
  decodeSignatures,
  encodeSignatures,
  mergeSignatures,
  signClaim,
  type ArtifactSignature,
  type SignerRole,
} from '@sluice/kernel/trust/signature';
import { TokenBook } from '@sluice/kernel/trust/token';
import { judge } from '@sluice/kernel/trust/verdict';
import { judgeVersion } from '@sluice/kernel/trust/version-rules';

const DIGEST = 'ab'.repeat(32);
const build = createKeyPair();
const release = createKeyPair();
const stranger = createKeyPair();

function signed(pair: KeyPair, role: SignerRole, changes: Partial<ArtifactSignature> = {}): ArtifactSignature {
  const claim = { digest: DIGEST, bundle: 'business.transfer', version: '1.0.0', role, keyId: pair.id, at: '2026-11-25T10:00:00.000Z' };
  return signClaim({ ...claim, ...changes }, readPrivateKey(pair.privatePem).key);
}

function ringOf(prefixes = ['business.*']): KeyRing {
  const trusted = { name: 'ci', role: 'build', prefixes, publicKey: build.publicPem, at: 1, by: 'lin' } as const;
  return KeyRing.empty.trust(trusted).ring.trust({ ...trusted, name: 'kim', role: 'release', publicKey: release.publicPem }).ring;
}

const codes = (signatures: readonly ArtifactSignature[], ring = ringOf()): string[] =>
  judge(DIGEST, signatures, ring).problems.map(({ code }) => code);

describe('the verdict on signatures', () => {
  it('approves what build and release signed with two keys, and names both', () => {
    equal(judge(DIGEST, [signed(build, 'build'), signed(release, 'release')], ringOf()), {
      build: build.id,
      release: release.id,
      claim: { bundle: 'business.transfer', version: '1.0.0' },
      approved: true,
      problems: [],
    });
  });

  it('says of each signature why it does not count', () => {
    const ok = [signed(build, 'build'), signed(release, 'release')] as const;
    equal(codes([]), ['SIGNATURE_MISSING', 'SIGNATURE_MISSING']);
    equal(codes([ok[0]]), ['SIGNATURE_MISSING']);
    equal(codes([ok[0], signed(build, 'release')]), ['SIGNATURE_ROLE_REFUSED', 'SIGNATURE_MISSING']);
    equal(codes([ok[0], signed(stranger, 'release')]), ['SIGNATURE_KEY_UNKNOWN', 'SIGNATURE_MISSING']);
    equal(codes([ok[0], { ...ok[1], version: '1.0.1' }]), ['SIGNATURE_INVALID', 'SIGNATURE_MISSING']);
    equal(codes([ok[0], { ...ok[1], keyId: build.id }]), ['SIGNATURE_ROLE_REFUSED', 'SIGNATURE_MISSING']);
    equal(codes([ok[0], signed(release, 'release', { digest: 'cd'.repeat(32) })]), ['SIGNATURE_OTHER_ARTIFACT', 'SIGNATURE_MISSING']);
    equal(codes([ok[0], signed(release, 'release', { version: '1.0.1' })]), ['SIGNATURE_CLAIMS_DIFFER']);
    equal(codes(ok, ringOf(['core.*'])).slice(0, 2), ['SIGNATURE_NAME_REFUSED', 'SIGNATURE_NAME_REFUSED']);
    equal(codes(ok, ringOf().revoke(release.id, { at: 1, by: 'x', reason: 'lost' })), ['SIGNATURE_KEY_REVOKED', 'SIGNATURE_MISSING']);
  });

  it('is not spoiled by signatures that do not count', () => {
    const junk = [signed(stranger, 'build'), { ...signed(build, 'build'), version: '9.9.9' }];
    strictEqual(judge(DIGEST, [...junk, signed(build, 'build'), signed(release, 'release')], ringOf()).approved, true);
  });
});

describe('signature files', () => {
  it('keep what was signed, one per archive, role and key', () => {
    const old = signed(build, 'build');
    const newer = signed(build, 'build', { at: '2026-11-26T10:00:00.000Z' });
    const merged = mergeSignatures([old], [signed(release, 'release'), newer]);
    equal(merged, [newer, signed(release, 'release')]);
    equal(decodeSignatures(Buffer.from(encodeSignatures(merged))), merged);
  });

  it('are refused when they are anything else', () => {
    const text = encodeSignatures([signed(build, 'build')]);
    const bad = [
      '',
      '[]',
      'null',
      text.replace('sluice-signature/1', 'sluice-signature/2'),
      text.replace('"role"', '"rolle"'),
      text.replace(DIGEST, DIGEST.toUpperCase()),
      text.replace('"bundle"', '"extra": 1, "bundle"'),
      text.replace('2026-11-25', '25.11.2026'),
      encodeSignatures([]),
      encodeSignatures(Array.from({ length: 17 }, () => signed(build, 'build'))),
      ' '.repeat(70_000),
    ];
    for (const one of bad) throws(() => decodeSignatures(Buffer.from(one)), { code: 'SIGNATURE_FILE_INVALID' });
  });
});

describe('rules about versions', () => {
  it('let one version stand for one content, and the way go up', () => {
    const ask = (changes: object) =>
      judgeVersion({
        bundle: 'a',
        version: '1.1.0',
        digest: 'd1',
        acceptedDigest: undefined,
        replaces: undefined,
        allowDowngrade: false,
        ...changes,
      }).map(({ code }) => code);
    equal(ask({}), []);
    equal(ask({ acceptedDigest: 'd1' }), []);
    equal(ask({ acceptedDigest: 'd2' }), ['VERSION_REUSED']);
    equal(ask({ replaces: '1.0.9' }), []);
    equal(ask({ replaces: '1.10.0' }), ['VERSION_DOWNGRADE']);
    equal(ask({ replaces: '1.10.0', allowDowngrade: true }), []);
    equal(ask({ replaces: '1.10.0', acceptedDigest: 'd2', allowDowngrade: true }), ['VERSION_REUSED']);
  });

  it('are as strict as the settings say, and settings that cannot be read are no weaker policy', () => {
    equal(parsePolicy('{"policy":"require"}'), 'require');
    for (const bad of ['', '{}', '{"policy":"never"}', '{"policy":"off","polcy":1}', '[]', 'null']) {
      throws(() => parsePolicy(bad), { code: 'TRUST_SETTINGS_INVALID' });
    }
  });
});

describe('tokens', () => {
  const wishOf = (name: string, roles: unknown = ['developer'], bundles: unknown = ['business.*']) => ({
    name,
    roles,
    bundles,
    expiresAt: 1_000,
    at: 10,
    by: 'lin',
  });
  const secret = Buffer.alloc(32, 7);

  it('are kept as a hash, name their owner, and end by time or by hand', () => {
    const { book, token, record } = TokenBook.empty.create(wishOf('ci', ['developer', 'viewer']), secret);
    strictEqual(book.encode().includes(token), false);
    strictEqual(book.encode().includes(token.slice(4)), false);
    const read = TokenBook.parse(book.encode());
    equal(read.authenticate(token, 20), {
      name: 'token:ci',
      role: 'developer,viewer',
      grants: [
        { role: 'developer', bundles: ['business.*'] },
        { role: 'viewer', bundles: ['business.*'] },
      ],
    });
    strictEqual(read.authenticate(token, 1_000), 'TOKEN_EXPIRED');
    strictEqual(read.authenticate(`${token}x`, 20), 'TOKEN_UNKNOWN');
    strictEqual(read.authenticate(record.hash, 20), 'TOKEN_UNKNOWN');
    strictEqual(read.revoke('ci', 30).book.authenticate(token, 31), 'TOKEN_REVOKED');
    throws(() => read.revoke('nobody', 30), { code: 'TOKEN_UNKNOWN' });
  });

  it('have names of their own while they are valid', () => {
    const first = TokenBook.empty.create(wishOf('ci'), secret);
    throws(() => first.book.create(wishOf('ci'), Buffer.alloc(32, 8)), { code: 'TOKEN_CONFLICT' });
    const second = first.book.revoke('ci', 20).book.create(wishOf('ci'), Buffer.alloc(32, 8));
    notStrictEqual(second.record.id, first.record.id);
    strictEqual(second.book.revoke('ci', 30).record.id, second.record.id);
  });

  it('with wrong wishes are not made, and a damaged book is not read in part', () => {
    const bad = [
      wishOf(''),
      wishOf('a b'),
      wishOf('ci', []),
      wishOf('ci', ['root']),
      wishOf('ci', ['owner']),
      { ...wishOf('ci'), expiresAt: 10 },
      { ...wishOf('ci'), expiresAt: 400 * 86_400_000 },
    ];
    for (const wish of bad) throws(() => TokenBook.empty.create(wish, secret), { code: 'TOKEN_INVALID' });
    throws(() => TokenBook.empty.create(wishOf('ci', ['viewer'], []), secret), { code: 'NAME_PATTERN_INVALID' });
    const text = TokenBook.empty.create(wishOf('ci'), secret).book.encode();
    const damaged = [
      text.replace('"revokedAt"', '"x"'),
      text.replace('"expiresAt": 1000', '"expiresAt": "x"'),
      text.replace('developer', 'root'),
      '{',
    ];
    for (const one of damaged) throws(() => TokenBook.parse(one), { code: 'TOKEN_BOOK_INVALID' });
  });
});
