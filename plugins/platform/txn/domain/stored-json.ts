/** Orders as text: amounts become digits, and amounts again. Pure. */

/** JSON with whole numbers of 64 bits as text. */
export function toJson(value: unknown): string {
  // A replacer function would do the same in one call, several times slower; this is on the way of every order.
  return JSON.stringify(plain(value));
}

/** Reads what {@link toJson} wrote of an order: every `minor` is an amount. */
export function fromJson(text: string): unknown {
  return JSON.parse(text, (key, inner: unknown) => (key === 'minor' && typeof inner === 'string' ? BigInt(inner) : inner));
}

/** The value with whole numbers of 64 bits as text, for an event or a record. Shares what needs no change. */
export function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(plain);
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
}
