/** Customers: one number per person, the same on all channels. */
import { Type, contract, method, type Static } from '@sluice/sdk';

/** Schema of {@link CustomerView}. */
export const CustomerViewSchema = Type.Object(
  { customerNo: Type.String(), name: Type.String(), pinyin: Type.String() },
  { additionalProperties: false, $id: 'CustomerView' },
);

/** A customer. */
export type CustomerView = Static<typeof CustomerViewSchema>;

/** Finds customers. */
export const Customers = contract('customer.Customers', '1.0.0', {
  find: method([Type.String()], Type.Union([CustomerViewSchema, Type.Null()]), 'A customer by number.'),
  count: method([], Type.Integer(), 'How many customers there are.'),
});
