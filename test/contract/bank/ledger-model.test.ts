import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { bankAccountNo, type LedgerLeg } from '@sluice/core-api';
import { codeOf, messageOf } from '@sluice/sdk';
import { EmbeddedLedgerStatements } from '../../../plugins/core/ledger/adapters/embedded-ledger.js';
import { ledgerTables } from '../../../plugins/core/ledger/adapters/schema-common.js';
import { needServer, POSTGRES_URL } from '../../support/servers.js';
import { BankUnderTest, DIALECTS } from './bank-under-test.js';

const CUSTOMERS = 4;
const DATES = ['2026-11-24', '2026-11-25', '2026-11-26', '2026-12-01'];
const CONTROL = [bankAccountNo('SUSPENSE', 'CNY'), bankAccountNo('CLEARING', 'CNY'), bankAccountNo('FEE-INCOME', 'CNY')];

type Move =
  | { readonly kind: 'post'; readonly legs: readonly { readonly account: number; readonly amount: bigint }[]; readonly date: number }
  | { readonly kind: 'hold'; readonly account: number; readonly amount: bigint }
  | { readonly kind: 'release'; readonly pick: number }
  | { readonly kind: 'reverse'; readonly pick: number }
  | { readonly kind: 'state'; readonly account: number; readonly state: 'OPEN' | 'FROZEN' | 'CLOSED' };

const account = fc.integer({ min: 0, max: CUSTOMERS + CONTROL.length - 1 });
const customer = fc.integer({ min: 0, max: CUSTOMERS - 1 });
const amount = fc.bigInt({ min: -600n, max: 600n }).filter((value) => value !== 0n);
const move: fc.Arbitrary<Move> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('post' as const), legs: fc.array(fc.record({ account, amount }), { minLength: 1, maxLength: 4 }), date: fc.nat(DATES.length - 1) }) }, // prettier-ignore
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('hold' as const), account: customer, amount: fc.bigInt({ min: 1n, max: 500n }) }) },
  {
    weight: 3,
    arbitrary: fc.oneof(
      fc.record({ kind: fc.constant('release' as const), pick: fc.nat() }),
      fc.record({ kind: fc.constant('reverse' as const), pick: fc.nat() }),
    ),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('state' as const), account: customer, state: fc.constantFrom('OPEN' as const, 'FROZEN' as const, 'CLOSED' as const) }) }, // prettier-ignore
);

interface Balance {
  posted: bigint;
  held: bigint;
  state: 'OPEN' | 'FROZEN' | 'CLOSED';
}

/** The ledger in thirty lines: what is posted, held and allowed, and nothing else. */
class Model {
  readonly accounts: Balance[] = Array.from({ length: CUSTOMERS + CONTROL.length }, () => ({ posted: 0n, held: 0n, state: 'OPEN' }));
  readonly legs: { readonly account: number; readonly amount: bigint; readonly date: string }[] = [];

  /** Why the legs of one journal cannot be posted, or null; then they are. Legs are judged one by one, in the order of the accounts. */
  post(legs: readonly { readonly account: number; readonly amount: bigint }[], date: string): string | null {
    const after = this.accounts.map((balance) => ({ ...balance }));
    for (const { account: index, amount: change } of legs) {
      const balance = after[index] as Balance;
      if (balance.state === 'CLOSED') return 'ACCOUNT_CLOSED';
      if (balance.state === 'FROZEN' && change < 0n) return 'ACCOUNT_FROZEN';
      balance.posted += change;
      if (index < CUSTOMERS && balance.posted < balance.held) return 'INSUFFICIENT_FUNDS';
    }
    this.accounts.splice(0, after.length, ...after);
    this.legs.push(...legs.map((leg) => ({ ...leg, date })));
    return null;
  }

  hold(index: number, change: bigint): string | null {
    const balance = this.accounts[index] as Balance;
    if (balance.state === 'CLOSED') return 'ACCOUNT_CLOSED';
    if (balance.state === 'FROZEN') return 'ACCOUNT_FROZEN';
    if (balance.posted - balance.held < change) return 'INSUFFICIENT_FUNDS';
    balance.held += change;
    return null;
  }

  at(index: number, date: string): bigint {
    return this.legs.reduce((sum, leg) => (leg.account === index && leg.date <= date ? sum + leg.amount : sum), 0n);
  }
}

