/**
 * Finds card numbers (PANs) in text and leaves only what PCI DSS allows to be shown: the first six digits and the last four.
 * Owned here: what looks like a card number. A run of digits counts when it has a card's length, begins like one and passes
 * the Luhn check; times and identifiers rarely do.
 */

// 2 to 6 are the issuer ranges of the large networks, 81 is UnionPay's newer one. Letters beside the run mean a hash or an id.
const CANDIDATE = /(?<![A-Za-z0-9])(?:[2-6]|81)(?:[ -]?\d){12,18}(?![A-Za-z0-9])/g;

/** Masks every card number in a text; everything else stays as it is. */
export function maskCardNumbers(text: string): string {
  if (text.length < 13) return text;
  return text.replace(CANDIDATE, (found) => {
    const digits = found.replace(/[ -]/g, '');
    return digits.length >= 13 && digits.length <= 19 && passesLuhn(digits) ? maskDigits(digits) : found;
  });
}

/** First six and last four digits, the rest as stars. Shorter values are hidden whole. */
export function maskDigits(digits: string): string {
  if (digits.length < 13) return '***';
  return `${digits.slice(0, 6)}${'*'.repeat(digits.length - 10)}${digits.slice(-4)}`;
}

/** The check digit rule of card numbers (ISO/IEC 7812-1). */
export function passesLuhn(digits: string): boolean {
  let sum = 0;
  for (let index = 0; index < digits.length; index++) {
    const digit = digits.charCodeAt(digits.length - 1 - index) - 48;
    const weighted = index % 2 === 0 ? digit : digit * 2;
    sum += weighted > 9 ? weighted - 9 : weighted;
  }
  return sum % 10 === 0;
}
