/** Codes of mistakes in what a customer entered. */

/** Codes of single mistakes; a request lists all of them at once. */
export const TransferMistakes = {
  amountNotDecimal: 'AMOUNT_NOT_DECIMAL',
  amountTooFine: 'AMOUNT_TOO_FINE',
  amountTooLong: 'AMOUNT_TOO_LONG',
  amountNotPositive: 'AMOUNT_NOT_POSITIVE',
  currencyUnknown: 'CURRENCY_UNKNOWN',
  sameAccount: 'SAME_ACCOUNT',
  accountInvalid: 'ACCOUNT_NUMBER_INVALID',
} as const;

/** Code of a request with mistakes. */
export const INPUT_INVALID = 'INPUT_INVALID';
