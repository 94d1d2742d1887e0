/**
 * The audit: one entry for each action of a customer or operator, written in the database transaction of the action itself, never
 * changed, and sealed into a chain of hashes over the committed entries.
 */
import { Type, contract, localContract, method, type Static } from '@sluice/sdk';
import type { SqlPart } from '@sluice/core-api';

/** What is told about an action. */
export interface AuditEntry {
  /** Milliseconds since 1970. */
  readonly at: number;
  /** Customer, operator or job. */
  readonly actor: string;
  readonly channel: string;
  /** What was done, e.g. `order.submitted`. */
  readonly action: string;
  /** What it was done to, e.g. an order number. */
  readonly subject: string;
  /** How it ended, e.g. a state or `REFUSED`. */
  readonly outcome: string;
  /** Plain JSON; before and after where something changed. Never a secret. */
  readonly detail: Readonly<Record<string, unknown>>;
}

/** Codes of the audit. */
export const AuditErrors = {
  /** An entry was not written; what it tells about is undone with it. */
  notWritten: 'AUDIT_NOT_WRITTEN',
} as const;

/** Writes entries. */
export interface AuditLogService {
  /** The entry as one statement, for a bundle that runs a batch of its own. Pure. */
  part(entry: AuditEntry): SqlPart;
  /** Writes the entry; joins the unit of work it is called in, if any. */
  append(entry: AuditEntry): Promise<void>;
}

/** Contract of the writing side. */
export const AuditLog = localContract<AuditLogService>('audit.Log', '1.0.0', ['part', 'append']);

/** Schema of {@link AuditAnchor}. */
export const AuditAnchorSchema = Type.Object(
  {
    /** Number of the last sealed entry. */
    sealNo: Type.Integer({ minimum: 0 }),
    /** Its hash, 64 hexadecimal digits. */
    hash: Type.String({ pattern: '^[0-9a-f]{64}$' }),
  },
  { additionalProperties: false, $id: 'AuditAnchor' },
);

/** End of the chain at some moment. Kept outside of the database, it proves later that nothing before it was cut off. */
export type AuditAnchor = Static<typeof AuditAnchorSchema>;

/** Schema of {@link AuditVerdict}. */
export const AuditVerdictSchema = Type.Object(
  {
    /** Entries whose seal holds, from the first on. */
    sealed: Type.Integer(),
    /** Entries that wait for the sealer. */
    unsealed: Type.Integer(),
    /** The first number at which the chain breaks, and why; null when it holds to its end. */
    firstBad: Type.Union([
      Type.Object(
        {
          sealNo: Type.Integer(),
          reason: Type.Union([Type.Literal('CHANGED'), Type.Literal('MISSING'), Type.Literal('CUT_OFF'), Type.Literal('ANCHOR_DIFFERS')]),
        },
        { additionalProperties: false },
      ),
      Type.Null(),
    ]),
    head: AuditAnchorSchema,
  },
  { additionalProperties: false, $id: 'AuditVerdict' },
);

/** What a check of the chain found. */
export type AuditVerdict = Static<typeof AuditVerdictSchema>;

/** Schema of {@link AuditLine}. */
export const AuditLineSchema = Type.Object(
  {
    sealNo: Type.Union([Type.Integer(), Type.Null()]),
    at: Type.Number(),
    actor: Type.String(),
    channel: Type.String(),
    action: Type.String(),
    subject: Type.String(),
    outcome: Type.String(),
    /** JSON text. */
    detail: Type.String(),
  },
  { additionalProperties: false, $id: 'AuditLine' },
);

/** One entry, as it is read. */
export type AuditLine = Static<typeof AuditLineSchema>;

/** Reads and checks the audit. */
export const Audit = contract('audit.Audit', '1.0.0', {
  verify: method(
    [Type.Union([AuditAnchorSchema, Type.Null()])],
    AuditVerdictSchema,
    'Checks the chain, against an anchor kept elsewhere if given.',
  ),
  seal: method([], Type.Integer(), 'Seals what is committed now; returns how many entries. The sealer does this by itself.'),
  ofSubject: method([Type.String()], Type.Array(AuditLineSchema), 'Entries about one subject, oldest first, at most 1,000.'),
});
