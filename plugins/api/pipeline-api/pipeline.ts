/** The executor: the only one that opens a transaction for an order, locks, and writes. */
import { Type, contract, method, topic, MoneySchema, type Static } from '@sluice/sdk';
import { OrderRequestSchema, OrderViewSchema } from './order.js';

/** Schema of {@link AccountMistake}. */
export const AccountMistakeSchema = Type.Object(
  {
    accountNo: Type.String(),
    code: Type.String(),
    found: Type.Union([Type.String(), Type.Null()]),
    expected: Type.Union([Type.String(), Type.Null()]),
  },
  { additionalProperties: false, $id: 'AccountMistake' },
);

/** Something wrong with an account of the request, found before the order was accepted. */
export type AccountMistake = Static<typeof AccountMistakeSchema>;

/** Schema of {@link SubmitResult}. */
export const SubmitResultSchema = Type.Union([
  Type.Object(
    {
      /** `posted`, or `refused` by a slot or the ledger: the order exists and its key is used. */
      outcome: Type.Union([Type.Literal('posted'), Type.Literal('refused')]),
      /** True when this is the answer of an earlier request with the same key. */
      replay: Type.Boolean(),
      order: OrderViewSchema,
    },
    { additionalProperties: false },
  ),
  Type.Object(
    {
      /** The request cannot become an order. Nothing was written, the key is not used. All mistakes are listed. */
      outcome: Type.Literal('invalid'),
      mistakes: Type.Array(AccountMistakeSchema),
    },
    { additionalProperties: false },
  ),
]);

/** Answer to a submitted order. */
export type SubmitResult = Static<typeof SubmitResultSchema>;

/** Schema of {@link ReverseRequest}. */
export const ReverseRequestSchema = Type.Object(
  {
    orderNo: Type.String(),
    channel: Type.String({ minLength: 1, maxLength: 30 }),
    key: Type.String({ minLength: 8, maxLength: 80 }),
    /** Who asks, for the audit. */
    actor: Type.String({ minLength: 1, maxLength: 80 }),
    reason: Type.String({ maxLength: 140 }),
    servedBy: Type.String({ maxLength: 120 }),
  },
  { additionalProperties: false, $id: 'ReverseRequest' },
);

/** A request to undo a posted order whole, fees included. */
export type ReverseRequest = Static<typeof ReverseRequestSchema>;

/** Executes orders. Errors are thrown for what is no answer to an order: `KEY_REUSED`, `KEY_BUSY`, `SERVICE_UNAVAILABLE`, `ORDER_UNKNOWN`, `ORDER_STATE`. */
export const Pipeline = contract('pipeline.Pipeline', '1.0.0', {
  submit: method([OrderRequestSchema], SubmitResultSchema, 'Executes an order once per channel and key.'),
  find: method([Type.String()], Type.Union([OrderViewSchema, Type.Null()]), 'An order in its present state.'),
  reverse: method(
    [ReverseRequestSchema],
    SubmitResultSchema,
    'Undoes a posted order by a journal of its own; asked again, the same answer.',
  ),
});

/** Event after an order was posted. */
export const OrderPosted = topic(
  'bank/order/posted',
  Type.Object({
    orderNo: Type.String(),
    function: Type.String(),
    customerNo: Type.String(),
    payerAccountNo: Type.String(),
    payeeAccountNo: Type.String(),
    amount: MoneySchema,
  }),
);

/** Event after an order was reversed. */
export const OrderReversed = topic('bank/order/reversed', OrderPosted.schema);
