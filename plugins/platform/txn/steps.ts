/** The steps of one order: the provider of each slot, taken once, so that an order sees one set from begin to end. */
import { SluiceError } from '@sluice/sdk';
import { PipelineErrors, SLOTS, type PipelineStepService, type SlotName } from '@sluice/pipeline-api';
import type { SlotStep } from './domain/decide.js';

/** Finds the provider of a slot. */
export type StepSource = (slot: SlotName) => PipelineStepService | undefined;

/**
 * The steps of all slots, in their order.
 * @throws SluiceError `SERVICE_UNAVAILABLE` naming the empty slots. Nothing was written then: the key is not used up.
 */
export function stepsOf(source: StepSource): readonly SlotStep[] {
  const steps: SlotStep[] = [];
  const empty: SlotName[] = [];
  for (const slot of SLOTS) {
    const step = source(slot);
    if (step === undefined) empty.push(slot);
    else steps.push({ slot, step });
  }
  if (empty.length === 0) return steps;
  throw new SluiceError(
    PipelineErrors.unavailable,
    `Order not executed: no active bundle provides the pipeline slots ${empty.join(', ')}. The idempotency key was not used`,
    {
      details: { slots: empty },
      remedy: 'Try again later. Operators: start a bundle with a pipeline.Step service for each slot, e.g. platform.policy.',
      retryable: true,
      httpStatus: 503,
    },
  );
}
