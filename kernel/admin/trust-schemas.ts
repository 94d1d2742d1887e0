/** JSON Schemas of the answers and bodies about trust. The end of schemas.ts checks them against the types. */
import { Type, type TSchema } from '@sluice/sdk';
import { ROLES } from '../trust/roles.js';
import { SIGNER_ROLES } from '../trust/signature.js';

const text = Type.String;
const integer = Type.Integer;
const list = Type.Array;
const nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
const object = <P extends Record<string, TSchema>>(properties: P) => Type.Object(properties, { additionalProperties: false });
const oneOf = <const T extends string>(values: readonly T[]) => Type.Unsafe<T>({ type: 'string', enum: [...values] });

const signer = oneOf(SIGNER_ROLES);
const role = oneOf(Object.keys(ROLES) as (keyof typeof ROLES)[]);
const problem = object({ code: text(), message: text(), remedy: Type.Optional(text()), details: Type.Record(text(), Type.Unknown()) });

const Stored = object({
  bundle: text(),
  version: text(),
  digest: text(),
  host: Type.Optional(text()),
  bytes: integer(),
  uploadedAt: integer(),
  uploadedBy: text(),
  build: nullable(text()),
  release: nullable(text()),
  approved: Type.Boolean(),
  problems: list(problem),
});

const Key = object({
  id: text(),
  name: text(),
  role: signer,
  prefixes: list(text()),
  publicKey: text(),
  trustedAt: integer(),
  trustedBy: text(),
  revoked: nullable(object({ at: integer(), by: text(), reason: text() })),
});

const tokenProperties = {
  id: text(),
  name: text(),
  grants: list(object({ role, bundles: list(text()) })),
  createdAt: integer(),
  createdBy: text(),
  expiresAt: integer(),
  revokedAt: nullable(integer()),
};

const Audit = object({
  sequence: integer(),
  at: integer(),
  actor: text(),
  role: text(),
  action: text(),
  target: text(),
  phase: oneOf(['begin', 'end', 'refused', 'note']),
  of: Type.Optional(integer()),
  outcome: Type.Optional(text()),
  code: Type.Optional(text()),
  digests: Type.Optional(list(text())),
  digestsInAll: Type.Optional(integer()),
  previous: text(),
  hash: text(),
});

/** Schema of each answer. */
export const TRUST_SCHEMAS = {
  artifacts: list(Stored),
  upload: list(Stored),
  addSignatures: Stored,
  keys: list(Key),
  trustKey: Key,
  revokeKey: Key,
  tokens: list(object(tokenProperties)),
  createToken: object({ ...tokenProperties, token: text() }),
  revokeToken: object(tokenProperties),
  audit: list(Audit),
  verifyAudit: Type.Union([
    object({ intact: Type.Literal(true), records: integer(), head: object({ sequence: integer(), hash: text() }) }),
    object({ intact: Type.Literal(false), sequence: integer(), reason: text(), where: text() }),
  ]),
} as const;

/** Bodies. */
export const TRUST_BODIES = {
  addSignatures: Type.Object(
    { format: text(), signatures: list(Type.Record(text(), text())) },
    { description: 'a signature file as it is' },
  ),
  trustKey: object({ name: text(), role: signer, prefixes: list(text()), publicKey: text({ description: 'PEM' }) }),
  revokeKey: object({ id: text(), reason: Type.Optional(text()) }),
  createToken: object({ name: text(), roles: list(role), bundles: list(text()), lifeMs: Type.Optional(integer({ minimum: 1 })) }),
  revokeToken: object({ token: text({ description: 'id or name' }) }),
} as const;
