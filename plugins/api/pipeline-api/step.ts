/**
 * A step of the money pipeline. It holds no transaction and does no I/O: it names the facts it needs, decides by pure
 * synchronous code, and returns what is to happen as data. So it can be swapped between two orders, run in shadow on live
 * facts, and tested as a table of inputs and verdicts.
 */
import { Type, contract, syncMethod, MoneySchema, bigintText, type Static } from '@sluice/sdk';
import { AccountNoSchema } from '@sluice/core-api';
import { OrderSchema, WAIT_STATES, type Order, type WaitState } from './order.js';

/** The slots in the order in which they decide. Each has exactly one provider. */
export const SLOTS = ['channel', 'agreement', 'plan', 'fee', 'limit', 'risk', 'authentication', 'points', 'notice'] as const;

/** Name of a slot. */
export type SlotName = (typeof SLOTS)[number];

const SlotSchema = Type.Unsafe<SlotName>({ type: 'string', enum: [...SLOTS] });
const strict = { additionalProperties: false } as const;

/** Schema of {@link FactRequest}. */
export const FactRequestSchema = Type.Union([
  Type.Object({ kind: Type.Literal('account'), accountNo: AccountNoSchema, lock: Type.Optional(Type.Boolean()) }, strict),
  Type.Object({ kind: Type.Literal('counter'), counter: Type.String({ maxLength: 120 }), lock: Type.Optional(Type.Boolean()) }, strict),
  Type.Object({ kind: Type.Literal('row'), entity: Type.String(), key: Type.String({ maxLength: 120 }) }, strict),
]);

/**
 * A row to read, and with `lock` to keep unchanged until the order is decided. A lock is only needed when the decision itself
 * depends on the value: the conditions of effects (ceilings, funds) hold without one.
 */
export type FactRequest = Static<typeof FactRequestSchema>;

/** Schema of {@link Facts}. */
export const FactsSchema = Type.Object(
  {
    /** Accounts by number; one that does not exist is missing. */
    accounts: Type.Record(
      Type.String(),
      Type.Object(
        {
          customerNo: Type.Union([Type.String(), Type.Null()]),
          kind: Type.Union([Type.Literal('CUSTOMER'), Type.Literal('BANK')]),
          currency: Type.String(),
          state: Type.Union([Type.Literal('OPEN'), Type.Literal('FROZEN'), Type.Literal('CLOSED')]),
          availableMinor: bigintText(),
        },
        strict,
      ),
    ),
    /** Use of counters; one never used is zero. */
    counters: Type.Record(Type.String(), bigintText()),
    /** Rows by `entity/key`; null when there is none. Whole numbers of 64 bits arrive as text. */
    rows: Type.Record(Type.String(), Type.Union([Type.Record(Type.String(), Type.Unknown()), Type.Null()])),
    /** Only for the step that made the order wait, when it is asked again: what it recorded then, and what was answered. */
    continuation: Type.Optional(Type.Object({ record: Type.Unknown(), answer: Type.Unknown() }, strict)),
  },
  { ...strict, $id: 'Facts' },
);

/** What was read, for all slots together. */
export type Facts = Static<typeof FactsSchema>;

/** Schema of {@link BusinessMoment}. */
export const BusinessMomentSchema = Type.Object(
  {
    /** Business date the order is booked on, `YYYY-MM-DD`. */
    businessDate: Type.String(),
    /** Wall clock, milliseconds since 1970. */
    at: Type.Number(),
  },
  { ...strict, $id: 'BusinessMoment' },
);

/** The moment an order is decided at. */
export type BusinessMoment = Static<typeof BusinessMomentSchema>;

