/**
 * Writes the demo's customers, logins, accounts and opening balances, once, in one transaction.
 * All demo customers share one password and one precomputed hash with a fixed salt: hashing a thousand passwords properly takes minutes.
 * That is right for invented people on a demo and for nobody else; a login with changed parameters gets a hash and salt of its own.
 */
import type { Clock, DataService, ServiceOf, SqlValue, UnitOfWork } from '@sluice/sdk';
import { bankAccountNo, type LedgerBooks, type LedgerLeg, type NewAccount } from '@sluice/core-api';
import type { DemoPerson } from '../domain/demo-people.js';
import type { CustomerTables } from './schema.js';

/** Password of every demo customer. Public on purpose. */
export const DEMO_PASSWORD = 'Sluice-demo-2026';
/** Its hash at N=2^17, r=8, p=1. */
export const DEMO_PASSWORD_HASH = 'scrypt$17$8$1$c2x1aWNlLWRlbW8tc2FsdA$Q2wojHiNhchyHHlisnnEV3ek_C95_jThlex4kaUHyiM';

const ROWS_PER_STATEMENT = 500;
const SEED_TIMEOUT_MS = 30_000;
const DEMO_BUSINESS_DATE = '2026-01-01';

/** What seeding needs. */
export interface DemoSeedPorts {
  readonly data: DataService;
  readonly tables: CustomerTables;
  readonly books: ServiceOf<typeof LedgerBooks>;
  readonly clock: Pick<Clock, 'now'>;
}

/** Writes the demo data unless it is there. @returns true when it was written now. */
export async function seedDemo(ports: DemoSeedPorts, people: readonly DemoPerson[]): Promise<boolean> {
  const first = people[0];
  if (first === undefined) return false;
  const isSeeded = async (): Promise<boolean> =>
    (await ports.data.query(`SELECT 1 AS seeded FROM ${ports.tables.customer} WHERE customer_no = ?`, [first.customerNo])).length > 0;
  if (await isSeeded()) return false;
  try {
    await ports.data.unitOfWork((unit) => write(ports, unit, people), { timeoutMs: SEED_TIMEOUT_MS });
    return true;
  } catch (error) {
    // Two nodes may start at once; the one that came second finds the first one's rows.
    if (await isSeeded()) return false;
    throw error;
  }
}

async function write({ tables, books, clock }: DemoSeedPorts, unit: UnitOfWork, people: readonly DemoPerson[]): Promise<void> {
  const now = clock.now();
  await insert(unit, tables.customer, ['customer_no', 'name', 'pinyin', 'created_at'], people, (person) => [
    person.customerNo,
    person.name,
    person.pinyin,
    now,
  ]);
  await insert(unit, tables.credential, ['login', 'customer_no', 'password_hash'], people, (person) => [
    person.login,
    person.customerNo,
    DEMO_PASSWORD_HASH,
  ]);
  await books.openAccounts(people.flatMap(newAccounts));
  for (const currency of ['CNY', 'USD']) {
    const legs = openingLegs(people, currency);
    if (legs.length < 2) continue;
    await books.post({
      journalId: `OPENING-${currency}`,
      orderNo: null,
      kind: 'OPENING',
      reverses: null,
      businessDate: DEMO_BUSINESS_DATE,
      bookedAt: now,
      narrative: '开户 opening balance',
      legs,
    });
  }
}

function newAccounts(person: DemoPerson): NewAccount[] {
  return person.accounts.map(({ accountNo, currency }) => ({
    accountNo,
    customerNo: person.customerNo,
    kind: 'CUSTOMER',
    title: currency === 'CNY' ? '活期账户 Current account' : '美元账户 US dollar account',
    currency,
  }));
}

/** What the customers have, the bank's equity account owes. */
function openingLegs(people: readonly DemoPerson[], currency: string): LedgerLeg[] {
  const equity = bankAccountNo('EQUITY', currency);
  const accounts = people.flatMap((person) => person.accounts).filter((account) => account.currency === currency);
  const total = accounts.reduce((sum, account) => sum + account.openingMinor, 0n);
  if (total === 0n) return [];
  return [
    { accountNo: equity, currency, amountMinor: -total, counterAccountNo: null },
    ...accounts.map(({ accountNo, openingMinor }) => ({ accountNo, currency, amountMinor: openingMinor, counterAccountNo: equity })),
  ];
}

async function insert<T>(
  unit: UnitOfWork,
  table: string,
  columns: readonly string[],
  items: readonly T[],
  values: (item: T) => readonly SqlValue[],
): Promise<void> {
  const row = `(${columns.map(() => '?').join(', ')})`;
  for (let start = 0; start < items.length; start += ROWS_PER_STATEMENT) {
    const chunk = items.slice(start, start + ROWS_PER_STATEMENT);
    await unit.execute(`INSERT INTO ${table} (${columns.join(', ')}) VALUES ${chunk.map(() => row).join(', ')}`, chunk.flatMap(values));
  }
}
