/**
 * Names of the rules that the database itself enforces, and what a message of the database means. Pure.
 * Both dialects put the name of a violated constraint, or the text a trigger raised, into the message.
 */
import { CoreErrors, type CoreErrorCode } from '@sluice/core-api';

/** Names of constraints and texts of triggers, as they stand in the schema. */
export const Rules = {
  funds: 'core_ledger_funds',
  heldNotNegative: 'core_ledger_held',
  bounds: 'core_ledger_bounds',
  amount: 'core_ledger_amount',
  kind: 'core_ledger_kind',
  unbalanced: 'core_ledger_unbalanced',
  lateLeg: 'core_ledger_late_leg',
  immutable: 'core_ledger_immutable',
  accountUnfit: 'core_ledger_account_unfit',
  accountFrozen: 'core_ledger_account_frozen',
  reverses: 'core_ledger_journal_reverses',
} as const;

const MEANINGS: readonly (readonly [RegExp, CoreErrorCode])[] = [
  [/\bcore_ledger_funds\b/, CoreErrors.insufficientFunds],
  [/\bcore_ledger_account_unfit\b/, CoreErrors.accountClosed],
  [/\bcore_ledger_account_frozen\b/, CoreErrors.accountFrozen],
  // SQLite names the column of a violated unique index, PostgreSQL the index.
  [/\bcore_ledger_journal_reverses\b|\bcore_ledger_journal\.reverses\b/, CoreErrors.alreadyReversed],
  [/\bcore_ledger_bounds\b|\bcore_ledger_amount\b/, CoreErrors.amountBound],
  [/\bcore_ledger_unbalanced\b|\bcore_ledger_late_leg\b/, CoreErrors.journalUnbalanced],
  [/\bcore_ledger_immutable\b/, CoreErrors.journalImmutable],
];

/** What a message of the database means in terms of the ledger, or undefined when it is not about the ledger's rules. */
export function meaningOf(message: string): CoreErrorCode | undefined {
  return MEANINGS.find(([pattern]) => pattern.test(message))?.[1];
}
