/**
 * Ed25519 keys as files: PEM (PKCS#8 for the private one, SPKI for the public one), so that other tools can make and read them. A key's id
 * is a digest of its public half: it cannot be chosen and says nothing about the owner. Pure but for the randomness of key generation.
 */
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { SluiceError } from '@sluice/sdk/dist/error.js';

/** Letters of a key id. */
const ID_LENGTH = 32;

/** A new pair of keys. */
export interface KeyPair {
  readonly id: string;
  readonly privatePem: string;
  readonly publicPem: string;
}

/** Makes a pair of keys; with a passphrase, the private one is encrypted (PBKDF2, AES-256). */
export function createKeyPair(passphrase?: string): KeyPair {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const protection = passphrase === undefined ? {} : { cipher: 'aes-256-cbc', passphrase };
  return {
    id: keyIdOf(publicKey),
    privatePem: privateKey.export({ type: 'pkcs8', format: 'pem', ...protection }).toString(),
    publicPem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  };
}

/** Id of a public key: the first 32 hex digits of the SHA-256 of its SPKI form. */
export function keyIdOf(publicKey: KeyObject): string {
  return createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('hex')
    .slice(0, ID_LENGTH);
}

/** True for text of the form of a key id. */
export function isKeyId(text: unknown): text is string {
  return typeof text === 'string' && /^[0-9a-f]{32}$/.test(text);
}

/**
 * Reads a public key. A private key is refused: it has no business where public ones are handed around.
 * @throws SluiceError `KEY_INVALID`.
 */
export function readPublicKey(pem: string): { readonly id: string; readonly key: KeyObject; readonly pem: string } {
  if (/PRIVATE KEY/.test(pem)) throw keyInvalid('it is a private key', 'Name the public key, the file that ends in .pub.pem');
  const key = readEd25519(() => createPublicKey(pem));
  return { id: keyIdOf(key), key, pem: key.export({ type: 'spki', format: 'pem' }).toString() };
}

/**
 * Reads a private key and tells its id.
 * @throws SluiceError `KEY_INVALID`, `KEY_PASSPHRASE_REQUIRED`, `KEY_PASSPHRASE_WRONG`.
 */
export function readPrivateKey(pem: string, passphrase?: string): { readonly id: string; readonly key: KeyObject } {
  const encrypted = /ENCRYPTED/.test(pem);
  if (encrypted && passphrase === undefined) {
    throw new SluiceError('KEY_PASSPHRASE_REQUIRED', 'The private key is protected by a passphrase, and none is given', {
      httpStatus: 400,
      remedy: 'Give it in the environment variable SLUICE_KEY_PASSPHRASE or with --passphrase-file',
    });
  }
  const key = readEd25519(() => createPrivateKey({ key: pem, ...(encrypted ? { passphrase: passphrase as string } : {}) }), encrypted);
  return { id: keyIdOf(createPublicKey(key)), key };
}

function readEd25519(read: () => KeyObject, encrypted = false): KeyObject {
  let key: KeyObject;
  try {
    key = read();
  } catch (cause) {
    if (!encrypted) throw keyInvalid('it is no PEM file with a key', 'Make one with `sluice keys create`', cause);
    throw new SluiceError('KEY_PASSPHRASE_WRONG', 'The private key cannot be opened with this passphrase', { httpStatus: 400, cause });
  }
  if (key.asymmetricKeyType === 'ed25519') return key;
  throw keyInvalid(`it is of type '${key.asymmetricKeyType ?? 'unknown'}', expected ed25519`, 'Make one with `sluice keys create`');
}

function keyInvalid(reason: string, remedy: string, cause?: unknown): SluiceError {
  return new SluiceError('KEY_INVALID', `Cannot read the key: ${reason}`, {
    httpStatus: 400,
    remedy,
    ...(cause === undefined ? {} : { cause }),
  });
}
