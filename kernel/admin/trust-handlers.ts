/** What the endpoints about trust do. Who may use them is in access.ts. */
import { SluiceError } from '@sluice/sdk';
import { SIGNER_ROLES, type SignerRole } from '../trust/signature.js';
import { LIFE_MS_DEFAULT, type TokenRecord } from '../trust/token.js';
import { namesOf } from '../trust/version-rules.js';
import { assertRights } from './access.js';
import type { Call } from './handlers.js';
import { readJson } from './requests.js';
import type { ShownToken, TrustResults } from './trust-contract.js';

const RECORDS_DEFAULT = 50;

type Handlers = { readonly [K in keyof TrustResults]: (call: Call) => TrustResults[K] | Promise<TrustResults[K]> };

/** Handlers by endpoint. */
export const TRUST_HANDLERS: Handlers = {
  artifacts: ({ trust }) => trust.shelf.list(),
  upload: ({ trust, intake, principal }) => trust.shelf.store(intake.artifacts, intake.signatures, principal.name),
  addSignatures: async ({ trust, request, principal }) => {
    const file = await readJson(request);
    const signatures: readonly unknown[] = Array.isArray(file['signatures']) ? file['signatures'] : [];
    for (const one of signatures) {
      const { role, digest } = (one ?? {}) as Readonly<Record<string, unknown>>;
      // By what the artifact is, not by what the signature says it is.
      const names = namesOf(trust.shelf.find(textIn({ digest }, 'digest')));
      assertRights(principal, [role === 'release' ? 'approve' : 'upload'], names, 'addSignatures');
    }
    return trust.shelf.addSignatures(Buffer.from(JSON.stringify(file)));
  },
  keys: ({ trust }) => trust.office.ring.list(),
  trustKey: async ({ trust, request, principal }) => {
    const body = await readJson(request);
    const { role, prefixes } = body;
    if (!(SIGNER_ROLES as readonly unknown[]).includes(role)) throw invalid(`'role' must be ${SIGNER_ROLES.join(' or ')}`);
    if (!Array.isArray(prefixes)) throw invalid("'prefixes' must be a list of patterns");
    const [name, publicKey] = [textIn(body, 'name'), textIn(body, 'publicKey')];
    return trust.office.trustKey({ name, role: role as SignerRole, prefixes: prefixes as unknown[], publicKey, by: principal.name });
  },
  revokeKey: async ({ trust, request, principal, runtime }) => {
    const body = await readJson(request);
    const key = await trust.office.revokeKey(textIn(body, 'id'), principal.name, typeof body['reason'] === 'string' ? body['reason'] : '');
    trust.keyRevoked(runtime.bundles());
    return key;
  },
  tokens: ({ trust }) => trust.office.tokens().map(shown),
  createToken: async ({ trust, request, principal }) => {
    const { name, roles, bundles, lifeMs = LIFE_MS_DEFAULT } = await readJson(request);
    if (typeof lifeMs !== 'number') throw invalid("'lifeMs' must be a number of milliseconds");
    const { record, token } = await trust.office.createToken({ name, roles, bundles, lifeMs, by: principal.name });
    return { ...shown(record), token };
  },
  revokeToken: async ({ trust, request }) => shown(await trust.office.revokeToken(textIn(await readJson(request), 'token'))),
  audit: ({ trust, query }) => trust.audit.read(typeof query['limit'] === 'number' ? query['limit'] : RECORDS_DEFAULT),
  verifyAudit: ({ trust, query }) => trust.audit.verify(witnesses(query['head'])),
};

/** What of a body may stand in the audit log: names and ids, never a value. */
export function targetIn(body: Readonly<Record<string, unknown>>): string {
  const { name, id, token, target, level, set, unset } = body;
  const texts = [name, id, target].filter((one) => typeof one === 'string');
  // Somebody may have put the secret itself where its name belongs.
  if (typeof token === 'string' && !token.startsWith('slt_')) texts.push(token);
  if (typeof level === 'number') texts.push(String(level));
  if (typeof set === 'object' && set !== null) texts.push(...Object.keys(set));
  if (Array.isArray(unset)) texts.push(...unset.filter((one) => typeof one === 'string'));
  return texts.join(' ');
}

function witnesses(head: unknown): { readonly sequence: number; readonly hash: string }[] {
  if (typeof head !== 'string') return [];
  const match = /^(\d{1,15}):([0-9a-f]{64})$/.exec(head);
  if (match !== null) return [{ sequence: Number(match[1]), hash: match[2] as string }];
  throw new SluiceError('AUDIT_HEAD_INVALID', `Cannot read the head '${head.slice(0, 100)}': expected sequence:hash as the log tells it`, {
    httpStatus: 400,
  });
}

function shown({ hash: _hash, ...token }: TokenRecord): ShownToken {
  return token;
}

function textIn(body: Readonly<Record<string, unknown>>, key: string): string {
  const value = body[key];
  if (typeof value === 'string' && value !== '') return value;
  throw invalid(`'${key}' is missing or no text`);
}

function invalid(reason: string): SluiceError {
  return new SluiceError('ADMIN_BODY_INVALID', `Cannot read the body: ${reason}`, { httpStatus: 400 });
}
