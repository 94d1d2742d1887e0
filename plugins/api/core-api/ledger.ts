/**
 * The ledger as other bundles see it: reading accounts and history, opening accounts, posting journals outside of the money
 * pipeline (openings, migrations). Orders of customers never post through here: they go through the pipeline.
 */
import { Type, contract, method, bigintText, CurrencySchema, type Static } from '@sluice/sdk';
import { AccountNoSchema, AccountViewSchema, NewAccountSchema } from './accounts.js';

/** Most entries of one page of history. */
export const HISTORY_PAGE_MAX = 100;

const DateText = Type.String({ pattern: '^[0-9]{4}-[0-9]{2}-[0-9]{2}$' });

/** Schema of {@link HistoryEntry}. */
export const HistoryEntrySchema = Type.Object(
  {
    /** Position in the ledger, ascending; decimal digits. */
    sequence: Type.String(),
    journalId: Type.String(),
    orderNo: Type.Union([Type.String(), Type.Null()]),
    /** Milliseconds since 1970. */
    bookedAt: Type.Number(),
    businessDate: Type.String(),
    side: Type.Union([Type.Literal('DEBIT'), Type.Literal('CREDIT')]),
    amountMinor: bigintText({ minimum: 1n }),
    currency: CurrencySchema,
    counterAccountNo: Type.Union([Type.String(), Type.Null()]),
    narrative: Type.String(),
  },
  { additionalProperties: false, $id: 'HistoryEntry' },
);

/** One leg on an account, newest first in a page. */
export type HistoryEntry = Static<typeof HistoryEntrySchema>;

/** Schema of {@link HistoryPage}. */
export const HistoryPageSchema = Type.Object(
  {
    entries: Type.Array(HistoryEntrySchema),
    /** Pass as `before` to read on; null at the end. */
    next: Type.Union([Type.String(), Type.Null()]),
  },
  { additionalProperties: false, $id: 'HistoryPage' },
);

/** A page of history. */
export type HistoryPage = Static<typeof HistoryPageSchema>;

/** Schema of {@link CurrencyTotal}. */
export const CurrencyTotalSchema = Type.Object(
  {
    currency: CurrencySchema,
    /** Sum of the balances of all customer accounts. */
    customersMinor: bigintText(),
    /** Sum of the legs on all accounts of the bank itself. */
    bankMinor: bigintText(),
    /** Sum of the two. Anything but zero means money was made or lost. */
    sumMinor: bigintText(),
  },
  { additionalProperties: false, $id: 'CurrencyTotal' },
);

/** Money in the whole ledger by currency, read in one snapshot. */
export type CurrencyTotal = Static<typeof CurrencyTotalSchema>;

/** Schema of {@link LedgerVerdict}. */
export const LedgerVerdictSchema = Type.Object(
  {
    /** Journals whose legs do not sum to zero in each currency. */
    unbalancedJournals: Type.Array(Type.String()),
    /** Customer accounts whose balance is not the sum of their legs. */
    differingAccounts: Type.Array(Type.String()),
    /** Customer accounts below zero, or holding more than they have. */
    overdrawnAccounts: Type.Array(Type.String()),
    totals: Type.Array(CurrencyTotalSchema),
  },
  { additionalProperties: false, $id: 'LedgerVerdict' },
);

/** Result of a full check of the books. At most 100 names in each list. */
export type LedgerVerdict = Static<typeof LedgerVerdictSchema>;

/** Read side of a ledger. */
export const Ledger = contract('core.ledger.Ledger', '1.1.0', {
  find: method([AccountNoSchema], Type.Union([AccountViewSchema, Type.Null()]), 'One account with its balances.'),
  findAll: method(
    [Type.Array(AccountNoSchema, { maxItems: 100 })],
    Type.Array(AccountViewSchema),
    'Several accounts; unknown ones are left out.',
  ),
  ofCustomer: method([Type.String()], Type.Array(AccountViewSchema), 'All accounts of a customer, by number.'),
  history: method(
    [
      AccountNoSchema,
      Type.Object({ limit: Type.Integer({ minimum: 1, maximum: HISTORY_PAGE_MAX }), before: Type.Optional(Type.String()) }),
    ],
    HistoryPageSchema,
    'Legs on an account, newest first.',
  ),
  balanceAt: method(
    [AccountNoSchema, DateText],
    Type.Union([bigintText(), Type.Null()]),
    'Posted balance of an account at the end of a business date, in minor units; null for an unknown account.',
  ),
  totals: method([], Type.Array(CurrencyTotalSchema), 'Money by currency, in one snapshot: each sum must be zero.'),
  verify: method([], LedgerVerdictSchema, 'Checks all books. Reads every leg: not for the request path.'),
});

/** Schema of {@link LedgerLeg}. */
export const LedgerLegSchema = Type.Object(
  {
    accountNo: AccountNoSchema,
    currency: CurrencySchema,
    /** Positive credits the account (a customer has more), negative debits it. Never zero. */
    amountMinor: bigintText(),
    counterAccountNo: Type.Union([Type.String(), Type.Null()]),
  },
  { additionalProperties: false, $id: 'LedgerLeg' },
);

/** One side of a journal. */
export type LedgerLeg = Static<typeof LedgerLegSchema>;

/** Schema of {@link JournalDraft}. */
export const JournalDraftSchema = Type.Object(
  {
    journalId: Type.String({ minLength: 1, maxLength: 40 }),
    orderNo: Type.Union([Type.String(), Type.Null()]),
    kind: Type.Union([Type.Literal('OPENING'), Type.Literal('ORDER'), Type.Literal('REVERSAL')]),
    /** Journal that this one reverses; each can be reversed once. */
    reverses: Type.Union([Type.String(), Type.Null()]),
    businessDate: Type.String({ pattern: '^[0-9]{4}-[0-9]{2}-[0-9]{2}$' }),
    /** Milliseconds since 1970. */
    bookedAt: Type.Number(),
    narrative: Type.String({ maxLength: 200 }),
    legs: Type.Array(LedgerLegSchema, { minItems: 2 }),
  },
  { additionalProperties: false, $id: 'JournalDraft' },
);

/** A journal that is to be posted: two legs or more that sum to zero in each currency. */
export type JournalDraft = Static<typeof JournalDraftSchema>;

/** Write side of a ledger outside of the money pipeline. Each call joins the unit of work it is made in, if any. */
export const LedgerBooks = contract('core.ledger.Books', '1.1.0', {
  openAccounts: method([Type.Array(NewAccountSchema)], Type.Integer(), 'Opens accounts that do not exist yet; returns how many.'),
  post: method([JournalDraftSchema], Type.Null(), 'Posts a balanced journal.'),
  setState: method(
    [AccountNoSchema, Type.Union([Type.Literal('OPEN'), Type.Literal('FROZEN'), Type.Literal('CLOSED')])],
    Type.Boolean(),
    'Opens, freezes or closes a customer account. False when there is none, or when one that is to be closed holds money.',
  ),
});
