/**
 * Bearer tokens of the admin interface. The kernel keeps only a hash, an expiry and grants: whoever reads its files cannot use what he finds.
 * A secret has 256 random bits, so a plain hash is enough: there is nothing to guess. Pure; randomness is handed in.
 */
import { createHash } from 'node:crypto';
import { SluiceError } from '@sluice/sdk/dist/error.js';
import { checkPatterns } from './name-pattern.js';
import { isRole, ROLES, type Grant, type Principal } from './roles.js';

/** Most tokens at once, expired ones included until they are revoked or replaced. */
const TOKENS_MAX = 1_000;
/** Random bytes of a secret. */
export const SECRET_BYTES = 32;
/** Longest life of a token: a year. What has to live longer is renewed by a person. */
const LIFE_MS_MAX = 366 * 86_400_000;
/** Life of a token unless told otherwise: 90 days. */
export const LIFE_MS_DEFAULT = 90 * 86_400_000;

/** A token as it is kept. */
export interface TokenRecord {
  readonly id: string;
  readonly name: string;
  /** SHA-256 of the whole token, hex. */
  readonly hash: string;
  readonly grants: readonly Grant[];
  /** Wall clock, milliseconds. */
  readonly createdAt: number;
  readonly createdBy: string;
  readonly expiresAt: number;
  readonly revokedAt: number | null;
}

/** What is wanted of a new token. */
export interface TokenWish {
  readonly name: unknown;
  readonly roles: unknown;
  readonly bundles: unknown;
  readonly expiresAt: number;
  readonly at: number;
  readonly by: string;
}

/** Why a request carries no valid token. */
export type TokenRefusal = 'TOKEN_UNKNOWN' | 'TOKEN_EXPIRED' | 'TOKEN_REVOKED';

/** The tokens of a kernel. A value: changing it makes a new one. */
export class TokenBook {
  readonly #byHash: ReadonlyMap<string, TokenRecord>;

  private constructor(tokens: readonly TokenRecord[]) {
    this.#byHash = new Map(tokens.map((token) => [token.hash, token]));
  }

  /** A book without tokens. */
  static readonly empty = new TokenBook([]);

  /**
   * Reads a book as it was written.
   * @throws SluiceError `TOKEN_BOOK_INVALID`: read in part, a revoked token could come back.
   */
  static parse(text: string): TokenBook {
    try {
      const { tokens } = JSON.parse(text) as { tokens: readonly TokenRecord[] };
      if (!Array.isArray(tokens)) throw new TypeError('it holds no list of tokens');
      for (const token of tokens as readonly TokenRecord[]) assertWhole(token);
      return new TokenBook(tokens as readonly TokenRecord[]);
    } catch (cause) {
      throw new SluiceError('TOKEN_BOOK_INVALID', `Cannot read the tokens: ${(cause as Error).message}`, {
        cause,
        remedy: 'Restore trust/tokens.json of the data folder, or remove it and make new tokens.',
      });
    }
  }

  /** The book as text. */
  encode(): string {
    return `${JSON.stringify({ tokens: this.list() }, null, 2)}\n`;
  }

