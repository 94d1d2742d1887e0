/**
 * The trusted keys of one kernel: which public key may sign what, in which role, for which bundle names. A value: changing it makes a new
 * one. A key has one role, so that nobody approves what he built; a revoked key never comes back. Pure.
 */
import type { KeyObject } from 'node:crypto';
import { SluiceError } from '@sluice/sdk/dist/error.js';
import { isKeyId, readPublicKey } from './key.js';
import { checkPatterns } from './name-pattern.js';
import { isSignedBy, SIGNER_ROLES, type ArtifactSignature, type SignerRole } from './signature.js';

/** Most keys; a ring is read whole at every start. */
const KEYS_MAX = 1_000;

/** One trusted, or once trusted, key. */
export interface TrustedKey {
  readonly id: string;
  /** What people call it. */
  readonly name: string;
  readonly role: SignerRole;
  /** Patterns of the bundle names it may sign. */
  readonly prefixes: readonly string[];
  /** Public key, PEM. */
  readonly publicKey: string;
  /** Wall clock, milliseconds. */
  readonly trustedAt: number;
  readonly trustedBy: string;
  readonly revoked: { readonly at: number; readonly by: string; readonly reason: string } | null;
}

/** A ring of keys. */
export class KeyRing {
  readonly #keys: ReadonlyMap<string, TrustedKey>;
  /** Parsed once: reading a PEM takes longer than checking a signature. */
  readonly #parsed = new Map<string, KeyObject>();
  /** Signatures that were computed to be true. What a key may sign, and whether it still may, is asked anew each time. */
  readonly #confirmed = new WeakSet<ArtifactSignature>();

  private constructor(keys: ReadonlyMap<string, TrustedKey>) {
    this.#keys = keys;
  }

  /** A ring with no key. */
  static readonly empty = new KeyRing(new Map());

  /**
   * Reads a ring as it was written.
   * @throws SluiceError `KEY_RING_INVALID`: a ring that cannot be read whole is not read in part, else a revocation could get lost.
   */
  static parse(text: string): KeyRing {
    try {
      const { keys } = JSON.parse(text) as { keys: readonly TrustedKey[] };
      if (!Array.isArray(keys)) throw new TypeError('it holds no list of keys');
      for (const key of keys as readonly TrustedKey[]) assertWhole(key);
      return new KeyRing(new Map((keys as readonly TrustedKey[]).map((key) => [key.id, key])));
    } catch (cause) {
      throw new SluiceError('KEY_RING_INVALID', `Cannot read the trusted keys: ${(cause as Error).message}`, {
        cause,
        remedy: 'Restore trust/keys.json of the data folder from a backup; without it nothing is trusted.',
      });
    }
  }

  /** The ring as text. */
  encode(): string {
    return `${JSON.stringify({ keys: this.list() }, null, 2)}\n`;
  }

  /** Every key, in the order they were trusted. */
  list(): readonly TrustedKey[] {
    return [...this.#keys.values()];
  }

  /** A key by its id. */
  find(id: string): TrustedKey | undefined {
    return this.#keys.get(id);
  }

  /** True when the key made the signature over exactly what it claims. The same, frozen signature is computed once. */
  confirms(key: TrustedKey, signature: ArtifactSignature): boolean {
    if (this.#confirmed.has(signature)) return true;
    if (signature.keyId !== key.id || !isSignedBy(signature, this.#keyObject(key))) return false;
    if (Object.isFrozen(signature)) this.#confirmed.add(signature);
    return true;
  }

  #keyObject({ id, publicKey }: TrustedKey): KeyObject {
    let key = this.#parsed.get(id);
    if (key === undefined) this.#parsed.set(id, (key = readPublicKey(publicKey).key));
    return key;
  }

  /**
   * The ring with one more key, or with other prefixes for one it has.
   * @throws SluiceError `KEY_INVALID`, `NAME_PATTERN_INVALID`, `KEY_ROLE_CONFLICT`, `KEY_REVOKED`, `KEY_RING_FULL`.
   */
  trust(wanted: {
    readonly name: string;
    readonly role: SignerRole;
    readonly prefixes: readonly unknown[];
    readonly publicKey: string;
    readonly at: number;
    readonly by: string;
  }): { readonly ring: KeyRing; readonly key: TrustedKey } {
    const { id, pem } = readPublicKey(wanted.publicKey);
    const known = this.#keys.get(id);
    if (known !== undefined) assertTrustable(known, wanted.role);
    if (known === undefined && this.#keys.size >= KEYS_MAX) {
      throw new SluiceError('KEY_RING_FULL', `${KEYS_MAX} keys are known already`, { details: { keysMax: KEYS_MAX }, httpStatus: 409 });
    }
    const { name, role, at, by } = wanted;
    const prefixes = checkPatterns(wanted.prefixes);
    const key: TrustedKey = { id, name, role, prefixes, publicKey: pem, trustedAt: at, trustedBy: by, revoked: null };
    return { ring: new KeyRing(new Map([...this.#keys, [id, key]])), key };
  }

  /**
   * The ring with a key revoked: from then on nothing it signed counts, whenever it was signed. Revoking again changes nothing.
   * @throws SluiceError `KEY_UNKNOWN`.
   */
  revoke(id: string, by: { readonly at: number; readonly by: string; readonly reason: string }): KeyRing {
    const key = this.#keys.get(id);
    if (key === undefined) {
      throw new SluiceError('KEY_UNKNOWN', `No key '${id}' is trusted`, {
        details: { id },
        httpStatus: 404,
        remedy: '`sluice keys` lists the keys with their ids',
      });
    }
    return key.revoked === null ? new KeyRing(new Map([...this.#keys, [id, { ...key, revoked: by }]])) : this;
  }
}

function assertTrustable(known: TrustedKey, role: SignerRole): void {
  const details = { id: known.id, role: known.role };
  if (known.revoked !== null) {
    throw new SluiceError('KEY_REVOKED', `Key '${known.name}' was revoked and cannot be trusted again`, {
      details,
      httpStatus: 409,
      remedy: 'Make a new key with `sluice keys create`',
    });
  }
  if (known.role === role) return;
  throw new SluiceError('KEY_ROLE_CONFLICT', `Key '${known.name}' signs as '${known.role}' already and cannot also sign as '${role}'`, {
    details,
    httpStatus: 409,
    remedy: 'Build and release need two keys, held by two people',
  });
}

function assertWhole(key: TrustedKey): void {
  const { id, name, role, prefixes, publicKey, trustedAt, trustedBy, revoked } = key;
  if (!isKeyId(id) || readPublicKey(publicKey).id !== id) throw new TypeError(`the id of key '${String(id)}' does not fit its public key`);
  if (!SIGNER_ROLES.includes(role)) throw new TypeError(`key '${id}' has role '${String(role)}'`);
  if (typeof name !== 'string' || typeof trustedAt !== 'number' || typeof trustedBy !== 'string')
    throw new TypeError(`key '${id}' is not whole`);
  // Whoever leaves `revoked` out must not thereby un-revoke.
  if (revoked !== null && typeof revoked?.at !== 'number') throw new TypeError(`key '${id}' does not say whether it is revoked`);
  checkPatterns(prefixes);
}
