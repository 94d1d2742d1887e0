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
      /** `posted`, `waiting` for somebody or for its date, or ended without effect (`refused`): the order exists and its key is used. */
      outcome: Type.Union([Type.Literal('posted'), Type.Literal('waiting'), Type.Literal('refused')]),
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

/** Schema of {@link ContinueRequest}. */
export const ContinueRequestSchema = Type.Object(
  {
    orderNo: Type.String(),
    channel: Type.String({ minLength: 1, maxLength: 30 }),
    /** Who answers, for the audit. */
    actor: Type.String({ minLength: 1, maxLength: 80 }),
    /** Slot whose step asked. */
    slot: Type.String(),
    /** What the step is to judge; plain JSON, never kept by the pipeline. */
    answer: Type.Unknown(),
  },
  { additionalProperties: false, $id: 'ContinueRequest' },
);

/** The answer that a waiting order waits for. */
export type ContinueRequest = Static<typeof ContinueRequestSchema>;

/** Schema of {@link CancelRequest}. */
export const CancelRequestSchema = Type.Object(
  {
    orderNo: Type.String(),
    channel: Type.String({ minLength: 1, maxLength: 30 }),
    actor: Type.String({ minLength: 1, maxLength: 80 }),
  },
  { additionalProperties: false, $id: 'CancelRequest' },
);

/** A customer's wish to end a waiting order. */
export type CancelRequest = Static<typeof CancelRequestSchema>;

/** Schema of {@link InvalidAttempt}. */
export const InvalidAttemptSchema = Type.Object(
  {
    channel: Type.String(),
    customerNo: Type.String(),
    function: Type.String(),
    mistakes: Type.Array(Type.Object({ field: Type.String(), code: Type.String() }, { additionalProperties: false })),
  },
  { additionalProperties: false, $id: 'InvalidAttempt' },
);

/** A request that could not become an order. */
export type InvalidAttempt = Static<typeof InvalidAttemptSchema>;

/** Executes orders. Errors are thrown for what is no answer to an order: `KEY_REUSED`, `KEY_BUSY`, `SERVICE_UNAVAILABLE`, `ORDER_UNKNOWN`, `ORDER_STATE`. */
export const Pipeline = contract('pipeline.Pipeline', '1.1.0', {
  submit: method([OrderRequestSchema], SubmitResultSchema, 'Executes an order once per channel and key.'),
  find: method([Type.String()], Type.Union([OrderViewSchema, Type.Null()]), 'An order in its present state.'),
  reverse: method(
    [ReverseRequestSchema],
    SubmitResultSchema,
    'Undoes a posted order by a journal of its own; asked again, the same answer.',
  ),
  resume: method([ContinueRequestSchema], OrderViewSchema, 'Hands the awaited answer to the step that made an order wait.'),
  cancel: method([CancelRequestSchema], OrderViewSchema, 'Ends a waiting order and frees what it held; asked again, the same answer.'),
  runDue: method([], Type.Integer(), 'Executes orders whose date has come and ends those that waited too long; returns how many.'),
  noteInvalid: method([InvalidAttemptSchema], Type.Null(), 'Audits a request that could not become an order: the only row it leaves.'),
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

/** Event after an order that had waited ended without effect: refused, cancelled or expired. */
export const OrderEnded = topic(
  'bank/order/ended',
  Type.Object({
    orderNo: Type.String(),
    function: Type.String(),
    customerNo: Type.String(),
    payerAccountNo: Type.String(),
    payeeAccountNo: Type.String(),
    amount: MoneySchema,
    outcome: Type.Union([Type.Literal('refused'), Type.Literal('cancelled'), Type.Literal('expired')]),
  }),
);