  /** Every token, oldest first. */
  list(): readonly TokenRecord[] {
    return [...this.#byHash.values()];
  }

  /**
   * The book with one more token, and the secret, which is told this once.
   * @param secret {@link SECRET_BYTES} random bytes.
   * @throws SluiceError `TOKEN_INVALID`, `NAME_PATTERN_INVALID`, `TOKEN_CONFLICT`, `TOKEN_BOOK_FULL`.
   */
  create(wish: TokenWish, secret: Uint8Array): { readonly book: TokenBook; readonly record: TokenRecord; readonly token: string } {
    const { at, by, expiresAt } = wish;
    const kept = this.list();
    const name = checkedName(wish.name);
    if (kept.some((one) => one.name === name && one.revokedAt === null && one.expiresAt > at)) {
      throw new SluiceError('TOKEN_CONFLICT', `A token with the name '${name}' is valid already`, {
        details: { name },
        httpStatus: 409,
        remedy: 'Choose another name, or revoke that one first: records name a token by it',
      });
    }
    if (kept.length >= TOKENS_MAX) {
      throw new SluiceError('TOKEN_BOOK_FULL', `There are ${TOKENS_MAX} tokens already`, {
        details: { tokensMax: TOKENS_MAX },
        httpStatus: 409,
      });
    }
    if (!(expiresAt > at && expiresAt - at <= LIFE_MS_MAX)) throw tokenInvalid('it must expire in the future, within a year');
    const token = `slt_${Buffer.from(secret).toString('base64url')}`;
    const hash = hashOf(token);
    const record: TokenRecord = {
      id: hash.slice(0, 12),
      name,
      hash,
      grants: checkedGrants(wish.roles, wish.bundles),
      createdAt: at,
      createdBy: by,
      expiresAt,
      revokedAt: null,
    };
    return { book: new TokenBook([...kept, record]), record, token };
  }

  /**
   * The book with a token revoked, named by id or name.
   * @throws SluiceError `TOKEN_UNKNOWN`.
   */
  revoke(idOrName: string, at: number): { readonly book: TokenBook; readonly record: TokenRecord } {
    const named = this.list().filter((one) => one.id === idOrName || one.name === idOrName);
    // Of several tokens that had one name over time, at most one is not revoked or expired.
    const found = named.find((one) => one.revokedAt === null && one.expiresAt > at) ?? named.at(-1);
    if (found === undefined) {
      throw new SluiceError('TOKEN_UNKNOWN', `There is no token '${idOrName}'`, {
        details: { token: idOrName },
        httpStatus: 404,
        remedy: '`sluice tokens` lists them',
      });
    }
    const record = { ...found, revokedAt: found.revokedAt ?? at };
    return { book: new TokenBook(this.list().map((one) => (one.id === record.id ? record : one))), record };
  }

  /** Whose token this is, or why it does not count. */
  authenticate(token: string, now: number): Principal | TokenRefusal {
    // Looked up by hash: how long that takes says nothing about the secret.
    const record = this.#byHash.get(hashOf(token));
    if (record === undefined) return 'TOKEN_UNKNOWN';
    if (record.revokedAt !== null) return 'TOKEN_REVOKED';
    if (record.expiresAt <= now) return 'TOKEN_EXPIRED';
    return { name: `token:${record.name}`, role: record.grants.map((grant) => grant.role).join(','), grants: record.grants };
  }
}

function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

function checkedName(name: unknown): string {
  if (typeof name === 'string' && /^[a-zA-Z0-9][a-zA-Z0-9._@-]{0,63}$/.test(name)) return name;
  throw tokenInvalid(`its name is ${JSON.stringify(name) ?? 'missing'}, expected up to 64 letters, digits, '.', '_', '@', '-'`);
}

function checkedGrants(roles: unknown, bundles: unknown): Grant[] {
  if (!Array.isArray(roles) || roles.length === 0) throw tokenInvalid('it has no role');
  if (!Array.isArray(bundles)) throw tokenInvalid('its bundles are no list of patterns');
  const patterns = checkPatterns(bundles);
  return [...new Set(roles as unknown[])].map((role) => {
    if (!isRole(role)) throw tokenInvalid(`'${String(role)}' is no role, expected ${Object.keys(ROLES).join(', ')}`);
    return { role, bundles: patterns };
  });
}

function assertWhole(token: TokenRecord): void {
  const { id, hash, expiresAt, revokedAt, grants } = token;
  if (!/^[0-9a-f]{64}$/.test(hash) || id !== hash.slice(0, 12)) throw new TypeError(`token '${String(id)}' has no fitting hash`);
  checkedName(token.name);
  if (typeof expiresAt !== 'number' || (revokedAt !== null && typeof revokedAt !== 'number'))
    throw new TypeError(`token '${id}' has no end`);
  if (!Array.isArray(grants)) throw new TypeError(`token '${id}' has no grants`);
  for (const grant of grants as readonly Grant[]) checkedGrants([grant.role], grant.bundles);
}

function tokenInvalid(reason: string): SluiceError {
  return new SluiceError('TOKEN_INVALID', `Cannot make the token: ${reason}`, { httpStatus: 400 });
}
