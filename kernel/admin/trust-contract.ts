/** The part of the admin protocol about trust: uploads, signatures, keys, tokens, the audit log. Data only, as the rest of the contract. */
import type { AuditRecord, ChainVerdict } from '../trust/audit-chain.js';
import type { TrustedKey } from '../trust/key-ring.js';
import type { StoredArtifact } from '../trust/ports.js';
import type { TokenRecord } from '../trust/token.js';
import type { Endpoint } from './contract.js';

export type { AuditRecord, ChainVerdict, StoredArtifact, TrustedKey };

/** A token as it is shown: without the hash of its secret. */
export type ShownToken = Omit<TokenRecord, 'hash'>;

/** A new token. The secret is told this once and kept nowhere. */
export interface CreatedToken extends ShownToken {
  readonly token: string;
}

const ACTOR = { actor: { type: 'string', summary: 'who asks; recorded in the audit log' } } as const satisfies Endpoint['query'];

const get = (path: string, summary: string, query: Endpoint['query'] = {}): Endpoint => ({
  ...{ method: 'GET', path, summary, answer: 'json', body: 'none', query },
});
const post = (path: string, summary: string, body: Endpoint['body'] = 'json'): Endpoint => ({
  ...{ method: 'POST', path, summary, answer: 'json', body, query: ACTOR },
});

/** Endpoints by name. */
export const TRUST_ENDPOINTS = {
  artifacts: get('/v1/artifacts', 'Uploaded artifacts that wait to be activated'),
  upload: post('/v1/artifacts', 'Stores artifacts and their signatures; nothing of them runs', 'artifacts'),
  addSignatures: post('/v1/signatures', 'Adds a signature file to an uploaded artifact'),
  keys: get('/v1/keys', 'Trusted and revoked keys'),
  trustKey: post('/v1/keys', 'Trusts a public key in a role, for bundle names'),
  revokeKey: post('/v1/keys/revoke', 'Revokes a key for ever'),
  tokens: get('/v1/tokens', 'Tokens of this interface, without their secrets'),
  createToken: post('/v1/tokens', 'Makes a token; its secret is told this once'),
  revokeToken: post('/v1/tokens/revoke', 'Revokes a token'),
  audit: get('/v1/audit', 'Newest records of the audit log, oldest first', {
    limit: { type: 'integer', summary: 'at most this many; default 50' },
  }),
  verifyAudit: get('/v1/audit/verify', 'Examines every record of the audit log', {
    head: { type: 'string', summary: 'a head that was kept elsewhere, sequence:hash; the log must contain it' },
  }),
} as const satisfies Record<string, Endpoint>;

/** What each endpoint answers. */
export interface TrustResults {
  readonly artifacts: readonly StoredArtifact[];
  readonly upload: readonly StoredArtifact[];
  readonly addSignatures: StoredArtifact;
  readonly keys: readonly TrustedKey[];
  readonly trustKey: TrustedKey;
  readonly revokeKey: TrustedKey;
  readonly tokens: readonly ShownToken[];
  readonly createToken: CreatedToken;
  readonly revokeToken: ShownToken;
  readonly audit: readonly AuditRecord[];
  readonly verifyAudit: ChainVerdict;
}
