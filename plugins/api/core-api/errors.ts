/** Error codes of the cores. Each is stable: programs and the message dictionary read them. */

/** Codes a core may answer or throw. */
export const CoreErrors = {
  /** No account has this number. */
  accountUnknown: 'ACCOUNT_UNKNOWN',
  /** The account is closed, or may not take part in this movement. */
  accountClosed: 'ACCOUNT_CLOSED',
  /** The account is frozen: money may come in, none may go out. */
  accountFrozen: 'ACCOUNT_FROZEN',
  /** The account is kept in another currency than the amount. */
  currencyMismatch: 'CURRENCY_MISMATCH',
  /** The account's available balance does not cover amount and fee. */
  insufficientFunds: 'INSUFFICIENT_FUNDS',
  /** The legs of a journal do not sum to zero in each currency. A fault of whoever made the journal. */
  journalUnbalanced: 'JOURNAL_UNBALANCED',
  /** A posted journal or leg was about to be changed. A fault, or an attack. */
  journalImmutable: 'JOURNAL_IMMUTABLE',
  /** The journal that is to be reversed was reversed before. */
  alreadyReversed: 'JOURNAL_ALREADY_REVERSED',
  /** An amount is outside of the 18 digits a ledger column holds. */
  amountBound: 'AMOUNT_OUT_OF_BOUNDS',
} as const;

/** One code of {@link CoreErrors}. */
export type CoreErrorCode = (typeof CoreErrors)[keyof typeof CoreErrors];
