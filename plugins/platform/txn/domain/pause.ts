/** Whether an order waits, for what, and what is held meanwhile. Pure. */
import type { LedgerLeg } from '@sluice/core-api';
import type { BusinessMoment, Order, WaitState, Waiting } from '@sluice/pipeline-api';
import type { AccountFacts } from './booking.js';
import type { Verdict } from './decide.js';

/** Slot of an order that waits for its date: no step, the pipeline itself. */
export const DISPATCH = 'dispatch';

/** An order that waits. */
export interface Pause {
  readonly state: WaitState;
  readonly waiting: Waiting;
}

/** The pause that a verdict and the date of an order ask for, or null when it can be posted now. */
export function pauseOf(verdict: Exclude<Verdict, { go: false }>, order: Order, now: BusinessMoment, waitMs: number): Pause | null {
  if ('wait' in verdict) {
    const expiresAt = now.at + (verdict.expiresInMs ?? waitMs);
    return { state: verdict.wait, waiting: { slot: verdict.slot, for: verdict.for, expiresAt } };
  }
  const { executeOn } = order;
  if (executeOn === undefined || executeOn <= now.businessDate) return null;
  return { state: 'SCHEDULED', waiting: { slot: DISPATCH, for: { date: executeOn }, expiresAt: null } };
}

/** Part of a balance that is set aside. */
export interface WantedHold {
  readonly holdId: string;
  readonly orderNo: string;
  readonly accountNo: string;
  readonly currency: string;
  readonly amountMinor: bigint;
}

/** Holds for amount and fee: what the legs would take from each customer's account. `turn` makes the ids of one order differ. */
export function holdsFor(orderNo: string, turn: number, legs: readonly LedgerLeg[], accounts: AccountFacts): readonly WantedHold[] {
  const changes = new Map<string, bigint>();
  for (const leg of legs) changes.set(leg.accountNo, (changes.get(leg.accountNo) ?? 0n) + leg.amountMinor);
  return [...changes]
    .filter(([accountNo, change]) => change < 0n && accounts.get(accountNo)?.kind === 'CUSTOMER')
    .map(([accountNo, change]) => ({
      holdId: `${orderNo}#${turn}/${accountNo}`,
      orderNo,
      accountNo,
      currency: accounts.get(accountNo)?.currency as string,
      amountMinor: -change,
    }))
    .sort((one, other) => (one.accountNo < other.accountNo ? -1 : 1));
}
