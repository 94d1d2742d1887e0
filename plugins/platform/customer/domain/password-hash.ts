/**
 * Password hashes: scrypt with its parameters written beside the hash, so that they can be raised later.
 * Always holds: a password or hash is in no message, and comparing takes the same time whatever differs.
 */
import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';

/** Cost of a hash: N = 2^costLog2. */
export interface ScryptParameters {
  readonly costLog2: number;
  readonly blockSize: number;
  readonly parallelism: number;
}

/** Parameters of new hashes: 128 MiB and about a third of a second. */
export const CURRENT_PARAMETERS: ScryptParameters = { costLog2: 17, blockSize: 8, parallelism: 1 };

const SALT_BYTES = 16;
const HASH_BYTES = 32;
const FORM = /^scrypt\$(\d{1,2})\$(\d{1,3})\$(\d{1,3})\$([A-Za-z0-9_-]+)\$([A-Za-z0-9_-]+)$/;

/** Hashes a password with a new salt. */
export async function hashPassword(password: string, parameters: ScryptParameters): Promise<string> {
  const salt = randomBytes(SALT_BYTES);
  return written(parameters, salt, await derive(password, salt, parameters));
}

/** What checking a password found. */
export interface PasswordVerdict {
  readonly matches: boolean;
  /** True when the hash was made with other parameters than new ones are: make it anew while the password is at hand. */
  readonly outdated: boolean;
}

/**
 * Checks a password against a stored hash.
 * @throws RangeError when the stored text is no hash: a fault in the data, never the customer's.
 */
export async function verifyPassword(password: string, stored: string, current: ScryptParameters): Promise<PasswordVerdict> {
  const match = FORM.exec(stored);
  if (match === null) throw new RangeError('a stored password hash is not in the form scrypt$N$r$p$salt$hash');
  const [costLog2, blockSize, parallelism] = [Number(match[1]), Number(match[2]), Number(match[3])];
  const parameters: ScryptParameters = { costLog2, blockSize, parallelism };
  const expected = Buffer.from(match[5] as string, 'base64url');
  const found = await derive(password, Buffer.from(match[4] as string, 'base64url'), parameters);
  const outdated = costLog2 !== current.costLog2 || blockSize !== current.blockSize || parallelism !== current.parallelism;
  return { matches: expected.length === found.length && timingSafeEqual(expected, found), outdated };
}

function derive(password: string, salt: Uint8Array, { costLog2, blockSize, parallelism }: ScryptParameters): Promise<Buffer> {
  const cost = 2 ** costLog2;
  // scrypt needs 128 * N * r bytes and refuses to run within exactly that limit.
  const options = { N: cost, r: blockSize, p: parallelism, maxmem: 256 * cost * blockSize };
  return new Promise((resolve, reject) => {
    scrypt(password.normalize('NFC'), salt, HASH_BYTES, options, (error, key) => (error === null ? resolve(key) : reject(error)));
  });
}

function written({ costLog2, blockSize, parallelism }: ScryptParameters, salt: Buffer, hash: Buffer): string {
  return `scrypt$${costLog2}$${blockSize}$${parallelism}$${salt.toString('base64url')}$${hash.toString('base64url')}`;
}