/** Schema of {@link Effect}. */
export const EffectSchema = Type.Union([
  Type.Object(
    {
      kind: Type.Literal('take'),
      counter: Type.String({ maxLength: 120 }),
      amount: bigintText({ minimum: 1n }),
      ceiling: bigintText({ minimum: 0n }),
      /** Code of the refusal when used and reserved would pass the ceiling. An amount equal to the ceiling passes. */
      code: Type.String(),
    },
    strict,
  ),
  Type.Object({ kind: Type.Literal('give'), counter: Type.String({ maxLength: 120 }), amount: bigintText({ minimum: 1n }) }, strict),
  Type.Object(
    { kind: Type.Literal('hold'), holdId: Type.String({ maxLength: 60 }), accountNo: AccountNoSchema, money: MoneySchema },
    strict,
  ),
  Type.Object({ kind: Type.Literal('release'), holdId: Type.String({ maxLength: 60 }) }, strict),
  Type.Object(
    {
      kind: Type.Literal('leg'),
      accountNo: AccountNoSchema,
      side: Type.Union([Type.Literal('DEBIT'), Type.Literal('CREDIT')]),
      money: MoneySchema,
    },
    strict,
  ),
  Type.Object({ kind: Type.Literal('row'), entity: Type.String(), values: Type.Record(Type.String(), Type.Unknown()) }, strict),
  Type.Object({ kind: Type.Literal('event'), topic: Type.String(), key: Type.String(), payload: Type.Unknown() }, strict),
]);

/**
 * Something the executor is to do:
 * take from a counter under a ceiling, give back what this order took, hold and release part of a balance, book a leg,
 * insert a row of a declared entity, emit an event through the outbox.
 */
export type Effect = Static<typeof EffectSchema>;

/** Schema of {@link Decision}. */
export const DecisionSchema = Type.Union([
  Type.Object({ go: Type.Literal(true), record: Type.Unknown(), effects: Type.Array(EffectSchema) }, strict),
  Type.Object({ go: Type.Literal(false), code: Type.String(), details: Type.Record(Type.String(), Type.Unknown()) }, strict),
  Type.Object(
    {
      wait: Type.Unsafe<WaitState>({ type: 'string', enum: [...WAIT_STATES] }),
      /** What the order waits for, as the step understands it. */
      for: Type.Unknown(),
      /** Milliseconds until the order expires; the pipeline's own limit when absent. */
      expiresInMs: Type.Optional(Type.Integer({ minimum: 0 })),
      record: Type.Unknown(),
      effects: Type.Array(EffectSchema),
    },
    strict,
  ),
]);

/**
 * Verdict of a step. `record` is kept with the order and given to `conclude`; it must be plain JSON. An order that waits has what was
 * taken up to here, and holds amount and fee; legs are kept and booked when it is posted. The step is asked again with the answer.
 */
export type Decision = Static<typeof DecisionSchema>;

/** Schema of {@link StepDescription}. */
export const StepDescriptionSchema = Type.Object(
  {
    slot: SlotSchema,
    /** Name a person recognises, e.g. `SingleTransferCeiling`. */
    name: Type.String(),
    /** Bundle and version, e.g. `platform.policy@1.0.0`; kept with each record. */
    providedBy: Type.String(),
    /** npm range of the versions whose records (of waiting orders) this one can read. */
    resumes: Type.String(),
  },
  { ...strict, $id: 'StepDescription' },
);

/** What a step says about itself. */
export type StepDescription = Static<typeof StepDescriptionSchema>;

/**
 * How an order ended, for `conclude`. `refused`, `cancelled` and `expired` reach only orders that had waited: what was decided in a
 * transaction that is undone never happened and needs no conclusion. A step gives back there what it took.
 */
export type Outcome = 'posted' | 'refused' | 'cancelled' | 'expired' | 'reversed';

const OutcomeSchema = Type.Unsafe<Outcome>({ type: 'string', enum: ['posted', 'refused', 'cancelled', 'expired', 'reversed'] });

/** Contract of a step; register it with the property `slot`. The best ranked step of a slot is its provider. */
export const PipelineStep = contract('pipeline.Step', '1.0.0', {
  describe: syncMethod([], StepDescriptionSchema, 'Slot, name and version of the step.'),
  facts: syncMethod([OrderSchema], Type.Array(FactRequestSchema), 'Rows the step needs to decide.'),
  decide: syncMethod([OrderSchema, FactsSchema, BusinessMomentSchema], DecisionSchema, 'The verdict. Pure, synchronous, bounded.'),
  conclude: syncMethod(
    [OrderSchema, OutcomeSchema, Type.Unknown()],
    Type.Array(EffectSchema),
    'What follows from the end of the order: posted, refused, cancelled, expired or reversed.',
  ),
});

/** A step of the pipeline as TypeScript sees it. */
export interface PipelineStepService {
  describe(): StepDescription;
  facts(order: Order): FactRequest[];
  decide(order: Order, facts: Facts, now: BusinessMoment): Decision;
  conclude(order: Order, outcome: Outcome, record: unknown): Effect[];
}
