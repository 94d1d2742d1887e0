/**
 * Signatures of artifacts, detached: a JSON file beside the archive (`NAME-VERSION.tgz.sig`) that holds one signature per signer. Each covers
 * the SHA-256 of the whole archive together with name, version, role, key and time, in one canonical byte form. Pure.
 */
import { sign, verify, type KeyObject } from 'node:crypto';
import { SluiceError } from '@sluice/sdk/dist/error.js';
import { isKeyId } from './key.js';

/** Name of the format; also separates these signatures from any other use of the keys. */
const FORMAT = 'sluice-signature/1';
/** Largest signature file. Two signatures take about 800 bytes. */
export const SIGNATURE_BYTES_MAX = 64 * 1024;
/** Most signatures of one artifact: old approvals and foreign signers stay beside the ones that count. */
export const SIGNATURES_MAX = 16;

/** What a signer stands for: `build` says "made by us from our sources", `release` says "looked at and approved". */
export const SIGNER_ROLES = ['build', 'release'] as const;
/** One role of a signer. */
export type SignerRole = (typeof SIGNER_ROLES)[number];

/** What is signed. */
export interface SignatureClaim {
  /** SHA-256 of the whole archive, lower-case hex. */
  readonly digest: string;
  readonly bundle: string;
  readonly version: string;
  readonly role: SignerRole;
  readonly keyId: string;
  /** When, in ISO 8601, UTC. Told to people; no rule depends on it. */
  readonly at: string;
}

/** A claim with its signature in base64. */
export interface ArtifactSignature extends SignatureClaim {
  readonly signature: string;
}

/** The bytes that are signed: the format's name, a zero byte, then the fields in a fixed order as JSON. */
export function canonicalBytes({ digest, bundle, version, role, keyId, at }: SignatureClaim): Buffer {
  return Buffer.from(`${FORMAT}\0${JSON.stringify([digest, bundle, version, role, keyId, at])}`);
}

/** Signs a claim. */
export function signClaim(claim: SignatureClaim, privateKey: KeyObject): ArtifactSignature {
  return { ...claim, signature: sign(null, canonicalBytes(claim), privateKey).toString('base64') };
}

/** True when the signature was made by the owner of the key over exactly this claim. */
export function isSignedBy(signature: ArtifactSignature, publicKey: KeyObject): boolean {
  return verify(null, canonicalBytes(signature), publicKey, Buffer.from(signature.signature, 'base64'));
}

/** A signature file. */
export function encodeSignatures(signatures: readonly ArtifactSignature[]): string {
  return `${JSON.stringify({ format: FORMAT, signatures }, null, 2)}\n`;
}

/**
 * Reads a signature file strictly.
 * @throws SluiceError `SIGNATURE_FILE_INVALID`.
 */
export function decodeSignatures(bytes: Uint8Array): ArtifactSignature[] {
  if (bytes.length > SIGNATURE_BYTES_MAX) throw fileInvalid(`it is larger than ${SIGNATURE_BYTES_MAX} bytes`);
  let file: unknown;
  try {
    file = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch (cause) {
    throw fileInvalid('it is no JSON', cause);
  }
  const { format, signatures } = (file ?? {}) as Record<string, unknown>;
  if (format !== FORMAT) throw fileInvalid(`its format is ${JSON.stringify(format) ?? 'missing'}, expected '${FORMAT}'`);
  if (!Array.isArray(signatures) || signatures.length === 0) throw fileInvalid('it holds no list of signatures');
  if (signatures.length > SIGNATURES_MAX) throw fileInvalid(`it holds ${signatures.length} signatures, at most ${SIGNATURES_MAX} are read`);
  return signatures.map(checkedSignature);
}

const FIELDS: Readonly<Record<keyof ArtifactSignature, (value: unknown) => boolean>> = {
  digest: (value) => typeof value === 'string' && /^[0-9a-f]{64}$/.test(value),
  bundle: (value) => typeof value === 'string' && value.length > 0 && value.length <= 256,
  version: (value) => typeof value === 'string' && value.length > 0 && value.length <= 128,
  role: (value) => (SIGNER_ROLES as readonly unknown[]).includes(value),
  keyId: isKeyId,
  at: (value) => typeof value === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?Z$/.test(value),
  signature: (value) => typeof value === 'string' && /^[A-Za-z0-9+/]{86}==$/.test(value),
};

function checkedSignature(value: unknown, index: number): ArtifactSignature {
  if (typeof value !== 'object' || value === null) throw fileInvalid(`signature ${index} is no object`);
  const given = value as Record<string, unknown>;
  for (const key of Object.keys(given))
    if (!Object.hasOwn(FIELDS, key)) throw fileInvalid(`signature ${index} has an unknown field '${key}'`);
  for (const [key, fits] of Object.entries(FIELDS)) {
    if (!fits(given[key])) throw fileInvalid(`field '${key}' of signature ${index} is missing or wrong`);
  }
  return Object.freeze(value as ArtifactSignature);
}

/** A signature as it was kept, or null for what is none. */
export function readSignature(value: unknown): ArtifactSignature | null {
  try {
    return checkedSignature(value, 0);
  } catch {
    return null;
  }
}

/** Adds signatures; a newer one of the same key in the same role over the same archive takes the place of the old. */
export function mergeSignatures(old: readonly ArtifactSignature[], added: readonly ArtifactSignature[]): ArtifactSignature[] {
  const slot = ({ digest, role, keyId }: ArtifactSignature): string => `${digest} ${role} ${keyId}`;
  const bySlot = new Map([...old, ...added].map((one) => [slot(one), one]));
  return [...bySlot.values()];
}

function fileInvalid(reason: string, cause?: unknown): SluiceError {
  return new SluiceError('SIGNATURE_FILE_INVALID', `Cannot read the signature file: ${reason}`, {
    httpStatus: 422,
    remedy: 'Sign the artifact again with `sluice sign`',
    ...(cause === undefined ? {} : { cause }),
  });
}
