/**
 * Judges what a customer entered for a transfer, and finds all mistakes at once, so that nobody has to mend them one by one. Pure.
 * Always holds: no mistakes means an amount above zero, in whole minor units of a kept currency, between two different accounts, today or
 * on a date that exists and is not past.
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
import { dateOf, dayOf } from '@sluice/operation-api';
import { PipelineErrors, type AccountMistake } from '@sluice/pipeline-api';
import { TransferMistakes, type InputMistake, type TransferRequest } from '@sluice/product-api';
import { SINGLE_TRANSFER } from '../functions.js';
import { checkFields } from './fields.js';

/** A transfer that may be tried. */
export interface CheckedTransfer {
  readonly key: string;
  readonly payerAccountNo: string;
  readonly payeeAccountNo: string;
  readonly money: Money;
  readonly narrative: string;
  readonly executeOn: string | undefined;
}

/** What was entered, as far as it can be judged without looking at accounts. */
export interface CheckedInput {
  /** Undefined when there are mistakes. */
  readonly transfer: CheckedTransfer | undefined;
  readonly mistakes: readonly InputMistake[];
}

type AccountField = 'payerAccountNo' | 'payeeAccountNo';

const ACCOUNT_FIELDS: readonly AccountField[] = ['payerAccountNo', 'payeeAccountNo'];
const ACCOUNT_NO = new RegExp(AccountNoSchema.pattern as string);
const KEY = /^[\x21-\x7e]{8,80}$/;
/** How far ahead a transfer may be ordered. */
const DAYS_AHEAD_MAX = 366;

/** Checks form: key, fields, amount, currency, account numbers, date. `today` is the business date. */
export function checkInput(request: TransferRequest, today: string): CheckedInput {
  const { texts, mistakes: formMistakes } = checkFields(SINGLE_TRANSFER, { ...request }, request.unknownFields ?? []);
  const mistakes: InputMistake[] = [...keyMistakes(request.key), ...formMistakes];
  const { payerAccountNo, payeeAccountNo, amount, currency, executionDate } = texts;
  for (const field of ACCOUNT_FIELDS) {
    const accountNo = texts[field];
    if (accountNo !== undefined && !isAccountNo(accountNo)) {
      mistakes.push({ field, code: TransferMistakes.accountInvalid, found: accountNo, expected: null });
    }
  }
  if (payerAccountNo !== undefined && payerAccountNo === payeeAccountNo) {
    mistakes.push({ field: 'payeeAccountNo', code: TransferMistakes.sameAccount, found: payeeAccountNo, expected: null });
  }
  const money = amount === undefined || currency === undefined ? undefined : parseAmount(amount, currency);
  if (money?.ok === false) mistakes.push(amountMistake(money.mistake, amount as string, currency as string));
  // Without an amount the currency can still be wrong, and the other way round.
  else if (money === undefined && currency !== undefined && exponentOf(currency) === undefined) {
    mistakes.push({ field: 'currency', code: TransferMistakes.currencyUnknown, found: currency, expected: null });
  }
  if (executionDate !== undefined) mistakes.push(...dateMistakes(executionDate, today));
  if (mistakes.length > 0 || money?.ok !== true) return { transfer: undefined, mistakes };
  return {
    transfer: {
      key: request.key as string,
      payerAccountNo: payerAccountNo as string,
      payeeAccountNo: payeeAccountNo as string,
      money: money.money,
      narrative: texts.narrative ?? '',
      // Today is at once: it must not wait for a job.
      executeOn: executionDate === today ? undefined : executionDate,
    },
    mistakes,
  };
}

/** The account numbers among what was entered that may be looked up. */
export function enteredAccountNos(request: TransferRequest): readonly string[] {
  return ACCOUNT_FIELDS.map((field) => request[field]).filter((value): value is string => typeof value === 'string' && isAccountNo(value));
}

function isAccountNo(text: string): boolean {
  return ACCOUNT_NO.test(text);
}

/** Checks the accounts themselves. For requests that have mistakes anyway; others are judged by the pipeline as it reads them. */
export function checkAccounts(request: TransferRequest, customerNo: string, accounts: readonly AccountView[]): readonly InputMistake[] {
  const { currency } = request;
  return ACCOUNT_FIELDS.flatMap((field): InputMistake[] => {
    const found = request[field];
    if (typeof found !== 'string' || !isAccountNo(found)) return [];
    const account = accounts.find((candidate) => candidate.accountNo === found && candidate.kind === 'CUSTOMER');
    if (account === undefined) return [{ field, code: CoreErrors.accountUnknown, found, expected: null }];
    if (field === 'payerAccountNo' && account.customerNo !== customerNo) {
      return [{ field, code: PipelineErrors.accountForeign, found, expected: null }];
    }
    const { state } = account;
    if (state === 'CLOSED') return [{ field, code: CoreErrors.accountClosed, found: state, expected: 'OPEN' }];
    if (state === 'FROZEN' && field === 'payerAccountNo')
      return [{ field, code: CoreErrors.accountFrozen, found: state, expected: 'OPEN' }];
    if (typeof currency !== 'string' || exponentOf(currency) === undefined || account.currency === currency) return [];
    return [{ field, code: CoreErrors.currencyMismatch, found: currency, expected: account.currency }];
  });
}

/** Mistakes the pipeline found in accounts, by field of the request. */
export function mistakesOfPipeline(
  entered: Pick<CheckedTransfer, 'payerAccountNo'>,
  found: readonly AccountMistake[],
): readonly InputMistake[] {
  return found.map(({ accountNo, ...mistake }) => ({
    field: accountNo === entered.payerAccountNo ? 'payerAccountNo' : 'payeeAccountNo',
    ...mistake,
  }));
}

function keyMistakes(key: unknown): readonly InputMistake[] {
  const expected = '8-80';
  if (key === undefined || key === null || key === '') return [{ field: 'key', code: TransferMistakes.keyMissing, found: null, expected }];
  if (typeof key === 'string' && KEY.test(key)) return [];
  return [{ field: 'key', code: TransferMistakes.keyInvalid, found: typeof key === 'string' ? String(key.length) : typeof key, expected }];
}

function dateMistakes(date: string, today: string): readonly InputMistake[] {
  const field = 'executionDate';
  const day = dayOf(date);
  if (day === undefined) return [{ field, code: TransferMistakes.dateInvalid, found: date, expected: 'YYYY-MM-DD' }];
  if (date < today) return [{ field, code: TransferMistakes.datePast, found: date, expected: today }];
  const latest = dateOf((dayOf(today) as number) + DAYS_AHEAD_MAX);
  return date > latest ? [{ field, code: TransferMistakes.dateTooFar, found: date, expected: latest }] : [];
}

function amountMistake(mistake: AmountMistake, amount: string, currency: string): InputMistake {
  if (mistake === 'CURRENCY_UNKNOWN') return { field: 'currency', code: mistake, found: currency, expected: null };
  const expected: Readonly<Record<Exclude<AmountMistake, 'CURRENCY_UNKNOWN'>, string>> = {
    AMOUNT_NOT_DECIMAL: '120.50',
    AMOUNT_TOO_FINE: String(exponentOf(currency)),
    AMOUNT_TOO_LONG: String(ENTERED_DIGITS_MAX),
    AMOUNT_NOT_POSITIVE: '0.01',
  };
  return { field: 'amount', code: mistake, found: amount, expected: expected[mistake] };
}
