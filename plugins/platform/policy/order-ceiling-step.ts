/** Limit slot: a ceiling on the principal of a single order, by currency. An amount equal to the ceiling passes. */
import { Component, Context, Modified, type BundleContext } from '@sluice/sdk';
import { formatAmount } from '@sluice/core-api';
import {
  PipelineStep,
  type Decision,
  type Effect,
  type FactRequest,
  type Order,
  type PipelineStepService,
  type StepDescription,
} from '@sluice/pipeline-api';
import { describeStep, FALLBACK_RANKING } from './allow-all-step.js';
import { ceilingsOf, type PolicyConfig } from './config.js';

/** Refusals of this step. */
export const LimitCodes = {
  /** The principal is above the ceiling of one order. */
  exceeded: 'LIMIT_ORDER_EXCEEDED',
  /** No ceiling is set for the currency. */
  undefined: 'LIMIT_NOT_DEFINED',
} as const;

/** Refuses orders above the configured ceiling. */
@Component({ provides: PipelineStep, properties: { slot: 'limit', 'service.ranking': FALLBACK_RANKING } })
export class OrderCeilingStep implements PipelineStepService {
  private readonly description: StepDescription;
  private ceilings: ReadonlyMap<string, bigint>;

  constructor(@Context() context: BundleContext<PolicyConfig>) {
    this.description = describeStep('limit', 'OrderCeiling', context.bundle);
    this.ceilings = ceilingsOf(context.config);
  }

  /** Takes new ceilings; orders decided before keep their verdict. */
  @Modified()
  configure(config: PolicyConfig): void {
    this.ceilings = ceilingsOf(config);
  }

  describe(): StepDescription {
    return this.description;
  }

  facts(): FactRequest[] {
    return [];
  }

  decide({ amount }: Order): Decision {
    const ceilingMinor = this.ceilings.get(amount.currency);
    if (ceilingMinor === undefined) return { go: false, code: LimitCodes.undefined, details: { currency: amount.currency } };
    const ceiling = formatAmount({ minor: ceilingMinor, currency: amount.currency });
    if (amount.minor > ceilingMinor) return { go: false, code: LimitCodes.exceeded, details: { ceiling, currency: amount.currency } };
    return { go: true, record: { ceiling }, effects: [] };
  }

  conclude(): Effect[] {
    return [];
  }
}
