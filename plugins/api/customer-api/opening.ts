/** Opening customers: what a counter does with a new customer. */
import { Type, bigintText, contract, CurrencySchema, method, type Static } from '@sluice/sdk';
import { CustomerViewSchema } from './customers.js';

/** Schema of {@link OpeningRequest}. */
export const OpeningRequestSchema = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 60 }),
    pinyin: Type.String({ minLength: 1, maxLength: 60 }),
    login: Type.String({ pattern: '^[a-z][a-z0-9]{3,29}$' }),
    password: Type.String({ minLength: 8, maxLength: 200 }),
    currency: CurrencySchema,
    /** Cash paid in at the counter, in minor units. */
    depositMinor: bigintText({ minimum: 0n }),
  },
  { additionalProperties: false, $id: 'OpeningRequest' },
);

/** A new customer with a login and an account. */
export type OpeningRequest = Static<typeof OpeningRequestSchema>;

/** Schema of {@link OpeningResult}. */
export const OpeningResultSchema = Type.Union([
  Type.Object({ outcome: Type.Literal('opened'), customer: CustomerViewSchema, accountNo: Type.String() }, { additionalProperties: false }),
  Type.Object({ outcome: Type.Literal('refused'), code: Type.Literal('LOGIN_TAKEN') }, { additionalProperties: false }),
]);

/** What became of an opening. */
export type OpeningResult = Static<typeof OpeningResultSchema>;

/** Opens customers. The login is what makes it happen once: the same login again is refused. */
export const CustomerOpening = contract('customer.Opening', '1.0.0', {
  open: method([OpeningRequestSchema], OpeningResultSchema, 'Opens a customer, a login and an account with a first deposit, or nothing.'),
});