for (const dialect of DIALECTS) {
  describe(`ledger beside a simple model, on ${dialect}`, () => {
    let bank: BankUnderTest;
    let runs = 0;
    before(async function () {
      if (dialect === 'postgres') await needServer(this, 'PostgreSQL', POSTGRES_URL);
      bank = await BankUnderTest.start(dialect);
    });
    after(() => bank?.stop());

    const statements = (): EmbeddedLedgerStatements =>
      new EmbeddedLedgerStatements(
        ledgerTables((name) => `core_ledger_${name}`),
        dialect,
      );

    /** Runs what may be refused by a rule of the ledger; the code of the rule, or null. */
    async function outcome(work: () => Promise<unknown>): Promise<string | null> {
      try {
        await work();
        return null;
      } catch (error) {
        return statements().refusalOf(messageOf(error))?.code ?? codeOf(error);
      }
    }

    it('posts, holds, releases, reverses, freezes and closes exactly as the model does; balances at every date are its sums', async function () {
      this.timeout(120_000);
      await fc.assert(
        fc.asyncProperty(fc.array(move, { minLength: 5, maxLength: 25 }), async (moves) => {
          runs += 1;
          const numbers = Array.from({ length: CUSTOMERS }, (_unused, index) => `MODEL-${dialect.toUpperCase()}-${runs}-${index}`);
          const before = await Promise.all(CONTROL.map(async (accountNo) => (await bank.ledger.find(accountNo))?.postedMinor as bigint));
          await bank.books.openAccounts(
            numbers.map((accountNo) => ({ accountNo, customerNo: 'MODEL', kind: 'CUSTOMER' as const, title: '', currency: 'CNY' })),
          );
          const all = [...numbers, ...CONTROL];
          const model = new Model();
          const journals: { readonly id: string; readonly legs: readonly { account: number; amount: bigint }[]; reversed: boolean }[] = [];
          const holds: { readonly id: string; readonly account: number; readonly amount: bigint; free: boolean }[] = [];

          const post = async (
            legs: readonly { account: number; amount: bigint }[],
            date: string,
            reverses: string | null,
          ): Promise<void> => {
            const id = `M${dialect}${runs}-${journals.length}-${model.legs.length}-${Math.random()}`.slice(0, 40);
            const sorted = [...legs].sort((one, other) => ((all[one.account] as string) < (all[other.account] as string) ? -1 : 1));
            const expected = model.post(sorted, date);
            const drafts = sorted.map((leg): LedgerLeg => ({ accountNo: all[leg.account] as string, currency: 'CNY', amountMinor: leg.amount, counterAccountNo: null })); // prettier-ignore
            const kind = reverses === null ? ('ORDER' as const) : ('REVERSAL' as const);
            const draft = { journalId: id, orderNo: null, kind, reverses, businessDate: date, bookedAt: 0, narrative: '', legs: drafts };
            assert.equal(await outcome(() => bank.books.post(draft)), expected);
            if (expected === null && reverses === null) journals.push({ id, legs: sorted, reversed: false });
          };

          for (const wish of moves) {
            if (wish.kind === 'post') {
              // One more leg makes the journal balance: on suspense, which may go either way.
              const sum = wish.legs.reduce((total, leg) => total + leg.amount, 0n);
              const legs = sum === 0n ? wish.legs : [...wish.legs, { account: CUSTOMERS, amount: -sum }];
              if (legs.length >= 2) await post(legs, DATES[wish.date] as string, null);
            } else if (wish.kind === 'hold') {
              const id = `H${dialect}${runs}-${holds.length}-${Math.random()}`;
              const part = statements().hold({ holdId: id, orderNo: 'O', accountNo: numbers[wish.account] as string, currency: 'CNY', amountMinor: wish.amount }); // prettier-ignore
              const expected = model.hold(wish.account, wish.amount);
              assert.equal(await outcome(() => bank.data.execute(part.sql, part.values)), expected);
              if (expected === null) holds.push({ id, account: wish.account, amount: wish.amount, free: false });
            } else if (wish.kind === 'release') {
              const hold = holds[wish.pick % Math.max(holds.length, 1)];
              if (hold === undefined) continue;
              const part = statements().release(hold.id);
              assert.equal(await bank.data.execute(part.sql, part.values), hold.free ? 0 : 1);
              if (!hold.free) (model.accounts[hold.account] as Balance).held -= hold.amount;
              hold.free = true;
            } else if (wish.kind === 'reverse') {
              const journal = journals[wish.pick % Math.max(journals.length, 1)];
              if (journal === undefined || journal.reversed) continue;
              const legsBefore = model.legs.length;
              await post(journal.legs.map((leg) => ({ ...leg, amount: -leg.amount })), DATES[3] as string, journal.id); // prettier-ignore
              journal.reversed = model.legs.length > legsBefore;
            } else {
              const balance = model.accounts[wish.account] as Balance;
              const allowed = wish.state !== 'CLOSED' || (balance.posted === 0n && balance.held === 0n);
              assert.equal(await bank.books.setState(numbers[wish.account] as string, wish.state), allowed);
              if (allowed) balance.state = wish.state;
            }
          }

          for (const [index, accountNo] of all.entries()) {
            const { posted, held, state } = model.accounts[index] as Balance;
            const start = index < CUSTOMERS ? 0n : (before[index - CUSTOMERS] as bigint);
            const view = await bank.ledger.find(accountNo);
            assert.deepEqual(
              [view?.postedMinor, view?.heldMinor, view?.availableMinor, view?.state],
              [start + posted, held, start + posted - held, state],
              accountNo,
            );
            if (index >= CUSTOMERS) continue;
            for (const date of ['2026-11-23', ...DATES, '2027-01-01']) {
              assert.equal(await bank.ledger.balanceAt(accountNo, date), model.at(index, date), `${accountNo} at ${date}`);
            }
          }
          assert.deepEqual((await bank.ledger.totals()).map(({ sumMinor }) => sumMinor), [0n, 0n]); // prettier-ignore
        }),
        { numRuns: 25 },
      );
      const { unbalancedJournals, differingAccounts, overdrawnAccounts } = await bank.ledger.verify();
      assert.deepEqual([unbalancedJournals, differingAccounts, overdrawnAccounts], [[], [], []]);
    });

    it('keeps control accounts for suspense, cash, clearing and others in every currency; an unknown account has no balance at a date', async () => {
      const purposes = ['EQUITY', 'FEE-INCOME', 'SUSPENSE', 'CASH', 'CASH-IN-MACHINE', 'CLEARING', 'CARRIER', 'INTER-CORE'] as const;
      const views = await bank.ledger.findAll(
        purposes.flatMap((purpose) => ['CNY', 'USD'].map((currency) => bankAccountNo(purpose, currency))),
      );
      assert.deepEqual([views.length, new Set(views.map(({ kind }) => kind))], [16, new Set(['BANK'])]);
      assert.equal(await bank.ledger.balanceAt('NOBODY', '2026-11-25'), null);
    });
  });
}
