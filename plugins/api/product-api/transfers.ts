/** Transfers between accounts of this bank. */
import { Type, contract, method, type Static } from '@sluice/sdk';
import { OrderViewSchema } from '@sluice/pipeline-api';

/** Schema of {@link TransferRequest}. Fields are whatever was entered, of any type, so that all mistakes can be told at once. */
export const TransferRequestSchema = Type.Object(
  {
    channel: Type.String({ minLength: 1, maxLength: 30 }),
    customerNo: Type.String(),
    /** Idempotency key made by the client. */
    key: Type.Optional(Type.Unknown()),
    payerAccountNo: Type.Optional(Type.Unknown()),
    payeeAccountNo: Type.Optional(Type.Unknown()),
    /** Decimal text, e.g. `120.50`. */
    amount: Type.Optional(Type.Unknown()),
    currency: Type.Optional(Type.Unknown()),
    narrative: Type.Optional(Type.Unknown()),
    /** Business date `YYYY-MM-DD` on which it is to be executed; absent: at once. */
    executionDate: Type.Optional(Type.Unknown()),
    /** Names of fields that a transfer does not have. */
    unknownFields: Type.Optional(Type.Array(Type.String({ maxLength: 60 }), { maxItems: 20 })),
  },
  { additionalProperties: false, $id: 'TransferRequest' },
);

/** A single transfer, as entered. */
export type TransferRequest = Static<typeof TransferRequestSchema>;

/** Schema of {@link InputMistake}. */
export const InputMistakeSchema = Type.Object(
  {
    /** Field of the request; `key` for the idempotency key. */
    field: Type.String(),
    /** Code of the message dictionary. */
    code: Type.String(),
    /** What was found, as data for the text of the code. */
    found: Type.Union([Type.String(), Type.Null()]),
    /** What was expected, as data for the text of the code. */
    expected: Type.Union([Type.String(), Type.Null()]),
  },
  { additionalProperties: false, $id: 'InputMistake' },
);

/** One mistake in what was entered. */
export type InputMistake = Static<typeof InputMistakeSchema>;

/** Schema of {@link TransferResult}. */
export const TransferResultSchema = Type.Union([
  Type.Object(
    {
      outcome: Type.Union([Type.Literal('posted'), Type.Literal('waiting'), Type.Literal('refused')]),
      replay: Type.Boolean(),
      order: OrderViewSchema,
    },
    { additionalProperties: false },
  ),
  Type.Object({ outcome: Type.Literal('invalid'), mistakes: Type.Array(InputMistakeSchema) }, { additionalProperties: false }),
]);

/** Answer to a transfer. */
export type TransferResult = Static<typeof TransferResultSchema>;

/** Schema of {@link TransferReversal}. */
export const TransferReversalSchema = Type.Object(
  {
    channel: Type.String({ minLength: 1, maxLength: 30 }),
    customerNo: Type.String(),
    orderNo: Type.String(),
    key: Type.String({ minLength: 8, maxLength: 80 }),
    reason: Type.String({ maxLength: 140 }),
  },
  { additionalProperties: false, $id: 'TransferReversal' },
);

/** Asks to undo a transfer. */
export type TransferReversal = Static<typeof TransferReversalSchema>;

/** Schema of {@link TransferCancellation}. */
export const TransferCancellationSchema = Type.Object(
  { channel: Type.String({ minLength: 1, maxLength: 30 }), customerNo: Type.String(), orderNo: Type.String() },
  { additionalProperties: false, $id: 'TransferCancellation' },
);

/** Asks to end a transfer that waits. */
export type TransferCancellation = Static<typeof TransferCancellationSchema>;

/** Transfers of a customer. An order of somebody else is as unknown as one that does not exist. */
export const Transfers = contract('transfer.Transfers', '1.1.0', {
  transfer: method([TransferRequestSchema], TransferResultSchema, 'Executes a single transfer once per channel and key.'),
  find: method(
    [Type.String(), Type.String()],
    Type.Union([OrderViewSchema, Type.Null()]),
    'An order of a customer: customer number, order number.',
  ),
  reverse: method(
    [TransferReversalSchema],
    Type.Union([TransferResultSchema, Type.Null()]),
    'Undoes a transfer; null for an unknown order.',
  ),
  cancel: method(
    [TransferCancellationSchema],
    Type.Union([OrderViewSchema, Type.Null()]),
    'Ends a transfer that waits and frees what it held; null for an unknown order.',
  ),
  version: method([], Type.String(), 'Bundle and version that serve transfers, e.g. `business.transfer@1.0.0`.'),
});
