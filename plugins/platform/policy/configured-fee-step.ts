/** Fee slot: a flat and a per-mille part from configuration, debited from the payer and credited to the bank's fee income. */
import { Component, Context, Modified, type BundleContext } from '@sluice/sdk';
import { bankAccountNo, formatAmount } from '@sluice/core-api';
import {
  PipelineStep,
  type Decision,
  type Effect,
  type FactRequest,
  type Facts,
  type Order,
  type PipelineStepService,
  type StepDescription,
} from '@sluice/pipeline-api';
import { describeStep, FALLBACK_RANKING } from './allow-all-step.js';
import { feesOf, type PolicyConfig } from './config.js';
import { feeFor, NO_FEE, type FeeSchedule } from './domain/fee.js';

/** Refusal when the bank keeps no fee account in the currency: charging would fail, and charging nothing would be wrong. */
export const FEE_ACCOUNT_MISSING = 'FEE_ACCOUNT_MISSING';

/** Charges the configured fee. */
@Component({ provides: PipelineStep, properties: { slot: 'fee', 'service.ranking': FALLBACK_RANKING } })
export class ConfiguredFeeStep implements PipelineStepService {
  private readonly description: StepDescription;
  private fees: ReadonlyMap<string, FeeSchedule>;

  constructor(@Context() context: BundleContext<PolicyConfig>) {
    this.description = describeStep('fee', 'ConfiguredFee', context.bundle);
    this.fees = feesOf(context.config);
  }

  /** Takes new fees; an order keeps the fee it was decided with. */
  @Modified()
  configure(config: PolicyConfig): void {
    this.fees = feesOf(config);
  }

  describe(): StepDescription {
    return this.description;
  }

  facts({ amount }: Order): FactRequest[] {
    if (!this.fees.has(amount.currency)) return [];
    return [{ kind: 'account', accountNo: bankAccountNo('FEE-INCOME', amount.currency) }];
  }

  decide(order: Order, facts: Facts): Decision {
    const { currency } = order.amount;
    const minor = feeFor(order.amount.minor, this.fees.get(currency) ?? NO_FEE);
    const money = { minor, currency };
    const record = { fee: formatAmount(money), currency };
    if (minor === 0n) return { go: true, record, effects: [] };
    const income = bankAccountNo('FEE-INCOME', currency);
    if (facts.accounts[income] === undefined) return { go: false, code: FEE_ACCOUNT_MISSING, details: { currency } };
    return {
      go: true,
      record,
      effects: [
        { kind: 'leg', accountNo: order.payerAccountNo, side: 'DEBIT', money },
        { kind: 'leg', accountNo: income, side: 'CREDIT', money },
      ],
    };
  }

  /** A reversal returns the fee with all other legs; nothing is left to do here. */
  conclude(): Effect[] {
    return [];
  }
}
