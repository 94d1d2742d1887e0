/** Numbers of customers and accounts. Pure. */

const BRANCH = '1001';

/** Customer number of a sequence, e.g. `C0000042`. */
export function customerNumber(sequence: number): string {
  return `C${String(sequence).padStart(7, '0')}`;
}

/** Twelve digits, too few for a card number: branch, sequence, check digit. */
export function accountNumber(sequence: number): string {
  const body = BRANCH + String(sequence).padStart(7, '0');
  return body + luhnDigit(body);
}

/** The digit that makes the Luhn sum a multiple of ten. */
export function luhnDigit(digits: string): string {
  let sum = 0;
  for (let index = digits.length - 1, double = true; index >= 0; index -= 1, double = !double) {
    const digit = Number(digits[index]) * (double ? 2 : 1);
    sum += digit > 9 ? digit - 9 : digit;
  }
  return String((10 - (sum % 10)) % 10);
}
