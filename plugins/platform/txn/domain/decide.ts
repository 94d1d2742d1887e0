/**
 * Runs the steps of an order from top to bottom and gathers what they decided. Pure: no clock, no database.
 * Always holds: the first refusal ends the run, and a refused order has no effects.
 */
import { SluiceError, messageOf } from '@sluice/sdk';
import {
  PipelineErrors,
  type BusinessMoment,
  type Effect,
  type Facts,
  type Order,
  type Outcome,
  type PipelineStepService,
  type Refusal,
  type SlotName,
  type WaitState,
} from '@sluice/pipeline-api';

/** Most effects one step may ask for. A step that wants more is broken, and the batch must stay small. */
export const EFFECTS_PER_STEP_MAX = 40;

/** A step with its slot, as one order uses it from begin to end. */
export interface SlotStep {
  readonly slot: SlotName;
  readonly step: PipelineStepService;
}

/** An effect and the slot that asked for it. */
export interface SlotEffect {
  readonly slot: SlotName;
  readonly effect: Effect;
}

/** What a step wrote down, and which step it was. */
export interface StepRecord {
  readonly name: string;
  readonly by: string;
  readonly record: unknown;
}

/** Records by slot. */
export type Records = Readonly<Partial<Record<SlotName, StepRecord>>>;

/** Verdict over all slots. */
export type Verdict =
  | { readonly go: true; readonly records: Records; readonly effects: readonly SlotEffect[] }
  | { readonly go: false; readonly records: Records; readonly refusal: Refusal }
  | {
      readonly wait: WaitState;
      readonly slot: SlotName;
      readonly for: unknown;
      readonly expiresInMs: number | undefined;
      readonly records: Records;
      readonly effects: readonly SlotEffect[];
    };

/** Where an order that waited goes on: the slot that is asked again, with the answer. */
export interface Resumption {
  readonly slot: SlotName;
  readonly answer: unknown;
  /** Records of the slots before it, and its own. */
  readonly records: Records;
}

/** Decides an order, from the first slot on or from the one that made it wait. */
export function decideAll(steps: readonly SlotStep[], order: Order, facts: Facts, now: BusinessMoment, resumed?: Resumption): Verdict {
  const records: Partial<Record<SlotName, StepRecord>> = { ...resumed?.records };
  const effects: SlotEffect[] = [];
  for (const { slot, step } of remaining(steps, resumed?.slot)) {
    const seen = slot === resumed?.slot ? { ...facts, continuation: { record: records[slot]?.record, answer: resumed.answer } } : facts;
    const decision = guarded(slot, step, 'decide', () => step.decide(order, seen, now));
    if ('wait' in decision) {
      records[slot] = recordOf(step, decision.record);
      effects.push(...bounded(slot, step, decision.effects));
      return { wait: decision.wait, slot, for: decision.for, expiresInMs: decision.expiresInMs, records, effects };
    }
    if (!decision.go) return { go: false, records, refusal: { slot, code: decision.code, details: decision.details } };
    records[slot] = recordOf(step, decision.record);
    effects.push(...bounded(slot, step, decision.effects));
  }
  return { go: true, records, effects };
}

/** The steps from a slot on; all of them when none is named. */
export function remaining(steps: readonly SlotStep[], from: SlotName | undefined): readonly SlotStep[] {
  return from === undefined ? steps : steps.slice(steps.findIndex(({ slot }) => slot === from));
}

/** What follows from the end of an order, over all slots. */
export function concludeAll(steps: readonly SlotStep[], order: Order, outcome: Outcome, records: Records): readonly SlotEffect[] {
  // A step that never decided has nothing to conclude; only the notice tells of every end.
  const decided =
    outcome === 'posted' || outcome === 'reversed' ? steps : steps.filter(({ slot }) => slot === 'notice' || records[slot] !== undefined);
  return decided.flatMap(({ slot, step }) =>
    bounded(
      slot,
      step,
      guarded(slot, step, 'conclude', () => step.conclude(order, outcome, records[slot]?.record ?? null)),
    ),
  );
}

/** Runs code of a step; what it throws is a fault of its bundle, named. An error that says "try again later" passes. */
export function guarded<T>(slot: SlotName, step: PipelineStepService, method: string, code: () => T): T {
  try {
    return code();
  } catch (error) {
    if (error instanceof Error && (error as { retryable?: boolean }).retryable === true) throw error;
    throw stepFault(slot, step, method, messageOf(error), error);
  }
}

function recordOf(step: PipelineStepService, record: unknown): StepRecord {
  const { name, providedBy } = step.describe();
  return { name, by: providedBy, record };
}

function bounded(slot: SlotName, step: PipelineStepService, effects: readonly Effect[]): readonly SlotEffect[] {
  if (effects.length > EFFECTS_PER_STEP_MAX) {
    throw stepFault(slot, step, 'decide', `it asks for ${effects.length} effects, at most ${EFFECTS_PER_STEP_MAX} are allowed`);
  }
  return effects.map((effect) => ({ slot, effect }));
}

function stepFault(slot: SlotName, step: PipelineStepService, method: string, reason: string, cause?: unknown): SluiceError {
  const by = providerOf(step);
  return new SluiceError(PipelineErrors.stepFailed, `Order not executed: '${method}' of the ${slot} step (${by}) failed: ${reason}`, {
    details: { slot, by, method, reason },
    remedy: `Roll back or mend ${by}; the idempotency key was not used, the same request may be sent again.`,
    cause,
  });
}

function providerOf(step: PipelineStepService): string {
  try {
    return step.describe().providedBy;
  } catch {
    return 'unknown provider';
  }
}
