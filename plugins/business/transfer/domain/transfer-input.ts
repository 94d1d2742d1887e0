/**
 * Judges what a customer entered for a transfer, and finds all mistakes at once, so that nobody has to mend them one by one. Pure.
 * Always holds: no mistakes means an amount above zero, in whole minor units of a kept currency, between two different accounts.
 */
import type { Money } from '@sluice/sdk';
import {
  AccountNoSchema,
  CoreErrors,
  ENTERED_DIGITS_MAX,
  exponentOf,
  parseAmount,
  type AccountView,
  type AmountMistake,
} from '@sluice/core-api';
import { PipelineErrors, type AccountMistake } from '@sluice/pipeline-api';
import { TransferMistakes, type InputMistake, type TransferRequest } from '@sluice/product-api';

/** What was entered, as far as it can be judged without looking at accounts. */
export interface CheckedInput {
  /** The amount, or undefined when it is one of the mistakes. */
  readonly money: Money | undefined;
  readonly mistakes: readonly InputMistake[];
}

type Entered = Pick<TransferRequest, 'payerAccountNo' | 'payeeAccountNo' | 'amount' | 'currency'>;
type AccountField = 'payerAccountNo' | 'payeeAccountNo';

const ACCOUNT_NO = new RegExp(AccountNoSchema.pattern as string);

/** Checks form: amount, currency, account numbers. */
export function checkInput(entered: Entered): CheckedInput {
  const mistakes: InputMistake[] = [];
  for (const field of ['payerAccountNo', 'payeeAccountNo'] as const) {
    if (!isAccountNo(entered[field])) {
      mistakes.push({
        field,
        code: TransferMistakes.accountInvalid,
        message: 'An account number has capital letters, digits and hyphens only.',
      });
    }
  }
  if (entered.payerAccountNo === entered.payeeAccountNo) {
    mistakes.push({ field: 'payeeAccountNo', code: TransferMistakes.sameAccount, message: 'Payer and payee are the same account.' });
  }
  const amount = parseAmount(entered.amount, entered.currency);
  if (!amount.ok) mistakes.push(amountMistake(amount.mistake, entered));
  return { money: amount.ok ? amount.money : undefined, mistakes };
}

/** True when a text may be looked up as an account number. */
export function isAccountNo(text: string): boolean {
  return ACCOUNT_NO.test(text);
}

/** Checks the accounts themselves. For requests that have mistakes anyway; others are judged by the pipeline as it reads them. */
export function checkAccounts(entered: Entered, customerNo: string, accounts: readonly AccountView[]): readonly InputMistake[] {
  const mistakes: InputMistake[] = [];
  for (const field of ['payerAccountNo', 'payeeAccountNo'] as const) {
    if (!isAccountNo(entered[field])) continue;
    const account = accounts.find((candidate) => candidate.accountNo === entered[field] && candidate.kind === 'CUSTOMER');
    if (account === undefined) mistakes.push(accountMistake(field, CoreErrors.accountUnknown, null));
    else if (field === 'payerAccountNo' && account.customerNo !== customerNo) {
      mistakes.push(accountMistake(field, PipelineErrors.accountForeign, null));
    } else if (exponentOf(entered.currency) !== undefined && account.currency !== entered.currency) {
      mistakes.push(accountMistake(field, CoreErrors.currencyMismatch, account.currency));
    }
  }
  return mistakes;
}

/** Mistakes the pipeline found in accounts, by field of the request. */
export function mistakesOfPipeline(entered: Entered, found: readonly AccountMistake[]): readonly InputMistake[] {
  return found.map(({ accountNo, code, expected }) =>
    accountMistake(accountNo === entered.payerAccountNo ? 'payerAccountNo' : 'payeeAccountNo', code, expected),
  );
}

function amountMistake(mistake: AmountMistake, { amount, currency }: Entered): InputMistake {
  const exponent = exponentOf(currency);
  const messages: Readonly<Record<AmountMistake, string>> = {
    CURRENCY_UNKNOWN: 'The bank keeps no accounts in this currency.',
    AMOUNT_NOT_DECIMAL: 'An amount is written with digits and at most one point, e.g. 120.50.',
    AMOUNT_TOO_FINE: `An amount in ${currency} has at most ${exponent} digits after the point.`,
    AMOUNT_TOO_LONG: `An amount has at most ${ENTERED_DIGITS_MAX} digits, those after the point included.`,
    AMOUNT_NOT_POSITIVE: `An amount is more than zero, found ${amount}.`,
  };
  return { field: mistake === 'CURRENCY_UNKNOWN' ? 'currency' : 'amount', code: mistake, message: messages[mistake] };
}

function accountMistake(field: AccountField, code: string, accountCurrency: string | null): InputMistake {
  const messages: Readonly<Record<string, string>> = {
    [CoreErrors.accountUnknown]: 'There is no such account.',
    [PipelineErrors.accountForeign]: 'This is not an account of yours.',
    [CoreErrors.currencyMismatch]: `The account is kept in another currency${accountCurrency === null ? '' : ` (${accountCurrency})`}.`,
  };
  return { field, code, message: messages[code] ?? 'This account cannot be used.' };
}
