/** Patterns of bundle names, roles and their rights, key files, the key ring. */
import { deepStrictEqual as equal, throws } from 'node:assert';
import { generateKeyPairSync } from 'node:crypto';
import { createKeyPair, keyIdOf, readPrivateKey, readPublicKey } from '@sluice/kernel/trust/key';
import { KeyRing } from '@sluice/kernel/trust/key-ring';
import { checkPatterns, covers } from '@sluice/kernel/trust/name-pattern';
import { hasRight, ownerPrincipal, RIGHTS, ROLES, type Grant, type Principal } from '@sluice/kernel/trust/roles';

const principal = (...grants: Grant[]): Principal => ({ name: 'token:x', role: 'x', grants });
const wish = (publicKey: string, role: 'build' | 'release' = 'build', prefixes: readonly unknown[] = ['business.*']) => ({
  name: 'ci',
  role,
  prefixes,
  publicKey,
  at: 1,
  by: 'lin',
});

describe('patterns of bundle names', () => {
  it('cover an exact name, what is below a prefix, or everything', () => {
    const names = ['business', 'business.', 'business.transfer', 'business.a.b', 'businesses.x', 'core.ledger'];
    const covered = (pattern: string): string[] => names.filter((name) => covers(pattern, name));
    equal(covered('business.*'), ['business.transfer', 'business.a.b']);
    equal(covered('business'), ['business']);
    equal(covered('*'), names);
  });

  it('are refused when they could mean something else than they look like', () => {
    equal(checkPatterns(['*', 'core.ledger', 'core.*']), ['*', 'core.ledger', 'core.*']);
    for (const bad of ['', '**', '*.ledger', 'core*', 'core.*.x', '.core', 'a b', 7])
      throws(() => checkPatterns([bad]), { code: 'NAME_PATTERN_INVALID' });
    throws(() => checkPatterns([]), { code: 'NAME_PATTERN_INVALID' });
  });
});

describe('roles', () => {
  it('give rights over the bundles of their grant and over nothing else', () => {
    const one = principal({ role: 'operator', bundles: ['business.*'] }, { role: 'viewer', bundles: ['*'] });
    equal(hasRight(one, 'activate', ['business.a', 'business.b']), true);
    equal(hasRight(one, 'activate', ['business.a', 'core.ledger']), false);
    equal(hasRight(one, 'activate', []), false);
    equal(hasRight(one, 'activate', '*'), false);
    equal(hasRight(one, 'activate', 'any'), true);
    equal(hasRight(one, 'view', '*'), true);
    equal(hasRight(one, 'upload', 'any'), false);
    equal(hasRight(principal(), 'view', 'any'), false);
  });

  it('let nobody but admin and owner both bring code in and make it run, or approve and activate', () => {
    const both = (a: string, b: string): string[] =>
      Object.entries(ROLES).flatMap(([role, rights]) =>
        (rights as readonly string[]).includes(a) && (rights as readonly string[]).includes(b) ? [role] : [],
      );
    equal(both('upload', 'activate'), ['admin']);
    equal(both('approve', 'activate'), ['admin']);
    equal(both('upload', 'approve'), ['admin']);
    equal(
      RIGHTS.every((right) => hasRight(ownerPrincipal('lin'), right, '*')),
      true,
    );
  });
});

describe('keys', () => {
  it('are read back as they were made, with and without a passphrase, under one id', () => {
    const plain = createKeyPair();
    const locked = createKeyPair('correct horse');
    equal(readPrivateKey(plain.privatePem).id, plain.id);
    equal(readPrivateKey(locked.privatePem, 'correct horse').id, locked.id);
    equal(keyIdOf(readPublicKey(locked.publicPem).key), locked.id);
    throws(() => readPrivateKey(locked.privatePem), { code: 'KEY_PASSPHRASE_REQUIRED' });
    throws(() => readPrivateKey(locked.privatePem, 'wrong'), { code: 'KEY_PASSPHRASE_WRONG' });
  });

  it('of another kind, private ones in the place of public ones, and other texts are refused', () => {
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ type: 'spki', format: 'pem' }).toString();
    for (const bad of [rsa, createKeyPair().privatePem, 'nonsense', '']) throws(() => readPublicKey(bad), { code: 'KEY_INVALID' });
  });

  it('have one role each, keep it through a file, and never come back once revoked', () => {
    const { publicPem, id } = createKeyPair();
    const { ring } = KeyRing.empty.trust(wish(publicPem));
    throws(() => ring.trust(wish(publicPem, 'release')), { code: 'KEY_ROLE_CONFLICT' });
    equal(ring.trust(wish(publicPem, 'build', ['core.*'])).ring.find(id)?.prefixes, ['core.*']);
    const revoked = KeyRing.parse(ring.revoke(id, { at: 2, by: 'kim', reason: 'lost' }).encode());
    equal(revoked.find(id)?.revoked, { at: 2, by: 'kim', reason: 'lost' });
    equal(revoked.revoke(id, { at: 3, by: 'lin', reason: 'again' }).find(id)?.revoked?.at, 2);
    throws(() => revoked.trust(wish(publicPem)), { code: 'KEY_REVOKED' });
    throws(() => ring.revoke('0'.repeat(32), { at: 1, by: 'x', reason: '' }), { code: 'KEY_UNKNOWN' });
  });

  it('of a damaged ring are not read in part', () => {
    const { publicPem } = createKeyPair();
    const text = KeyRing.empty.trust(wish(publicPem)).ring.encode();
    const damaged = [
      text.replace('"revoked": null', '"revokt": null'),
      text.replace('"build"', '"anything"'),
      text.replace(/"id": "../, '"id": "zz'),
      text.slice(0, 50),
      '{}',
    ];
    for (const one of damaged) throws(() => KeyRing.parse(one), { code: 'KEY_RING_INVALID' });
  });
});
