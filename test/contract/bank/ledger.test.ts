import { strict as assert } from 'node:assert';
import { bankAccountNo, type JournalDraft } from '@sluice/core-api';
import type { UnitOfWork } from '@sluice/sdk';
import { needServer, POSTGRES_URL } from '../../support/servers.js';
import { EmbeddedLedgerStatements } from '../../../plugins/core/ledger/adapters/embedded-ledger.js';
import { ledgerTables } from '../../../plugins/core/ledger/adapters/schema-common.js';
import { BankUnderTest, DIALECTS } from './bank-under-test.js';

/** Everything here goes around the ledger's code, straight to its tables: the database alone must refuse it. */
for (const dialect of DIALECTS) {
  describe(`books guarded by the database, on ${dialect}`, () => {
    let bank: BankUnderTest;
    before(async function () {
      if (dialect === 'postgres') await needServer(this, 'PostgreSQL', POSTGRES_URL);
      bank = await BankUnderTest.start(dialect);
    });
    after(() => bank?.stop());

    let journals = 0;
    const leg = (unit: UnitOfWork, journalId: string, accountNo: string, amountMinor: bigint, currency = 'CNY'): Promise<number> =>
      unit.execute('INSERT INTO core_ledger_leg (journal_id, account_no, currency, amount_minor) VALUES (?, ?, ?, ?)', [
        journalId,
        accountNo,
        currency,
        amountMinor,
      ]);
    const journal = (unit: UnitOfWork, journalId: string, legCount: number, reverses: string | null = null): Promise<number> =>
      unit.execute(
        `INSERT INTO core_ledger_journal (journal_id, kind, reverses, business_date, booked_at, narrative, leg_count) VALUES (?, 'ORDER', ?, '2026-11-25', 0, '', ?)`,
        [journalId, reverses, legCount],
      );
    const post = (
      legs: readonly (readonly [accountNo: string, amountMinor: bigint, currency?: string])[],
      reverses: string | null = null,
    ): Promise<string> =>
      bank.data.unitOfWork(async (unit) => {
        const journalId = `test-${(journals += 1)}`;
        for (const [accountNo, amountMinor, currency] of legs) await leg(unit, journalId, accountNo, amountMinor, currency);
        await journal(unit, journalId, legs.length, reverses);
        return journalId;
      });
    const refusedWith = (rule: RegExp) => (error: unknown) => {
      assert.match((error as Error).message, rule);
      return true;
    };

    it('takes a balanced journal', async () => {
      const before = await bank.available(bank.yuan(1));
      await post([
        [bank.yuan(0), -100n],
        [bank.yuan(1), 100n],
      ]);
      assert.equal(await bank.available(bank.yuan(1)), before + 100n);
    });

    const unbalanced: readonly (readonly [name: string, legs: (b: BankUnderTest) => Parameters<typeof post>[0]])[] = [
      ['off by one', (b) => [[b.yuan(0), -100n], [b.yuan(1), 99n]]], // prettier-ignore
      ['one leg only', (b) => [[b.yuan(1), 100n]]],
      ['balanced over two currencies only', (b) => [[b.yuan(0), -100n], [b.person(3).accounts[1]?.accountNo as string, 100n, 'USD']]], // prettier-ignore
    ];
    for (const [name, legs] of unbalanced) {
      it(`refuses a journal: ${name}`, async () => {
        await assert.rejects(post(legs(bank)), refusedWith(/core_ledger_unbalanced/));
      });
    }

    it('refuses a journal with fewer legs than it says', async () => {
      const run = bank.data.unitOfWork(async (unit) => {
        await leg(unit, 'short', bank.yuan(0), -5n);
        await leg(unit, 'short', bank.yuan(1), 5n);
        await journal(unit, 'short', 3);
      });
      await assert.rejects(run, refusedWith(/core_ledger_unbalanced/));
    });

    it('refuses legs without a journal, at the commit', async () => {
      const run = bank.data.unitOfWork(async (unit) => {
        await leg(unit, 'never', bank.yuan(0), -5n);
        await leg(unit, 'never', bank.yuan(1), 5n);
      });
      await assert.rejects(run, refusedWith(/foreign key/i));
    });

    it('refuses a leg that comes after its journal', async () => {
      const journalId = await post([[bank.yuan(0), -7n], [bank.yuan(1), 7n]]); // prettier-ignore
      await assert.rejects(
        bank.data.unitOfWork((unit) => leg(unit, journalId, bank.yuan(1), 7n)),
        refusedWith(/core_ledger_late_leg/),
      );
    });

    it('refuses a second reversal of a journal', async () => {
      const journalId = await post([[bank.yuan(0), -7n], [bank.yuan(1), 7n]]); // prettier-ignore
      const back = [[bank.yuan(0), 7n], [bank.yuan(1), -7n]] as const; // prettier-ignore
      await post(back, journalId);
      await assert.rejects(post(back, journalId), refusedWith(/core_ledger_journal[._]reverses/));
    });

    const changes: readonly string[] = [
      'UPDATE core_ledger_leg SET amount_minor = amount_minor + 1',
      'DELETE FROM core_ledger_leg',
      `UPDATE core_ledger_journal SET narrative = 'other'`,
      'DELETE FROM core_ledger_journal',
      'DELETE FROM core_ledger_account',
      `UPDATE core_ledger_account SET currency = 'USD'`,
      `UPDATE core_ledger_account SET customer_no = 'C2' WHERE kind = 'CUSTOMER'`,
      ...(dialect === 'postgres' ? ['TRUNCATE core_ledger_leg', 'TRUNCATE core_ledger_account'] : []),
    ];
    for (const change of changes) {
      it(`refuses: ${change}`, async () => {
        await assert.rejects(bank.data.execute(change), refusedWith(/core_ledger_immutable/));
      });
    }

    it('refuses a balance below zero, whoever writes it', async () => {
      const more = (await bank.available(bank.yuan(0))) + 1n;
      await assert.rejects(post([[bank.yuan(0), -more], [bank.yuan(1), more]]), refusedWith(/core_ledger_funds/)); // prettier-ignore
      await assert.rejects(
        bank.data.execute('UPDATE core_ledger_account SET balance_minor = -1 WHERE account_no = ?', [bank.yuan(0)]),
        refusedWith(/core_ledger_funds/),
      );
    });

    it('refuses a zero leg, one of 19 digits, and a balance that would grow past 18', async () => {
      const equity = bankAccountNo('EQUITY', 'CNY');
      const most = 999_999_999_999_999_999n;
      await assert.rejects(post([[bank.yuan(0), 0n], [bank.yuan(1), 0n]]), refusedWith(/core_ledger_amount/)); // prettier-ignore
      await assert.rejects(post([[equity, -most - 1n], [bank.yuan(1), most + 1n]]), refusedWith(/core_ledger_amount/)); // prettier-ignore
      await assert.rejects(post([[equity, -most], [bank.yuan(1), most]]), refusedWith(/core_ledger_bounds/)); // prettier-ignore
    });

    it('keeps 18 digits exactly', async () => {
      const equity = bankAccountNo('EQUITY', 'CNY');
      const account = 'TEST-EIGHTEEN';
      await bank.books.openAccounts([{ accountNo: account, customerNo: 'C9', kind: 'CUSTOMER', title: '', currency: 'CNY' }]);
      const most = 999_999_999_999_999_999n;
      await post([[equity, -most], [account, most]]); // prettier-ignore
      assert.equal(await bank.available(account), most);
      assert.equal((await bank.ledger.history(account, { limit: 1 })).entries[0]?.amountMinor, most);
      await post([[account, -most], [equity, most]]); // prettier-ignore
      assert.equal(await bank.available(account), 0n);
    });

    it('refuses a leg on an unknown account, in a wrong currency, or on a closed account', async () => {
      await assert.rejects(post([[bank.yuan(0), -5n], ['NOBODY', 5n]]), refusedWith(/core_ledger_account_unfit/)); // prettier-ignore
      await assert.rejects(post([[bank.yuan(0), -5n, 'USD'], [bank.yuan(1), 5n, 'USD']]), refusedWith(/core_ledger_account_unfit/)); // prettier-ignore
      await bank.data.execute(`UPDATE core_ledger_account SET state = 'CLOSED' WHERE account_no = ?`, [bank.yuan(5)]);
      await assert.rejects(post([[bank.yuan(0), -5n], [bank.yuan(5), 5n]]), refusedWith(/core_ledger_account_unfit/)); // prettier-ignore
    });

    it('holds lower what is available, not the balance; a hold is freed once', async () => {
      const statements = new EmbeddedLedgerStatements(
        ledgerTables((name) => `core_ledger_${name}`),
        dialect,
      );
      const accountNo = bank.yuan(6);
      const before = await bank.ledger.find(accountNo);
      const hold = statements.hold({ holdId: 'H1', orderNo: 'O1', accountNo, currency: 'CNY', amountMinor: 100n });
      await bank.data.execute(hold.sql, hold.values);
      const held = await bank.ledger.find(accountNo);
      assert.deepEqual(
        [held?.postedMinor, held?.heldMinor, held?.availableMinor],
        [before?.postedMinor, 100n, (before?.postedMinor as bigint) - 100n],
      );
      const all = before?.postedMinor as bigint;
      await assert.rejects(post([[accountNo, -all], [bank.yuan(1), all]]), refusedWith(/core_ledger_funds/)); // prettier-ignore
      const release = statements.release('H1');
      assert.deepEqual(
        [await bank.data.execute(release.sql, release.values), await bank.data.execute(release.sql, release.values)],
        [1, 0],
      );
      assert.deepEqual(await bank.ledger.find(accountNo), before);
      const tooMuch = statements.hold({ holdId: 'H2', orderNo: 'O1', accountNo, currency: 'CNY', amountMinor: all + 1n });
      await assert.rejects(bank.data.execute(tooMuch.sql, tooMuch.values), refusedWith(/core_ledger_funds/));
    });

    it('the code refuses an unbalanced journal before the database must', async () => {
      const draft: JournalDraft = {
        journalId: 'by-code',
        orderNo: null,
        kind: 'ORDER',
        reverses: null,
        businessDate: '2026-11-25',
        bookedAt: 0,
        narrative: '',
        legs: [
          { accountNo: bank.yuan(0), currency: 'CNY', amountMinor: -5n, counterAccountNo: null },
          { accountNo: bank.yuan(1), currency: 'CNY', amountMinor: 4n, counterAccountNo: null },
        ],
      };
      await assert.rejects(bank.books.post(draft), { code: 'JOURNAL_UNBALANCED' });
    });

    it('a reader through Sequelize sees what the hand-written statements wrote, also before the commit', async () => {
      const sql = 'SELECT CAST(balance_minor AS TEXT) AS balance FROM core_ledger_account WHERE account_no = :accountNo';
      const replacements = { accountNo: bank.yuan(1) };
      const before = await bank.available(bank.yuan(1));
      const inside = await bank.data.unitOfWork(async (unit) => {
        await leg(unit, 'both-ways', bank.yuan(0), -9n);
        await leg(unit, 'both-ways', bank.yuan(1), 9n);
        await journal(unit, 'both-ways', 2);
        return bank.data.sequelize.query(sql, { replacements, transaction: unit.transaction });
      });
      const after = await bank.data.sequelize.query(sql, { replacements });
      const balance = [{ balance: (before + 9n).toString() }];
      assert.deepEqual([inside[0], after[0]], [balance, balance]);
    });

    it('finds what would be wrong', async () => {
      const { unbalancedJournals, differingAccounts, overdrawnAccounts } = await bank.ledger.verify();
      assert.deepEqual(
        { unbalancedJournals, differingAccounts, overdrawnAccounts },
        { unbalancedJournals: [], differingAccounts: [], overdrawnAccounts: [] },
      );
      // Only the owner of the tables can plant this: the balance is set past the legs.
      await bank.data.execute('UPDATE core_ledger_account SET balance_minor = balance_minor + 1 WHERE account_no = ?', [bank.yuan(7)]);
      const verdict = await bank.ledger.verify();
      assert.deepEqual([verdict.differingAccounts, verdict.totals[0]?.sumMinor], [[bank.yuan(7)], 1n]);
    });
  });
}
