/** Notice slot: tells the rest of the bank about the end of an order, by an event that leaves only if the order commits. */
import { Component, Context, type BundleContext } from '@sluice/sdk';
import {
  OrderPosted,
  OrderReversed,
  PipelineStep,
  type Decision,
  type Effect,
  type FactRequest,
  type Order,
  type Outcome,
  type PipelineStepService,
  type StepDescription,
} from '@sluice/pipeline-api';
import { describeStep, FALLBACK_RANKING } from './allow-all-step.js';

/** Emits an event for each order that was posted or reversed. */
@Component({ provides: PipelineStep, properties: { slot: 'notice', 'service.ranking': FALLBACK_RANKING } })
export class OrderEventStep implements PipelineStepService {
  private readonly description: StepDescription;

  constructor(@Context() context: BundleContext) {
    this.description = describeStep('notice', 'OrderEvent', context.bundle);
  }

  describe(): StepDescription {
    return this.description;
  }

  facts(): FactRequest[] {
    return [];
  }

  decide(): Decision {
    return { go: true, record: { by: 'event' }, effects: [] };
  }

  conclude(order: Order, outcome: Outcome): Effect[] {
    const topic = outcome === 'posted' ? OrderPosted : outcome === 'reversed' ? OrderReversed : undefined;
    if (topic === undefined) return [];
    const { orderNo, function: name, customerNo, payerAccountNo, payeeAccountNo, amount } = order;
    // Events of one customer arrive in order.
    return [
      {
        kind: 'event',
        topic: topic.name,
        key: customerNo,
        payload: { orderNo, function: name, customerNo, payerAccountNo, payeeAccountNo, amount },
      },
    ];
  }
}
