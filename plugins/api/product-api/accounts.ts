/** A customer's own accounts. */
import { Type, contract, method, type Static } from '@sluice/sdk';
import { AccountNoSchema, AccountViewSchema, HistoryPageSchema, HISTORY_PAGE_MAX } from '@sluice/core-api';

/** Schema of {@link HistoryRequest}. */
export const HistoryRequestSchema = Type.Object(
  {
    customerNo: Type.String(),
    accountNo: AccountNoSchema,
    limit: Type.Integer({ minimum: 1, maximum: HISTORY_PAGE_MAX }),
    before: Type.Optional(Type.String({ pattern: '^[0-9]{1,18}$' })),
  },
  { additionalProperties: false, $id: 'HistoryRequest' },
);

/** Asks for a page of history of one of the customer's accounts. */
export type HistoryRequest = Static<typeof HistoryRequestSchema>;

/** What a customer may see of accounts. An account of somebody else is as unknown as one that does not exist. */
export const Accounts = contract('account.Accounts', '1.0.0', {
  list: method([Type.String()], Type.Array(AccountViewSchema), 'Accounts of a customer with balances, by number.'),
  history: method(
    [HistoryRequestSchema],
    Type.Union([HistoryPageSchema, Type.Null()]),
    'A page of history, or null for an unknown account.',
  ),
});
