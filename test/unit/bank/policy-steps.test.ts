import { strict as assert } from 'node:assert';
import 'reflect-metadata';
import type { BundleContext } from '@sluice/sdk';
import type { Facts, Order } from '@sluice/pipeline-api';
import { AllowAllStep } from '../../../plugins/platform/policy/allow-all-step.js';
import type { PolicyConfig } from '../../../plugins/platform/policy/config.js';
import { ConfiguredFeeStep } from '../../../plugins/platform/policy/configured-fee-step.js';
import { OrderCeilingStep } from '../../../plugins/platform/policy/order-ceiling-step.js';
import { OrderEventStep } from '../../../plugins/platform/policy/order-event-step.js';

const CONFIG: PolicyConfig = { orderCeiling: { CNY: '5000000.00', JPY: '100' }, fee: { CNY: { flat: '1.00', perMille: '0.5' } } };
const bundle = { id: 1, symbolicName: 'platform.policy', version: '1.2.3', revision: 1, digest: '' };
const context = (config: PolicyConfig = CONFIG) => ({ bundle, config }) as unknown as BundleContext<PolicyConfig>;

function order(minor: bigint, currency = 'CNY'): Order {
  const accounts = { payerAccountNo: 'A1', payeeAccountNo: 'A2' };
  return {
    orderNo: 'O1',
    parentOrderNo: null,
    channel: 'test',
    function: 'transfer.single',
    customerNo: 'C1',
    amount: { minor, currency },
    ...accounts,
    narrative: '',
    booking: [],
  };
}

const FACTS: Facts = {
  accounts: { 'BANK-FEE-INCOME-CNY': { customerNo: null, kind: 'BANK', currency: 'CNY', state: 'OPEN', availableMinor: 0n } },
  counters: {},
  rows: {},
};

describe('plain steps of the pipeline', () => {
  const ceilings: readonly (readonly [minor: bigint, currency: string, verdict: string])[] = [
    [1n, 'CNY', 'go'],
    [5_000_000_00n, 'CNY', 'go'],
    [5_000_000_01n, 'CNY', 'LIMIT_ORDER_EXCEEDED'],
    [100n, 'JPY', 'go'],
    [101n, 'JPY', 'LIMIT_ORDER_EXCEEDED'],
    [1n, 'USD', 'LIMIT_NOT_DEFINED'],
  ];
  for (const [minor, currency, verdict] of ceilings) {
    it(`ceiling: ${minor} minor units of ${currency}: ${verdict}`, () => {
      const decision = new OrderCeilingStep(context()).decide(order(minor, currency));
      assert.equal('go' in decision && decision.go ? 'go' : (decision as { code: string }).code, verdict);
    });
  }

  it('a new ceiling holds from the next order on; a wrong one is refused and changes nothing', () => {
    const step = new OrderCeilingStep(context());
    assert.throws(() => step.configure({ ...CONFIG, orderCeiling: { CNY: '1.234' } }), {
      code: 'CONFIG_INVALID',
      details: { key: 'orderCeiling.CNY' },
    });
    assert.deepEqual(step.decide(order(2_00n)), { go: true, record: { ceiling: '5000000.00' }, effects: [] });
    step.configure({ ...CONFIG, orderCeiling: { CNY: '1.00' } });
    assert.deepEqual(step.decide(order(2_00n)), { go: false, code: 'LIMIT_ORDER_EXCEEDED', details: { ceiling: '1.00', currency: 'CNY' } });
  });

  it('charges the fee to the payer and books it as income', () => {
    const step = new ConfiguredFeeStep(context());
    assert.deepEqual(step.facts(order(1000_00n)), [{ kind: 'account', accountNo: 'BANK-FEE-INCOME-CNY' }]);
    const money = { minor: 1_50n, currency: 'CNY' };
    assert.deepEqual(step.decide(order(1000_00n), FACTS), {
      go: true,
      record: { fee: '1.50', currency: 'CNY' },
      effects: [
        { kind: 'leg', accountNo: 'A1', side: 'DEBIT', money },
        { kind: 'leg', accountNo: 'BANK-FEE-INCOME-CNY', side: 'CREDIT', money },
      ],
    });
  });

  it('charges nothing, and reads nothing, where no fee is set', () => {
    const step = new ConfiguredFeeStep(context());
    assert.deepEqual(step.facts(order(5n, 'USD')), []);
    assert.deepEqual(step.decide(order(5n, 'USD'), FACTS), { go: true, record: { fee: '0.00', currency: 'USD' }, effects: [] });
  });

  it('refuses rather than charge into nowhere', () => {
    const decision = new ConfiguredFeeStep(context()).decide(order(1000_00n), { ...FACTS, accounts: {} });
    assert.deepEqual(decision, { go: false, code: 'FEE_ACCOUNT_MISSING', details: { currency: 'CNY' } });
  });

  it('refuses a fee that cannot be read', () => {
    assert.throws(() => new ConfiguredFeeStep(context({ ...CONFIG, fee: { CNY: { flat: '1', perMille: '0.0005' } } })), {
      code: 'CONFIG_INVALID',
    });
    assert.throws(() => new ConfiguredFeeStep(context({ ...CONFIG, fee: { XXX: { flat: '1', perMille: '0' } } })), {
      code: 'CONFIG_INVALID',
    });
  });

  it('tells of the end of an order by one event, in the order of the customer', () => {
    const step = new OrderEventStep(context() as unknown as BundleContext);
    const payload = {
      orderNo: 'O1',
      function: 'transfer.single',
      customerNo: 'C1',
      payerAccountNo: 'A1',
      payeeAccountNo: 'A2',
      amount: { minor: 5n, currency: 'CNY' },
    };
    assert.deepEqual(
      (['posted', 'reversed', 'refused', 'expired'] as const).map((outcome) => step.conclude(order(5n), outcome)),
      [
        [{ kind: 'event', topic: 'bank/order/posted', key: 'C1', payload }],
        [{ kind: 'event', topic: 'bank/order/reversed', key: 'C1', payload }],
        [{ kind: 'event', topic: 'bank/order/ended', key: 'C1', payload: { ...payload, outcome: 'refused' } }],
        [{ kind: 'event', topic: 'bank/order/ended', key: 'C1', payload: { ...payload, outcome: 'expired' } }],
      ],
    );
  });

  it('says honestly that nothing was checked', () => {
    const step = new AllowAllStep('risk', bundle);
    assert.deepEqual(
      [step.describe(), step.decide()],
      [
        { slot: 'risk', name: 'AllowAll', providedBy: 'platform.policy@1.2.3', resumes: '*' },
        { go: true, record: { allowed: 'all' }, effects: [] },
      ],
    );
  });
});
