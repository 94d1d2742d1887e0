/**
 * Keys, tokens and policy of a data folder: `<data>/trust/keys.json`, `tokens.json`, `settings.json`. Only the local folder counts, so nobody who
 * controls a database or a registry decides whom a kernel trusts. Every change is durable before it counts.
 */
import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import { KeyRing, type TrustedKey } from '../trust/key-ring.js';
import { parsePolicy, POLICY_DEFAULT, type Policy } from '../trust/policy.js';
import type { TrustOffice } from '../trust/ports.js';
import type { Principal } from '../trust/roles.js';
import { SECRET_BYTES, TokenBook, type TokenRecord, type TokenRefusal } from '../trust/token.js';
import { NodeFiles, replaceFile } from './files.js';

/** Options of {@link openTrustOffice}. */
export interface TrustOfficeOptions {
  readonly now: () => number;
  /** In place of what the settings file says. */
  readonly policy?: Policy;
}

/**
 * Opens the keys, tokens and settings of a data folder.
 * @throws SluiceError `KEY_RING_INVALID`, `TOKEN_BOOK_INVALID`, `TRUST_SETTINGS_INVALID`.
 */
export function openTrustOffice(dataFolder: string, options: TrustOfficeOptions): FolderTrustOffice {
  const folder = `${dataFolder}/trust`;
  fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
  const settings = textOf(folder, 'settings.json');
  const policy = options.policy ?? (settings === null ? POLICY_DEFAULT : parsePolicy(settings));
  return new FolderTrustOffice(folder, policy, options.now);
}

/** Keys and tokens in a folder. Made by {@link openTrustOffice}. */
export class FolderTrustOffice implements TrustOffice {
  #ring: KeyRing;
  #book: TokenBook;
  /** Changes one after the other: each is made from the one before. */
  #work: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly folder: string,
    readonly policy: Policy,
    private readonly now: () => number,
  ) {
    const ring = textOf(folder, 'keys.json');
    const book = textOf(folder, 'tokens.json');
    this.#ring = ring === null ? KeyRing.empty : KeyRing.parse(ring);
    this.#book = book === null ? TokenBook.empty : TokenBook.parse(book);
  }

  get ring(): KeyRing {
    return this.#ring;
  }

  trustKey(wish: Parameters<TrustOffice['trustKey']>[0]): Promise<TrustedKey> {
    return this.#change(async () => {
      const { ring, key } = this.#ring.trust({ ...wish, at: this.now() });
      await this.#write('keys.json', ring.encode());
      this.#ring = ring;
      return key;
    });
  }

  revokeKey(id: string, by: string, reason: string): Promise<TrustedKey> {
    return this.#change(async () => {
      const ring = this.#ring.revoke(id, { at: this.now(), by, reason });
      await this.#write('keys.json', ring.encode());
      this.#ring = ring;
      return ring.find(id) as TrustedKey;
    });
  }

  tokens(): readonly TokenRecord[] {
    return this.#book.list();
  }

  createToken(wish: Parameters<TrustOffice['createToken']>[0]): Promise<{ readonly record: TokenRecord; readonly token: string }> {
    return this.#change(async () => {
      const at = this.now();
      const { book, record, token } = this.#book.create({ ...wish, at, expiresAt: at + wish.lifeMs }, randomBytes(SECRET_BYTES));
      await this.#write('tokens.json', book.encode());
      this.#book = book;
      return { record, token };
    });
  }

  revokeToken(idOrName: string): Promise<TokenRecord> {
    return this.#change(async () => {
      const { book, record } = this.#book.revoke(idOrName, this.now());
      await this.#write('tokens.json', book.encode());
      this.#book = book;
      return record;
    });
  }

  authenticate(token: string): Principal | TokenRefusal {
    return this.#book.authenticate(token, this.now());
  }

  #write(name: string, text: string): Promise<void> {
    return replaceFile(new NodeFiles(), this.folder, name, Buffer.from(text));
  }

  #change<T>(change: () => Promise<T>): Promise<T> {
    const done = this.#work.then(change);
    this.#work = done.catch(() => undefined);
    return done;
  }
}

function textOf(folder: string, name: string): string | null {
  const path = `${folder}/${name}`;
  return fs.existsSync(path) ? fs.readFileSync(path, 'utf8') : null;
}
