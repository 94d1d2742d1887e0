import { strict as assert } from 'node:assert';
import { SluiceError } from '@sluice/sdk';
import type { AccountFact } from '@sluice/core-api';
import {
  SLOTS,
  type BusinessMoment,
  type Decision,
  type Facts,
  type Order,
  type PipelineStepService,
  type SlotName,
} from '@sluice/pipeline-api';
import { accountMistakes, feeMinor, journalLegs, ledgerRefusal } from '../../../plugins/platform/txn/domain/booking.js';
import { concludeAll, decideAll, type SlotEffect, type SlotStep } from '../../../plugins/platform/txn/domain/decide.js';
import { gatherPlan } from '../../../plugins/platform/txn/domain/gather.js';
import { stepsOf } from '../../../plugins/platform/txn/steps.js';

const money = (minor: bigint): { minor: bigint; currency: string } => ({ minor, currency: 'CNY' });
const ORDER: Order = {
  orderNo: 'O1',
  parentOrderNo: null,
  channel: 'test',
  function: 'transfer.single',
  customerNo: 'C1',
  amount: money(100n),
  payerAccountNo: 'A1',
  payeeAccountNo: 'A2',
  narrative: '',
  booking: [
    { accountNo: 'A1', side: 'DEBIT', money: money(100n), owner: 'C1', kind: 'CUSTOMER' },
    { accountNo: 'A2', side: 'CREDIT', money: money(100n), kind: 'CUSTOMER' },
  ],
};
const FACTS: Facts = { accounts: {}, counters: {}, rows: {} };
const NOW: BusinessMoment = { businessDate: '2026-11-25', at: 0 };

function step(slot: SlotName, parts: Partial<PipelineStepService> = {}): PipelineStepService {
  return {
    describe: () => ({ slot, name: `${slot} step`, providedBy: 'test@1.0.0', resumes: '*' }),
    facts: () => [],
    decide: () => ({ go: true, record: { slot }, effects: [] }),
    conclude: () => [],
    ...parts,
  };
}

function stepsWith(parts: Partial<Record<SlotName, Partial<PipelineStepService>>> = {}): readonly SlotStep[] {
  return SLOTS.map((slot) => ({ slot, step: step(slot, parts[slot]) }));
}

describe('deciding an order', () => {
  it('asks every slot once, in the fixed order, and keeps what each wrote down', () => {
    const asked: string[] = [];
    const steps = SLOTS.map((slot) => ({
      slot,
      step: step(slot, {
        decide(): Decision {
          asked.push(slot);
          return { go: true, record: { slot }, effects: [] };
        },
      }),
    }));
    const verdict = decideAll(steps, ORDER, FACTS, NOW);
    assert.deepEqual(asked, ['channel', 'agreement', 'plan', 'fee', 'limit', 'risk', 'authentication', 'points', 'notice']);
    assert.deepEqual(verdict, {
      go: true,
      records: Object.fromEntries(SLOTS.map((slot) => [slot, { name: `${slot} step`, by: 'test@1.0.0', record: { slot } }])),
      effects: [],
    });
  });

  it('the first refusal ends it: later slots are not asked and no effect is left', () => {
    const asked: string[] = [];
    const note = (slot: string, decision: Decision) => (): Decision => {
      asked.push(slot);
      return decision;
    };
    const verdict = decideAll(
      stepsWith({
        fee: { decide: note('fee', { go: true, record: null, effects: [{ kind: 'event', topic: 't', key: 'k', payload: 1 }] }) },
        limit: { decide: note('limit', { go: false, code: 'TOO_MUCH', details: { ceiling: '1' } }) },
        risk: { decide: note('risk', { go: false, code: 'NEVER', details: {} }) },
      }),
      ORDER,
      FACTS,
      NOW,
    );
    assert.deepEqual(asked, ['fee', 'limit']);
    assert.ok('go' in verdict && !verdict.go);
    assert.deepEqual(['effects' in verdict, verdict.refusal], [false, { slot: 'limit', code: 'TOO_MUCH', details: { ceiling: '1' } }]);
  });

  it('gives each step its own record when the order ends', () => {
    const seen: unknown[] = [];
    const steps = stepsWith({
      plan: {
        conclude(_order, outcome, record) {
          seen.push([outcome, record]);
          return [];
        },
      },
    });
    const verdict = decideAll(steps, ORDER, FACTS, NOW);
    concludeAll(steps, ORDER, 'posted', verdict.records);
    concludeAll(steps, ORDER, 'reversed', {});
    assert.deepEqual(seen, [['posted', { slot: 'plan' }], ['reversed', null]]); // prettier-ignore
  });

  it('a provider that vanishes in between means "try again later", not a fault of a step', () => {
    const gone = new SluiceError('SERVICE_UNAVAILABLE', 'gone', { retryable: true, httpStatus: 503 });
    const steps = stepsWith({ risk: { decide: () => { throw gone; } } }); // prettier-ignore
    assert.throws(() => decideAll(steps, ORDER, FACTS, NOW), gone);
  });

  it('names the slots without a provider', () => {
    assert.throws(() => stepsOf((slot) => (slot === 'fee' || slot === 'risk' ? undefined : step(slot))), {
      code: 'SERVICE_UNAVAILABLE',
      details: { slots: ['fee', 'risk'] },
    });
  });
});

