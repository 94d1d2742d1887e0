/**
 * From an order and the effects of its steps to one journal, and the rules of the ledger that can be judged before writing. Pure.
 */
import { CoreErrors, type AccountFact, type JournalDraft, type LedgerLeg } from '@sluice/core-api';
import { PipelineErrors, type AccountMistake, type BookingLeg, type Order, type Refusal } from '@sluice/pipeline-api';
import type { SlotEffect } from './decide.js';

/** Accounts that were read, by number. */
export type AccountFacts = ReadonlyMap<string, AccountFact>;

/** Everything wrong with the accounts of a request, so that the customer can mend it in one go. Empty when it may become an order. */
export function accountMistakes(order: Order, accounts: AccountFacts): readonly AccountMistake[] {
  const mistakes: AccountMistake[] = [];
  for (const leg of order.booking) {
    const account = accounts.get(leg.accountNo);
    // An account of the bank, where a customer's is wanted, is as unknown as one that does not exist.
    if (account === undefined || (leg.kind !== undefined && account.kind !== leg.kind)) {
      mistakes.push({ accountNo: leg.accountNo, code: CoreErrors.accountUnknown, found: leg.accountNo, expected: null });
      continue;
    }
    if (leg.owner !== undefined && account.customerNo !== leg.owner) {
      mistakes.push({ accountNo: leg.accountNo, code: PipelineErrors.accountForeign, found: leg.accountNo, expected: null });
      continue;
    }
    if (account.state === 'CLOSED') {
      mistakes.push({ accountNo: leg.accountNo, code: CoreErrors.accountClosed, found: account.state, expected: 'OPEN' });
      continue;
    }
    if (account.state === 'FROZEN' && leg.side === 'DEBIT') {
      mistakes.push({ accountNo: leg.accountNo, code: CoreErrors.accountFrozen, found: account.state, expected: 'OPEN' });
      continue;
    }
    if (account.currency !== leg.money.currency) {
      mistakes.push({ accountNo: leg.accountNo, code: CoreErrors.currencyMismatch, found: leg.money.currency, expected: account.currency });
    }
  }
  return mistakes;
}

/** All legs of an order: the principal first, then what the steps booked. */
export function journalLegs(order: Pick<Order, 'booking'>, effects: readonly SlotEffect[]): readonly LedgerLeg[] {
  const legs = paired(order.booking);
  const slots = new Set(effects.map(({ slot }) => slot));
  for (const slot of slots) {
    const ofSlot = effects.flatMap(({ slot: by, effect }) => (by === slot && effect.kind === 'leg' ? [effect] : []));
    legs.push(...paired(ofSlot));
  }
  return legs;
}

/** Where exactly two legs meet, each names the other's account: that is what a customer wants to read beside an amount. */
function paired(legs: readonly Pick<BookingLeg, 'accountNo' | 'side' | 'money'>[]): LedgerLeg[] {
  return legs.map((leg, index) => ({
    accountNo: leg.accountNo,
    currency: leg.money.currency,
    amountMinor: leg.side === 'DEBIT' ? -leg.money.minor : leg.money.minor,
    counterAccountNo: legs.length === 2 ? (legs[1 - index]?.accountNo ?? null) : null,
  }));
}

/** Fee on top of the principal: what the fee slot debits from the payer. */
export function feeMinor(order: Order, effects: readonly SlotEffect[]): bigint {
  let sum = 0n;
  for (const { slot, effect } of effects) {
    if (slot === 'fee' && effect.kind === 'leg' && effect.side === 'DEBIT' && effect.accountNo === order.payerAccountNo)
      sum += effect.money.minor;
  }
  return sum;
}

/**
 * Refusal by the ledger as far as it can be seen from what was read. The database decides again when it writes; this only
 * spares it a batch that cannot succeed.
 */
export function ledgerRefusal(legs: readonly LedgerLeg[], accounts: AccountFacts): Refusal | null {
  const changes = new Map<string, bigint>();
  for (const leg of legs) changes.set(leg.accountNo, (changes.get(leg.accountNo) ?? 0n) + leg.amountMinor);
  for (const [accountNo, change] of changes) {
    const account = accounts.get(accountNo);
    if (account === undefined) continue;
    if (account.state === 'CLOSED') return { slot: 'core', code: CoreErrors.accountClosed, details: { accountNo } };
    if (account.state === 'FROZEN' && change < 0n) return { slot: 'core', code: CoreErrors.accountFrozen, details: { accountNo } };
    if (account.kind !== 'CUSTOMER' || change >= 0n) continue;
    const availableMinor = account.postedMinor - account.heldMinor;
    if (availableMinor + change < 0n) return { slot: 'core', code: CoreErrors.insufficientFunds, details: { accountNo } };
  }
  return null;
}

/** The journal of an order; it carries the order's number. */
export function orderJournal(order: Order, legs: readonly LedgerLeg[], moment: { businessDate: string; at: number }): JournalDraft {
  return {
    journalId: order.orderNo,
    orderNo: order.orderNo,
    kind: 'ORDER',
    reverses: null,
    businessDate: moment.businessDate,
    bookedAt: moment.at,
    narrative: order.narrative,
    legs: [...legs],
  };
}
