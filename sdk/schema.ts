/**
 * Schemas: one value that is a JSON Schema at run time and a TypeScript type at compile time.
 * Owned here: the builder (TypeBox) and the few schemas every bundle needs. Nothing here validates;
 * validators are the kernel's and the http bundle's business.
 */
import { Type, type Static, type TSchema, type TUnsafe } from '@sinclair/typebox';

export { Type, type Static, type TSchema };

/** Longest decimal text of an amount in minor units: 18 digits stay inside a signed 64-bit column. */
export const AMOUNT_DIGITS_MAX = 18;

/**
 * Schema of a whole number that is a `bigint` in code and a string of digits in JSON.
 * JSON numbers lose precision above 2^53, so they are refused on purpose.
 */
export function bigintText(options: { minimum?: bigint; description?: string } = {}): TUnsafe<bigint> {
  const signed = options.minimum === undefined || options.minimum < 0n;
  const pattern = `^${signed ? '-?' : ''}(0|[1-9][0-9]{0,${AMOUNT_DIGITS_MAX - 1}})$`;
  return Type.Unsafe<bigint>({
    type: 'string',
    pattern,
    'x-sluice': 'bigint',
    ...(options.description === undefined ? {} : { description: options.description }),
  });
}

/** ISO 4217 alphabetic currency code. */
export const CurrencySchema = Type.String({ pattern: '^[A-Z]{3}$', description: 'ISO 4217 currency code' });

/** An amount of money: whole minor units (fen, cents) and a currency. Never a float. */
export const MoneySchema = Type.Object(
  { minor: bigintText({ description: 'amount in minor units' }), currency: CurrencySchema },
  { additionalProperties: false, $id: 'Money' },
);

/** An amount of money: whole minor units (fen, cents) and a currency. */
export type Money = Static<typeof MoneySchema>;
