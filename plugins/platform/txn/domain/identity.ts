/** Numbers, dates and fingerprints of orders. Pure: time and randomness come in as arguments. */
import { createHash } from 'node:crypto';
import type { OrderRequest } from '@sluice/pipeline-api';

/** The bank's day begins at midnight in UTC+8; there is no daylight saving. */
const BANK_OFFSET_MS = 8 * 3_600_000;
const DAY_MS = 24 * 3_600_000;
/** Crockford's alphabet: no letter that is mistaken for a digit when a customer reads a number aloud. */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
/** Bytes of randomness in an order number; five bits of each are used. */
export const ORDER_RANDOM_BYTES = 10;

/** Date of a moment on the bank's wall calendar, `YYYY-MM-DD`: for numbers only, the business date comes from the calendar. */
export function wallDateOf(atMs: number): string {
  return new Date(atMs + BANK_OFFSET_MS).toISOString().slice(0, 10);
}

/**
 * Number of an order: date, time of day, randomness. Numbers of one millisecond differ by chance alone (2^50), those of
 * different milliseconds ascend, so that new rows lie side by side in every index.
 */
export function orderNumber(atMs: number, random: Uint8Array): string {
  let timeOfDayMs = (atMs + BANK_OFFSET_MS) % DAY_MS;
  let time = '';
  for (let digit = 0; digit < 6; digit += 1) {
    time = (ALPHABET[timeOfDayMs % 32] as string) + time;
    timeOfDayMs = Math.floor(timeOfDayMs / 32);
  }
  const chance = Array.from(random.subarray(0, ORDER_RANDOM_BYTES), (byte) => ALPHABET[byte & 31]).join('');
  return `${wallDateOf(atMs).replaceAll('-', '')}-${time}${chance}`;
}

/**
 * Fingerprint of what the customer asked for. Legs and versions are left out: they are derived, and a new version of a
 * business bundle that derives them otherwise must still recognise the request it is asked to repeat.
 */
export function requestHash(request: Omit<OrderRequest, 'booking' | 'servedBy' | 'key'>): string {
  const { channel, customerNo, payerAccountNo, payeeAccountNo, amount, narrative } = request;
  return sha256([
    channel,
    request.function,
    customerNo,
    payerAccountNo,
    payeeAccountNo,
    amount.currency,
    amount.minor.toString(),
    narrative,
    // Added later: a request without a date keeps the fingerprint it had.
    ...(request.executeOn === undefined ? [] : [request.executeOn]),
  ]);
}

/** Fingerprint of a request to reverse an order. */
export function reversalHash(channel: string, orderNo: string): string {
  return sha256([channel, 'order.reversal', orderNo]);
}

function sha256(parts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}
