/** What the mobile bank sends and takes, as JSON Schemas. Amounts are decimal text, account and order numbers are text. */
import { Type } from '@sluice/sdk';

const strict = { additionalProperties: false } as const;
const AmountText = Type.String({ description: 'decimal amount, e.g. 120.50' });

/** Every refusal: an RFC 9457 problem with a stable code. */
export const ProblemSchema = Type.Object(
  {
    type: Type.String(),
    title: Type.String(),
    status: Type.Integer(),
    code: Type.String(),
    detail: Type.Optional(Type.String()),
    instance: Type.Optional(Type.String()),
    errors: Type.Optional(
      Type.Array(
        Type.Object({
          path: Type.String(),
          code: Type.Optional(Type.String()),
          message: Type.String(),
          found: Type.Optional(Type.Union([Type.String(), Type.Null()])),
          expected: Type.Optional(Type.Union([Type.String(), Type.Null()])),
        }),
      ),
    ),
  },
  { description: 'problem document (RFC 9457)' },
);

/** Body of a login. */
export const LoginBody = Type.Object(
  { login: Type.String({ minLength: 1, maxLength: 60 }), password: Type.String({ minLength: 1, maxLength: 200 }) },
  strict,
);

/** Answer to a login. */
export const LoginReply = Type.Object(
  {
    token: Type.String({ description: 'send as "Authorization: Bearer <token>"' }),
    customer: Type.Object({ customerNo: Type.String(), name: Type.String(), pinyin: Type.String() }, strict),
    idleSeconds: Type.Integer({ description: 'seconds without a request after which the session ends' }),
  },
  strict,
);

/** Answer with the accounts of a customer. */
export const AccountsReply = Type.Object(
  {
    accounts: Type.Array(
      Type.Object(
        {
          accountNo: Type.String(),
          title: Type.String(),
          currency: Type.String(),
          balance: AmountText,
          available: AmountText,
          state: Type.String(),
        },
        strict,
      ),
    ),
  },
  strict,
);

/** Answer with a page of history. */
export const HistoryReply = Type.Object(
  {
    entries: Type.Array(
      Type.Object(
        {
          sequence: Type.String(),
          bookedAt: Type.String({ description: 'ISO 8601, UTC' }),
          businessDate: Type.String(),
          side: Type.String({ enum: ['DEBIT', 'CREDIT'] }),
          amount: AmountText,
          currency: Type.String(),
          counterAccountNo: Type.Union([Type.String(), Type.Null()]),
          orderNo: Type.Union([Type.String(), Type.Null()]),
          narrative: Type.String(),
        },
        strict,
      ),
    ),
    next: Type.Union([Type.String(), Type.Null()], { description: 'pass as "before" to read on' }),
  },
  strict,
);

const Entered = (description: string): ReturnType<typeof Type.Unknown> => Type.Unknown({ description });

/** Body of a transfer. Loose on purpose: the business bundle tells all mistakes at once, those of type included. */
export const TransferBody = Type.Object(
  {
    payerAccountNo: Type.Optional(Entered('text: account number')),
    payeeAccountNo: Type.Optional(Entered('text: account number')),
    amount: Type.Optional(Entered('text: decimal amount, e.g. "120.50"; never a number')),
    currency: Type.Optional(Entered('text: ISO 4217 code')),
    narrative: Type.Optional(Entered('text, at most 140 characters')),
    executionDate: Type.Optional(Entered('text: date YYYY-MM-DD on which it is executed; absent: at once')),
  },
  { additionalProperties: true },
);

/** An order as the customer sees it. */
export const OrderReply = Type.Object(
  {
    orderNo: Type.String(),
    state: Type.String(),
    stateText: Type.String({ description: 'the state in words, in the language of the request' }),
    payerAccountNo: Type.String(),
    payeeAccountNo: Type.String(),
    amount: AmountText,
    fee: AmountText,
    currency: Type.String(),
    narrative: Type.String(),
    businessDate: Type.String(),
    executionDate: Type.Union([Type.String(), Type.Null()], { description: 'date of execution, when it is not at once' }),
    receivedAt: Type.String({ description: 'ISO 8601, UTC' }),
    originalOrderNo: Type.Union([Type.String(), Type.Null()]),
    refusalCode: Type.Union([Type.String(), Type.Null()]),
    servedBy: Type.String({ description: 'bundle and version that served the order' }),
  },
  strict,
);

/** Answer with the functions of this channel. */
export const FunctionsReply = Type.Object(
  {
    functions: Type.Array(
      Type.Object(
        {
          function: Type.String(),
          title: Type.String(),
          movesMoney: Type.Boolean(),
          steps: Type.Array(
            Type.Object({ name: Type.String(), label: Type.String(), fields: Type.Array(Type.String()), commits: Type.Boolean() }, strict),
          ),
          fields: Type.Array(
            Type.Object(
              {
                name: Type.String(),
                kind: Type.String(),
                required: Type.Boolean(),
                charactersMax: Type.Integer(),
                label: Type.String(),
              },
              strict,
            ),
          ),
        },
        strict,
      ),
    ),
  },
  strict,
);

/** Headers of a call that moves money. The key comes from the client: a call without one is refused, never given one. */
export const KeyHeaders = Type.Object({
  'idempotency-key': Type.String({ pattern: '^[\\x21-\\x7e]{8,80}$', description: 'made by the client, new for each new order' }),
});

/** The same for a call whose business bundle judges the key together with everything else. */
export const AnyKeyHeaders = Type.Object({
  'idempotency-key': Type.Optional(Type.Unknown({ description: '8 to 80 visible characters; made by the client, new for each new order' })),
});

/** Versions in use. */
export const VersionReply = Type.Object(
  {
    channel: Type.String(),
    transfer: Type.String(),
    transferAgain: Type.String({ description: 'asked twice in one request: always the same' }),
  },
  strict,
);
