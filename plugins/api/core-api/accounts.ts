/** What an account is, as a core shows it. Account numbers are text: a leading zero is part of the number. */
import { Type, CurrencySchema, bigintText, type Static } from '@sluice/sdk';

/** Schema of an account number: letters, digits and hyphens, never a number. */
export const AccountNoSchema = Type.String({ pattern: '^[A-Z0-9][A-Z0-9-]{0,31}$', description: 'account number' });

/** Schema of {@link AccountView}. */
export const AccountViewSchema = Type.Object(
  {
    accountNo: AccountNoSchema,
    /** Owner; null for an account of the bank itself. */
    customerNo: Type.Union([Type.String(), Type.Null()]),
    kind: Type.Union([Type.Literal('CUSTOMER'), Type.Literal('BANK')]),
    title: Type.String(),
    currency: CurrencySchema,
    /** FROZEN: money may come in, none may go out. */
    state: Type.Union([Type.Literal('OPEN'), Type.Literal('FROZEN'), Type.Literal('CLOSED')]),
    /** Sum of all posted legs. */
    postedMinor: bigintText(),
    /** Part of the posted balance that is held for orders under way. */
    heldMinor: bigintText(),
    /** Posted less held. */
    availableMinor: bigintText(),
    /** Milliseconds since 1970. */
    openedAt: Type.Number(),
  },
  { additionalProperties: false, $id: 'AccountView' },
);

/** An account with its balances in minor units of its currency. */
export type AccountView = Static<typeof AccountViewSchema>;

/** Schema of {@link NewAccount}. */
export const NewAccountSchema = Type.Object(
  {
    accountNo: AccountNoSchema,
    customerNo: Type.Union([Type.String(), Type.Null()]),
    kind: Type.Union([Type.Literal('CUSTOMER'), Type.Literal('BANK')]),
    title: Type.String({ maxLength: 100 }),
    currency: CurrencySchema,
  },
  { additionalProperties: false, $id: 'NewAccount' },
);

/** An account that is to be opened, empty. */
export type NewAccount = Static<typeof NewAccountSchema>;

/** What the bank's own accounts are for. */
export type BankAccountPurpose =
  | 'EQUITY'
  | 'FEE-INCOME'
  /** Money whose owner is not known yet. */
  | 'SUSPENSE'
  /** Cash at counters, and in machines. */
  | 'CASH'
  | 'CASH-IN-MACHINE'
  /** Control accounts: what is owed to or by others until it is settled. */
  | 'CLEARING'
  | 'CARRIER'
  | 'INTER-CORE';

/** Purposes of the accounts that every ledger keeps in each currency it is opened for. */
export const BANK_ACCOUNT_PURPOSES: readonly BankAccountPurpose[] = [
  'EQUITY',
  'FEE-INCOME',
  'SUSPENSE',
  'CASH',
  'CASH-IN-MACHINE',
  'CLEARING',
  'CARRIER',
  'INTER-CORE',
];

/** Number of the bank's own account for a purpose and currency. Such accounts are never locked; their balance is the sum of their legs. */
export function bankAccountNo(purpose: BankAccountPurpose, currency: string): string {
  return `BANK-${purpose}-${currency}`;
}
