/** The fee of one order: a flat part and a part per mille, rounded half up to the minor unit once, at the end. Pure, and never through a float. */
import { exponentOf } from '@sluice/core-api';

/** A fee in whole numbers. */
export interface FeeSchedule {
  readonly flatMinor: bigint;
  /** Thousandths of a per mille: 1.5 per mille is 1,500. */
  readonly perMilleThousandths: bigint;
}

/** No fee at all. */
export const NO_FEE: FeeSchedule = { flatMinor: 0n, perMilleThousandths: 0n };

/** A thousandth of a per mille of one minor unit. */
const SCALE = 1_000_000n;

/** The fee for an amount in minor units. The amount is positive. */
export function feeFor(amountMinor: bigint, schedule: FeeSchedule): bigint {
  const scaled = schedule.flatMinor * SCALE + amountMinor * schedule.perMilleThousandths;
  return roundHalfUp(scaled, SCALE);
}

/** Divides a number that is not negative and rounds half up. */
export function roundHalfUp(numerator: bigint, denominator: bigint): bigint {
  return (2n * numerator + denominator) / (2n * denominator);
}

/**
 * Reads a decimal text with a bounded number of digits after the point into whole units of the last digit.
 * @throws RangeError when the text is none, or is finer.
 */
export function scaledDecimal(text: string, digitsAfterPoint: number): bigint {
  const match = /^([0-9]{1,15})(?:\.([0-9]+))?$/.exec(text);
  const fraction = match?.[2] ?? '';
  if (match === null || fraction.length > digitsAfterPoint) {
    throw new RangeError(`'${text}' is no decimal number with at most ${digitsAfterPoint} digits after the point`);
  }
  return BigInt((match[1] as string) + fraction.padEnd(digitsAfterPoint, '0'));
}

/** Reads an amount of configuration in minor units of a currency; zero is allowed. */
export function configuredMinor(text: string, currency: string): bigint {
  const exponent = exponentOf(currency);
  if (exponent === undefined) throw new RangeError(`currency '${currency}' is not kept by the bank`);
  return scaledDecimal(text, exponent);
}
