import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import type { JournalDraft, LedgerLeg } from '@sluice/core-api';
import { applyLegs, checkJournal, inLockOrder, opposite, sumByCurrency } from '../../../plugins/core/ledger/domain/journal.js';

const currency = fc.constantFrom('CNY', 'USD');
const leg = fc.record<LedgerLeg>({
  accountNo: fc.constantFrom('A', 'B', 'C', 'D'),
  currency,
  amountMinor: fc.bigInt({ min: -1_000_000n, max: 1_000_000n }).filter((amount) => amount !== 0n),
  counterAccountNo: fc.constant(null),
});

/** Legs of any kind, and one more per currency that balances them. */
const balanced = fc.array(leg, { minLength: 1, maxLength: 12 }).map((legs) => {
  const rest = [...sumByCurrency(legs)].filter(([, sum]) => sum !== 0n);
  return [
    ...legs,
    ...rest.map(([code, sum]): LedgerLeg => ({ accountNo: 'BANK', currency: code, amountMinor: -sum, counterAccountNo: null })),
  ];
});

function journal(legs: readonly LedgerLeg[]): JournalDraft {
  const base = {
    journalId: 'J',
    orderNo: null,
    kind: 'ORDER' as const,
    reverses: null,
    businessDate: '2026-11-25',
    bookedAt: 0,
    narrative: '',
  };
  return { ...base, legs: [...legs] };
}

function total(balances: ReadonlyMap<string, bigint>): bigint {
  return [...balances.values()].reduce((sum, balance) => sum + balance, 0n);
}

describe('algebra of journals', () => {
  it('a balanced journal passes, and one that is off by a single minor unit is refused', () => {
    fc.assert(
      fc.property(balanced, fc.nat(), (legs, at) => {
        if (legs.length < 2) return;
        checkJournal(journal(legs));
        const index = at % legs.length;
        const off = legs.map((item, position) => (position === index ? { ...item, amountMinor: item.amountMinor + 1n } : item));
        assert.throws(() => checkJournal(journal(off)), { code: 'JOURNAL_UNBALANCED' });
      }),
    );
  });

  it('whatever is posted, the sum over all accounts of one currency stays what it was', () => {
    fc.assert(
      fc.property(fc.array(balanced, { maxLength: 10 }), (journals) => {
        const inYuan = journals.map((legs) => legs.filter((item) => item.currency === 'CNY'));
        const after = inYuan.reduce<ReadonlyMap<string, bigint>>((balances, legs) => applyLegs(balances, legs), new Map([['A', 500n]]));
        assert.equal(total(after), 500n);
      }),
    );
  });

  it('a journal and its opposite leave every balance as it was', () => {
    fc.assert(
      fc.property(balanced, (legs) => {
        const before = new Map(['A', 'B', 'C', 'D', 'BANK'].map((accountNo) => [accountNo, 7n]));
        assert.deepEqual(applyLegs(applyLegs(before, legs), opposite(legs)), before);
      }),
    );
  });

  it('locks are taken by account number, whatever order the legs came in, and no leg is lost', () => {
    fc.assert(
      fc.property(balanced, (legs) => {
        const ordered = inLockOrder(legs);
        assert.deepEqual(
          ordered.map((item) => item.accountNo),
          legs.map((item) => item.accountNo).sort(),
        );
        assert.deepEqual(new Set(ordered), new Set(legs));
      }),
    );
  });

  it('names everything that is wrong with a journal', () => {
    const wrong = [{ accountNo: 'A', currency: 'CNY', amountMinor: 0n, counterAccountNo: null }];
    assert.throws(() => checkJournal(journal(wrong)), {
      code: 'JOURNAL_UNBALANCED',
      details: { journalId: 'J', mistakes: [`the leg on 'A' is zero`, 'it has 1 legs, at least 2 are needed'] },
    });
  });

  it('refuses an amount of more than 18 digits', () => {
    const huge = 10n ** 18n;
    const legs = [
      { accountNo: 'A', currency: 'CNY', amountMinor: huge, counterAccountNo: null },
      { accountNo: 'B', currency: 'CNY', amountMinor: -huge, counterAccountNo: null },
    ];
    assert.throws(() => checkJournal(journal(legs)), { code: 'AMOUNT_OUT_OF_BOUNDS' });
  });
});
