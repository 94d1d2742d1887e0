/** Orders as text: amounts become digits, and amounts again. Pure. */

/** JSON with whole numbers of 64 bits as text. */
export function toJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) => (typeof inner === 'bigint' ? inner.toString() : inner));
}

/** Reads what {@link toJson} wrote of an order: every `minor` is an amount. */
export function fromJson(text: string): unknown {
  return JSON.parse(text, (key, inner: unknown) => (key === 'minor' && typeof inner === 'string' ? BigInt(inner) : inner));
}

/** The value as plain JSON, for an event or a record. */
export function plain(value: unknown): unknown {
  return JSON.parse(toJson(value ?? null));
}
