/**
 * The algebra of journals. Pure.
 * Always holds for a checked journal: two legs or more, none zero, each within 18 digits, and the sum is zero in each currency.
 */
import { SluiceError } from '@sluice/sdk';
import { CoreErrors, type JournalDraft, type LedgerLeg } from '@sluice/core-api';

/** Largest absolute value of an amount or balance: 18 digits. */
export const AMOUNT_MINOR_MAX = 999_999_999_999_999_999n;

/** Sum of legs by currency. Positive: more was credited than debited. */
export function sumByCurrency(legs: readonly LedgerLeg[]): ReadonlyMap<string, bigint> {
  const sums = new Map<string, bigint>();
  for (const leg of legs) sums.set(leg.currency, (sums.get(leg.currency) ?? 0n) + leg.amountMinor);
  return sums;
}

/**
 * Checks a journal before it goes to the database, which checks it again.
 * @throws SluiceError `JOURNAL_UNBALANCED` or `AMOUNT_OUT_OF_BOUNDS`: a fault of whoever made the journal.
 */
export function checkJournal(journal: JournalDraft): void {
  for (const leg of journal.legs) {
    if (leg.amountMinor > AMOUNT_MINOR_MAX || leg.amountMinor < -AMOUNT_MINOR_MAX) {
      throw new SluiceError(
        CoreErrors.amountBound,
        `Journal '${journal.journalId}' not posted: the leg on '${leg.accountNo}' has more than 18 digits`,
        {
          details: { journalId: journal.journalId, accountNo: leg.accountNo },
          remedy: 'Split the movement, or refuse the amount earlier.',
        },
      );
    }
  }
  const mistakes = journal.legs.filter((leg) => leg.amountMinor === 0n).map((leg) => `the leg on '${leg.accountNo}' is zero`);
  if (journal.legs.length < 2) mistakes.push(`it has ${journal.legs.length} legs, at least 2 are needed`);
  for (const [currency, sum] of sumByCurrency(journal.legs)) {
    if (sum !== 0n) mistakes.push(`its legs in ${currency} sum to ${sum} minor units, not to 0`);
  }
  if (mistakes.length === 0) return;
  throw new SluiceError(CoreErrors.journalUnbalanced, `Journal '${journal.journalId}' not posted: ${mistakes.join('; ')}`, {
    details: { journalId: journal.journalId, mistakes },
    remedy: 'Correct the bundle that booked these legs.',
  });
}

/** Legs in the order in which their accounts are locked everywhere: by account number. */
export function inLockOrder(legs: readonly LedgerLeg[]): readonly LedgerLeg[] {
  return [...legs].sort((one, other) => (one.accountNo < other.accountNo ? -1 : one.accountNo > other.accountNo ? 1 : 0));
}

/** The legs that undo legs: the same accounts, the opposite amounts. */
export function opposite(legs: readonly LedgerLeg[]): readonly LedgerLeg[] {
  return legs.map((leg) => ({ ...leg, amountMinor: -leg.amountMinor }));
}

/** Balances after posting legs onto balances; accounts not mentioned keep theirs. */
export function applyLegs(balances: ReadonlyMap<string, bigint>, legs: readonly LedgerLeg[]): ReadonlyMap<string, bigint> {
  const after = new Map(balances);
  for (const leg of legs) after.set(leg.accountNo, (after.get(leg.accountNo) ?? 0n) + leg.amountMinor);
  return after;
}
