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
  keyMissing: 'KEY_MISSING',
  keyInvalid: 'KEY_INVALID',
  fieldMissing: 'FIELD_MISSING',
  fieldNotText: 'FIELD_NOT_TEXT',
  fieldTooLong: 'FIELD_TOO_LONG',
  controlCharacter: 'FIELD_CONTROL_CHARACTER',
  fieldUnknown: 'FIELD_UNKNOWN',
  dateInvalid: 'DATE_INVALID',
  datePast: 'DATE_PAST',
  dateTooFar: 'DATE_TOO_FAR',
} as const;

/** Code of a request with mistakes. */
export const INPUT_INVALID = 'INPUT_INVALID';
