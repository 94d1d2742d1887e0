/**
 * Currencies and their minor units. Part of the contract, because every service that hands over whole minor units must
 * agree with the other side about what a minor unit is. Pure; no float is ever involved.
 */
import type { Money } from '@sluice/sdk';

/** Digits after the point, by ISO 4217 code. A currency that is not listed here is not kept by the bank. */
export const CURRENCY_EXPONENTS: Readonly<Record<string, number>> = Object.freeze({
  CNY: 2,
  USD: 2,
  EUR: 2,
  GBP: 2,
  HKD: 2,
  JPY: 0,
  KRW: 0,
  KWD: 3,
});

/** Digits after the point of a currency, or undefined when the bank does not keep it. */
export function exponentOf(currency: string): number | undefined {
  return Object.hasOwn(CURRENCY_EXPONENTS, currency) ? CURRENCY_EXPONENTS[currency] : undefined;
}

/** Why a text is not an amount. */
export type AmountMistake = 'CURRENCY_UNKNOWN' | 'AMOUNT_NOT_DECIMAL' | 'AMOUNT_TOO_FINE' | 'AMOUNT_TOO_LONG' | 'AMOUNT_NOT_POSITIVE';

/** Longest amount a customer may enter, in digits of minor units. Three digits below what the ledger's columns hold. */
export const ENTERED_DIGITS_MAX = 15;

/** A decimal amount as people write it: optional sign, digits, optional fraction. */
const DECIMAL = /^(-?)([0-9]+)(?:\.([0-9]+))?$/;

/**
 * Reads an amount that somebody entered, e.g. `12.5`. Only positive amounts pass.
 * @returns the amount, or the first reason why the text is none.
 */
export function parseAmount(text: string, currency: string): { ok: true; money: Money } | { ok: false; mistake: AmountMistake } {
  const exponent = exponentOf(currency);
  if (exponent === undefined) return { ok: false, mistake: 'CURRENCY_UNKNOWN' };
  const match = DECIMAL.exec(text);
  if (match === null) return { ok: false, mistake: 'AMOUNT_NOT_DECIMAL' };
  const [, sign = '', whole = '', fraction = ''] = match;
  if (fraction.length > exponent) return { ok: false, mistake: 'AMOUNT_TOO_FINE' };
  const digits = (whole + fraction.padEnd(exponent, '0')).replace(/^0+(?=.)/, '');
  if (digits.length > ENTERED_DIGITS_MAX) return { ok: false, mistake: 'AMOUNT_TOO_LONG' };
  const minor = BigInt(digits);
  if (sign !== '' || minor === 0n) return { ok: false, mistake: 'AMOUNT_NOT_POSITIVE' };
  return { ok: true, money: { minor, currency } };
}

/**
 * Writes an amount as people read it, with all digits of the currency: `{ 1250n, 'CNY' }` is `12.50`.
 * @throws RangeError for a currency the bank does not keep.
 */
export function formatAmount(money: Money): string {
  const exponent = exponentOf(money.currency);
  if (exponent === undefined) throw new RangeError(`currency '${money.currency}' is not kept by the bank`);
  const negative = money.minor < 0n;
  const digits = (negative ? -money.minor : money.minor).toString().padStart(exponent + 1, '0');
  const whole = digits.slice(0, digits.length - exponent);
  return `${negative ? '-' : ''}${whole}${exponent === 0 ? '' : `.${digits.slice(-exponent)}`}`;
}
