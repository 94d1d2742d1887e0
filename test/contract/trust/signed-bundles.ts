/** Small real bundles, two signers, and a data folder that trusts them. */
import { createHash } from 'node:crypto';
import { writeArchive } from '@sluice/kernel/host/archive-writer';
import { withoutKernel } from '@sluice/kernel/host/trust';
import { createKeyPair, readPrivateKey, type KeyPair } from '@sluice/kernel/trust/key';
import { encodeSignatures, signClaim, type ArtifactSignature, type SignerRole } from '@sluice/kernel/trust/signature';

/** The key of the build, and the one of whoever approves releases. */
export const BUILD = createKeyPair();
export const RELEASE = createKeyPair();

/** A bundle that does nothing, as an artifact. `mark` makes another content of the same version. */
export function bundleOf(symbolicName: string, version = '1.0.0', mark = ''): Buffer {
  return writeArchive({
    'package.json': JSON.stringify({
      name: `@test/${symbolicName.replaceAll('.', '-')}`,
      version,
      license: 'Apache-2.0',
      sluice: { sdk: '^1.0.0', symbolicName },
    }),
    'dist/bundle.cjs': `const { defineBundle } = require('@sluice/sdk');\nexports.default = defineBundle({ activate() {} }); // ${mark}\n`,
  });
}

/** A fragment: no code, one more file for its host. */
export function fragmentOf(symbolicName: string, host: string): Buffer {
  const sluice = { sdk: '^1.0.0', symbolicName, fragment: { host, range: '*' } };
  const name = `@test/${symbolicName.replaceAll('.', '-')}`;
  return writeArchive({
    'package.json': JSON.stringify({ name, version: '1.0.0', license: 'Apache-2.0', sluice }),
    'public/more.txt': 'more',
  });
}

/** SHA-256 of bytes, hex. */
export function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** One signature of an artifact. */
export function signatureOf(
  bytes: Uint8Array,
  bundle: string,
  version: string,
  role: SignerRole,
  pair: KeyPair = role === 'build' ? BUILD : RELEASE,
): ArtifactSignature {
  const claim = { digest: digestOf(bytes), bundle, version, role, keyId: pair.id, at: '2026-11-25T10:00:00.000Z' };
  return signClaim(claim, readPrivateKey(pair.privatePem).key);
}

/** The file with both signatures of an artifact. */
export function signed(bytes: Uint8Array, bundle: string, version = '1.0.0', roles: readonly SignerRole[] = ['build', 'release']): Buffer {
  return Buffer.from(encodeSignatures(roles.map((role) => signatureOf(bytes, bundle, version, role))));
}

/** Lets both keys sign in a data folder on which no kernel runs. */
export async function trustBoth(dataFolder: string, prefixes: readonly string[] = ['test.*']): Promise<void> {
  await withoutKernel(dataFolder, async ({ office }) => {
    await office.trustKey({ name: 'ci', role: 'build', prefixes, publicKey: BUILD.publicPem, by: 'lin' });
    await office.trustKey({ name: 'kim', role: 'release', prefixes, publicKey: RELEASE.publicPem, by: 'lin' });
  });
}