describe('gathering facts', () => {
  it('asks for each row once, in the order of locking, and always for the accounts of the booking', () => {
    const plan = gatherPlan(
      ORDER,
      stepsWith({
        limit: { facts: () => [{ kind: 'counter', counter: 'z' }, { kind: 'counter', counter: 'a', lock: true }, { kind: 'account', accountNo: 'A1' }] }, // prettier-ignore
        plan: { facts: () => [{ kind: 'counter', counter: 'z' }, { kind: 'account', accountNo: 'A0' }] }, // prettier-ignore
        risk: { facts: () => [{ kind: 'row', entity: 'e', key: '1' }, { kind: 'row', entity: 'e', key: '1' }] }, // prettier-ignore
      }),
    );
    assert.deepEqual(plan, {
      counters: ['a', 'z'],
      lockCounters: true,
      accounts: ['A0', 'A1', 'A2'],
      lockAccounts: false,
      rows: [{ entity: 'e', key: '1' }],
    });
  });
});

describe('booking an order', () => {
  const account = (accountNo: string, changes: Partial<AccountFact> = {}): [string, AccountFact] => [
    accountNo,
    { accountNo, customerNo: 'C1', kind: 'CUSTOMER', currency: 'CNY', state: 'OPEN', postedMinor: 100n, heldMinor: 0n, ...changes },
  ];
  const effects: readonly SlotEffect[] = [
    { slot: 'fee', effect: { kind: 'leg', accountNo: 'A1', side: 'DEBIT', money: money(3n) } },
    { slot: 'fee', effect: { kind: 'leg', accountNo: 'FEES', side: 'CREDIT', money: money(3n) } },
    { slot: 'points', effect: { kind: 'event', topic: 't', key: 'k', payload: null } },
  ];

  it('puts principal and fee into one journal, each leg naming the other side of its own pair', () => {
    assert.deepEqual(journalLegs(ORDER, effects), [
      { accountNo: 'A1', currency: 'CNY', amountMinor: -100n, counterAccountNo: 'A2' },
      { accountNo: 'A2', currency: 'CNY', amountMinor: 100n, counterAccountNo: 'A1' },
      { accountNo: 'A1', currency: 'CNY', amountMinor: -3n, counterAccountNo: 'FEES' },
      { accountNo: 'FEES', currency: 'CNY', amountMinor: 3n, counterAccountNo: 'A1' },
    ]);
    assert.equal(feeMinor(ORDER, effects), 3n);
  });

  const table: readonly (readonly [name: string, accounts: [string, AccountFact][], code: string | null])[] = [
    ['exactly enough', [account('A1', { postedMinor: 103n }), account('A2')], null],
    ['the fee is not covered', [account('A1', { postedMinor: 102n }), account('A2')], 'INSUFFICIENT_FUNDS'],
    ['a hold is in the way', [account('A1', { postedMinor: 200n, heldMinor: 98n }), account('A2')], 'INSUFFICIENT_FUNDS'],
    ['payee closed', [account('A1', { postedMinor: 103n }), account('A2', { state: 'CLOSED' })], 'ACCOUNT_CLOSED'],
    ['a bank account has no balance to fall short of', [account('A1', { kind: 'BANK', postedMinor: 0n }), account('A2')], null],
  ];
  for (const [name, accounts, code] of table) {
    it(`ledger's verdict: ${name}`, () => {
      assert.equal(ledgerRefusal(journalLegs(ORDER, effects), new Map(accounts))?.code ?? null, code);
    });
  }

  const mistakes: readonly (readonly [name: string, accounts: [string, AccountFact][], codes: readonly string[]])[] = [
    ['all right', [account('A1'), account('A2', { customerNo: 'C2' })], []],
    ['nothing found', [], ['A1 ACCOUNT_UNKNOWN', 'A2 ACCOUNT_UNKNOWN']],
    [
      'foreign payer, payee in dollars',
      [account('A1', { customerNo: 'C9' }), account('A2', { currency: 'USD' })],
      ['A1 ACCOUNT_FOREIGN', 'A2 CURRENCY_MISMATCH'],
    ],
    ['payee is the bank', [account('A1'), account('A2', { kind: 'BANK', customerNo: null })], ['A2 ACCOUNT_UNKNOWN']],
  ];
  for (const [name, accounts, codes] of mistakes) {
    it(`mistakes in accounts: ${name}`, () => {
      assert.deepEqual(
        accountMistakes(ORDER, new Map(accounts)).map(({ accountNo, code }) => `${accountNo} ${code}`),
        codes,
      );
    });
  }
});
