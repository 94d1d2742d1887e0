/** Transfers between accounts of this bank. */
import { Type, contract, method, type Static } from '@sluice/sdk';
import { OrderViewSchema } from '@sluice/pipeline-api';

/** Schema of {@link TransferRequest}: everything as entered, so that all mistakes can be told at once. */
export const TransferRequestSchema = Type.Object(
  {
    channel: Type.String({ minLength: 1, maxLength: 30 }),
    customerNo: Type.String(),
    /** Idempotency key made by the client. */
    key: Type.String({ minLength: 8, maxLength: 80 }),
    payerAccountNo: Type.String({ maxLength: 60 }),
    payeeAccountNo: Type.String({ maxLength: 60 }),
    /** Decimal text, e.g. `120.50`. */
    amount: Type.String({ maxLength: 60 }),
    currency: Type.String({ maxLength: 10 }),
    narrative: Type.String({ maxLength: 140 }),
  },
  { additionalProperties: false, $id: 'TransferRequest' },
);

/** A single transfer, as entered. */
export type TransferRequest = Static<typeof TransferRequestSchema>;

/** Schema of {@link InputMistake}. */
export const InputMistakeSchema = Type.Object(
  {
    /** Field of the request. */
    field: Type.String(),
    code: Type.String(),
    message: Type.String(),
  },
  { additionalProperties: false, $id: 'InputMistake' },
);

/** One mistake in what was entered. */
export type InputMistake = Static<typeof InputMistakeSchema>;

/** Schema of {@link TransferResult}. */
export const TransferResultSchema = Type.Union([
  Type.Object(
    {
      outcome: Type.Union([Type.Literal('posted'), Type.Literal('refused')]),
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

/** Transfers of a customer. An order of somebody else is as unknown as one that does not exist. */
export const Transfers = contract('transfer.Transfers', '1.0.0', {
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
  version: method([], Type.String(), 'Bundle and version that serve transfers, e.g. `business.transfer@1.0.0`.'),
});
