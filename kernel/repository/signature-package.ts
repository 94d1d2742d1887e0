/** The companion package `NAME-signatures`: carries the signature file of an artifact through an npm registry. Pure. */
import { writeArchive } from '../host/archive-writer.js';
import { manifestOf } from './repository.js';

/** A packed companion. */
export interface SignaturePackage {
  readonly packageName: string;
  /** The artifact's version, or `VERSION-sig.N`: what is published is never changed, and approvals come later. */
  readonly version: string;
  readonly fileName: string;
  readonly bytes: Buffer;
}

/**
 * Packs the signatures of an artifact.
 * @param step 0 for the first package of a version, then ascending.
 */
export function signaturePackage(artifact: Uint8Array, signatures: Uint8Array, location: string, step: number): SignaturePackage {
  const manifest = manifestOf(artifact, location);
  const packageName = `${manifest.packageName}-signatures`;
  const version = step === 0 ? manifest.versionText : `${manifest.versionText}-sig.${step}`;
  const description = `Signatures of ${manifest.packageName} ${manifest.versionText}`;
  const bytes = writeArchive({
    'package.json': JSON.stringify({ name: packageName, version, description, license: 'Apache-2.0' }, null, 2),
    [`${manifest.symbolicName}-${manifest.versionText}.tgz.sig`]: signatures,
  });
  return { packageName, version, fileName: `${manifest.symbolicName}-signatures-${version}.tgz`, bytes };
}
