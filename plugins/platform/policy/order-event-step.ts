/** Notice slot: tells the rest of the bank about the end of an order, by an event that leaves only if the order commits. */
import { Component, Context, type BundleContext } from '@sluice/sdk';
import {
  OrderEnded,
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

/** Emits an event for each order that was posted, was reversed, or had waited and ended without effect. */
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
    const { orderNo, function: name, customerNo, payerAccountNo, payeeAccountNo, amount } = order;
    const told = { orderNo, function: name, customerNo, payerAccountNo, payeeAccountNo, amount };
    // Events of one customer arrive in order.
    if (outcome === 'posted') return [{ kind: 'event', topic: OrderPosted.name, key: customerNo, payload: told }];
    if (outcome === 'reversed') return [{ kind: 'event', topic: OrderReversed.name, key: customerNo, payload: told }];
    return [{ kind: 'event', topic: OrderEnded.name, key: customerNo, payload: { ...told, outcome } }];
  }
}
