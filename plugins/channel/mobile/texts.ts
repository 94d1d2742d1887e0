/** Texts of this channel for codes of the platform. A code without a text is still shown, as a code. */

const TEXTS: Readonly<Record<string, string>> = {
  ACCOUNT_CLOSED: 'One of the accounts is closed.',
  COUNTER_EXCEEDED: 'This order would pass a limit.',
  FEE_ACCOUNT_MISSING: 'Orders in this currency cannot be executed at present.',
  INPUT_INVALID: 'Something you entered needs correcting.',
  INSUFFICIENT_FUNDS: 'The account does not have enough money for this order.',
  LIMIT_NOT_DEFINED: 'Orders in this currency are not open.',
  LIMIT_ORDER_EXCEEDED: 'The amount is above the limit of a single order.',
  LOGIN_LOCKED: 'This login is locked because a wrong password was entered too often.',
  LOGIN_REFUSED: 'Login name or password is wrong.',
  ORDER_UNKNOWN: 'There is no such order.',
  ACCOUNT_UNKNOWN: 'There is no such account.',
  REVERSAL_CLOSED: 'Transfers are reversed at a branch.',
};

/** What a customer reads for a code. */
export function textOf(code: string): string {
  return TEXTS[code] ?? 'The request was refused.';
}
