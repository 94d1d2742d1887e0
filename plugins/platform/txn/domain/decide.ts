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
  type PipelineStepService,
  type Refusal,
  type SlotName,
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
  | { readonly go: false; readonly records: Records; readonly refusal: Refusal };

/** Decides an order that nothing need wait for. */
export function decideAll(steps: readonly SlotStep[], order: Order, facts: Facts, now: BusinessMoment): Verdict {
  const records: Partial<Record<SlotName, StepRecord>> = {};
  const effects: SlotEffect[] = [];
  for (const { slot, step } of steps) {
    const decision = guarded(slot, step, 'decide', () => step.decide(order, facts, now));
    if ('wait' in decision)
      throw stepFault(slot, step, 'decide', `it wants the order to wait (${decision.wait}), which this version cannot`);
    if (!decision.go) return { go: false, records, refusal: { slot, code: decision.code, details: decision.details } };
    records[slot] = recordOf(step, decision.record);
    effects.push(...bounded(slot, step, decision.effects));
  }
  return { go: true, records, effects };
}

/** What follows from the end of an order, over all slots. */
export function concludeAll(
  steps: readonly SlotStep[],
  order: Order,
  outcome: 'posted' | 'reversed',
  records: Records,
): readonly SlotEffect[] {
  return steps.flatMap(({ slot, step }) =>
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
