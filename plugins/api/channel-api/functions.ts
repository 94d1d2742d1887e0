/**
 * Function descriptors: a business function declares once which steps it has, which fields, what is checked and which texts belong to it.
 * Every channel renders them in its own way (form, voice menu, command, terminal screen). Texts are codes of the message dictionary.
 */
import { Type, localContract, type Static } from '@sluice/sdk';

/** Schema of {@link FunctionField}. */
export const FunctionFieldSchema = Type.Object(
  {
    /** Name in requests and in the mistakes told about them. */
    name: Type.String(),
    kind: Type.Union([
      Type.Literal('account'),
      Type.Literal('amount'),
      Type.Literal('currency'),
      Type.Literal('date'),
      Type.Literal('text'),
    ]),
    required: Type.Boolean(),
    /** Most characters. */
    charactersMax: Type.Integer(),
    /** Code of the field's name in the dictionary. */
    label: Type.String(),
  },
  { additionalProperties: false, $id: 'FunctionField' },
);

/** A field a customer fills in. */
export type FunctionField = Static<typeof FunctionFieldSchema>;

/** Schema of {@link FunctionDescriptor}. */
export const FunctionDescriptorSchema = Type.Object(
  {
    /** Function as orders name it, e.g. `transfer.single`. */
    function: Type.String(),
    /** Code of its name. */
    title: Type.String(),
    /** Steps in their order: which fields are asked for together, and whether the step commits the customer. */
    steps: Type.Array(
      Type.Object(
        { name: Type.String(), label: Type.String(), fields: Type.Array(Type.String()), commits: Type.Boolean() },
        { additionalProperties: false },
      ),
    ),
    fields: Type.Array(FunctionFieldSchema),
    /** Codes of everything that may be refused about its fields. */
    mistakes: Type.Array(Type.String()),
    /** Codes of the states in which an order of it may be shown. */
    states: Type.Array(Type.String()),
    /** True when a call needs an idempotency key of the client. */
    movesMoney: Type.Boolean(),
  },
  { additionalProperties: false, $id: 'FunctionDescriptor' },
);

/** A business function, as data. */
export type FunctionDescriptor = Static<typeof FunctionDescriptorSchema>;

/** Whiteboard contract: a business bundle registers one service for each of its functions. */
export const BankFunction = localContract<FunctionDescriptor>('product.Function', '1.0.0', []);
