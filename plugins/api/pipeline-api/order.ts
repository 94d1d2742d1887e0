/** Orders: what a customer asks for, the states it passes through, and how it looks from outside. */
import { Type, MoneySchema, type Static } from '@sluice/sdk';
import { AccountNoSchema } from '@sluice/core-api';

/**
 * All states of an order. RECEIVED and AUTHORISED are passed through inside one transaction while the core is the embedded one.
 * CHALLENGED to SCHEDULED belong to orders that wait for somebody or for their date, SENT_TO_CORE and UNKNOWN to a remote core.
 * UNKNOWN means that nobody knows yet: it is shown as "being processed", never as failed.
 */
export const ORDER_STATES = [
  'RECEIVED',
  'CHALLENGED',
  'WAITING_OTHER_CHANNEL',
  'HELD_BY_RISK',
  'WAITING_APPROVAL',
  'SCHEDULED',
  'AUTHORISED',
  'SENT_TO_CORE',
  'UNKNOWN',
  'POSTED',
  'REJECTED',
  'CANCELLED',
  'EXPIRED',
  'REVERSED',
] as const;

/** State of an order. */
export type OrderState = (typeof ORDER_STATES)[number];

/** States in which an order waits for somebody. */
export const WAIT_STATES = ['CHALLENGED', 'WAITING_OTHER_CHANNEL', 'HELD_BY_RISK', 'WAITING_APPROVAL', 'SCHEDULED'] as const;

/** State in which an order waits for somebody. */
export type WaitState = (typeof WAIT_STATES)[number];

/** Schema of {@link BookingLeg}. */
export const BookingLegSchema = Type.Object(
  {
    accountNo: AccountNoSchema,
    /** DEBIT takes from the account, CREDIT gives to it. */
    side: Type.Union([Type.Literal('DEBIT'), Type.Literal('CREDIT')]),
    money: MoneySchema,
    /** Customer who must own the account; not stated for a payee. */
    owner: Type.Optional(Type.String()),
    /** Kind the account must have; an account of another kind is treated as unknown. */
    kind: Type.Optional(Type.Union([Type.Literal('CUSTOMER'), Type.Literal('BANK')])),
  },
  { additionalProperties: false, $id: 'BookingLeg' },
);

/** One movement of the principal, as the business function wants it. */
export type BookingLeg = Static<typeof BookingLegSchema>;

const orderParts = {
  /** Channel it came by, e.g. `mobile`. */
  channel: Type.String({ minLength: 1, maxLength: 30 }),
  /** Business function, e.g. `transfer.single`. */
  function: Type.String({ minLength: 1, maxLength: 60 }),
  customerNo: Type.String({ minLength: 1, maxLength: 30 }),
  /** The principal; fees come on top. */
  amount: MoneySchema,
  payerAccountNo: AccountNoSchema,
  payeeAccountNo: AccountNoSchema,
  narrative: Type.String({ maxLength: 140 }),
  booking: Type.Array(BookingLegSchema, { minItems: 2, maxItems: 20 }),
  /** Business date on which it is to be executed; absent: at once. Until then it is SCHEDULED. */
  executeOn: Type.Optional(Type.String({ pattern: '^[0-9]{4}-[0-9]{2}-[0-9]{2}$' })),
};

/** Schema of {@link OrderRequest}. */
export const OrderRequestSchema = Type.Object(
  {
    ...orderParts,
    /** Idempotency key made by the client, unique in its channel. */
    key: Type.String({ minLength: 8, maxLength: 80 }),
    /** Bundle and version that turned the customer's wish into this request; kept with the order. */
    servedBy: Type.String({ maxLength: 120 }),
  },
  { additionalProperties: false, $id: 'OrderRequest' },
);

/** A request to execute an order. */
export type OrderRequest = Static<typeof OrderRequestSchema>;

/** Schema of {@link Order}. */
export const OrderSchema = Type.Object(
  {
    orderNo: Type.String(),
    /** Order that this one belongs to: the original of a reversal, the batch of an item. */
    parentOrderNo: Type.Union([Type.String(), Type.Null()]),
    ...orderParts,
  },
  { additionalProperties: false, $id: 'Order' },
);

/** An order as the steps of the pipeline see it. */
export type Order = Static<typeof OrderSchema>;

/** Schema of {@link Refusal}. */
export const RefusalSchema = Type.Object(
  {
    /** Slot that refused, or `core` for the ledger. */
    slot: Type.String(),
    code: Type.String(),
    details: Type.Record(Type.String(), Type.Unknown()),
  },
  { additionalProperties: false, $id: 'Refusal' },
);

/** Why an order was refused. */
export type Refusal = Static<typeof RefusalSchema>;

/** Schema of {@link Waiting}. */
export const WaitingSchema = Type.Object(
  {
    /** Slot whose step wants something first, or `dispatch` for an order that waits for its date. */
    slot: Type.String(),
    /** What it waits for, as the step says it. */
    for: Type.Unknown(),
    /** Milliseconds since 1970 at which it expires; null for an order that waits for its date. */
    expiresAt: Type.Union([Type.Number(), Type.Null()]),
  },
  { additionalProperties: false, $id: 'Waiting' },
);

/** What a waiting order waits for. */
export type Waiting = Static<typeof WaitingSchema>;

/** Schema of {@link OrderView}. */
export const OrderViewSchema = Type.Object(
  {
    orderNo: Type.String(),
    parentOrderNo: Type.Union([Type.String(), Type.Null()]),
    state: Type.Unsafe<OrderState>({ type: 'string', enum: [...ORDER_STATES] }),
    channel: Type.String(),
    function: Type.String(),
    customerNo: Type.String(),
    amount: MoneySchema,
    /** Fees charged on top, in the currency of the amount. */
    fee: MoneySchema,
    payerAccountNo: AccountNoSchema,
    payeeAccountNo: AccountNoSchema,
    narrative: Type.String(),
    businessDate: Type.String(),
    /** Milliseconds since 1970. */
    receivedAt: Type.Number(),
    servedBy: Type.String(),
    refusal: Type.Union([RefusalSchema, Type.Null()]),
    executeOn: Type.Optional(Type.String()),
    /** Only while the order waits: amount and fee are held then. */
    waiting: Type.Optional(WaitingSchema),
  },
  { additionalProperties: false, $id: 'OrderView' },
);

/** An order as it is answered and kept. */
export type OrderView = Static<typeof OrderViewSchema>;
