import { strict as assert } from 'node:assert';
import { bankAccountNo } from '@sluice/core-api';
import type { TransferResult } from '@sluice/product-api';
import { needServer, POSTGRES_URL } from '../../support/servers.js';
import { BankUnderTest, bytesOf, codeOfResult, DIALECTS } from './bank-under-test.js';

for (const dialect of DIALECTS) {
  describe(`reversal on ${dialect}`, () => {
    let bank: BankUnderTest;
    before(async function () {
      if (dialect === 'postgres') await needServer(this, 'PostgreSQL', POSTGRES_URL);
      bank = await BankUnderTest.start(dialect, { 'platform.policy': { fee: { CNY: { flat: '2.00', perMille: '0' } } } });
    });
    after(() => bank?.stop());

    const posted = async (key: string, amount = '10.00'): Promise<string> => {
      const result = await bank.transfer(key, { amount });
      assert.ok(result.outcome === 'posted');
      return result.order.orderNo;
    };
    const reverse = async (orderNo: string, key: string): Promise<TransferResult> => {
      const { customerNo } = bank.person(0);
      const result = await bank.transfers.reverse({ channel: 'test', customerNo, orderNo, key, reason: 'wrong payee' });
      assert.ok(result !== null);
      return result;
    };
    const balances = (): Promise<bigint[]> =>
      Promise.all([bank.yuan(0), bank.yuan(1), bankAccountNo('FEE-INCOME', 'CNY')].map((accountNo) => bank.available(accountNo)));
    const stateOf = async (orderNo: string): Promise<string | undefined> => (await bank.pipeline.find(orderNo))?.state;

    it('undoes amount and fee by a journal of its own that names the original', async () => {
      const before = await balances();
      const orderNo = await posted('to-be-undone');
      const result = await reverse(orderNo, 'undo-it-once');
      assert.equal(codeOfResult(result), 'posted');
      assert.ok(result.outcome !== 'invalid');
      assert.deepEqual(
        {
          parent: result.order.parentOrderNo,
          function: result.order.function,
          payer: result.order.payerAccountNo,
          fee: result.order.fee.minor,
        },
        { parent: orderNo, function: 'order.reversal', payer: bank.yuan(1), fee: 0n },
      );
      assert.deepEqual(await balances(), before);
      assert.equal(await stateOf(orderNo), 'REVERSED');
      const journals = await bank.data.query('SELECT kind, reverses FROM core_ledger_journal WHERE journal_id = ?', [result.order.orderNo]);
      assert.deepEqual(
        journals.map((row) => ({ ...row })),
        [{ kind: 'REVERSAL', reverses: orderNo }],
      );
    });

    it('asked again, with the same key or another, gives the same answer and moves nothing', async () => {
      const orderNo = await posted('undone-twice');
      const first = await reverse(orderNo, 'undo-twice-a');
      const before = await balances();
      for (const key of ['undo-twice-a', 'undo-twice-b']) {
        const again = await reverse(orderNo, key);
        assert.deepEqual([bytesOf(again), again.outcome === 'posted' && again.replay], [bytesOf(first), true]);
      }
      assert.deepEqual(await balances(), before);
    });

    it('20 reversals at once undo once', async () => {
      const before = await balances();
      const orderNo = await posted('undone-by-many');
      const results = await Promise.all(Array.from({ length: 20 }, (_unused, index) => reverse(orderNo, `undo-many-${index}`)));
      assert.equal(new Set(results.map(bytesOf)).size, 1);
      assert.deepEqual(await balances(), before);
    });

    it('a key used for another order is refused', async () => {
      await reverse(await posted('undo-key-one'), 'undo-key-reused');
      const other = await posted('undo-key-two');
      await assert.rejects(reverse(other, 'undo-key-reused'), { code: 'KEY_REUSED', httpStatus: 409 });
      assert.equal(await stateOf(other), 'POSTED');
    });

    it('is refused when the payee has spent the money; the order stays posted and may be reversed later', async () => {
      const payee = bank.person(1);
      const orderNo = await posted('spent-by-payee', '300.00');
      const spent = await bank.available(bank.yuan(1));
      const spend = { customerNo: payee.customerNo, payerAccountNo: bank.yuan(1), payeeAccountNo: bank.yuan(2) };
      const minor = spent - 200n;
      const amount = `${minor / 100n}.${(minor % 100n).toString().padStart(2, '0')}`;
      assert.equal(codeOfResult(await bank.transfer('spend-it-all', { ...spend, amount })), 'posted');
      const refused = await reverse(orderNo, 'undo-spent-one');
      assert.equal(codeOfResult(refused), 'refused core INSUFFICIENT_FUNDS');
      assert.equal(bytesOf(await reverse(orderNo, 'undo-spent-one')), bytesOf(refused));
      assert.equal(await stateOf(orderNo), 'POSTED');
      const refund = {
        customerNo: bank.person(2).customerNo,
        payerAccountNo: bank.yuan(2),
        payeeAccountNo: bank.yuan(1),
        amount: '300.00',
      };
      assert.equal(codeOfResult(await bank.transfer('give-back-some', refund)), 'posted');
      assert.equal(codeOfResult(await reverse(orderNo, 'undo-spent-two')), 'posted');
      assert.equal(await stateOf(orderNo), 'REVERSED');
    });

    it('a refused order, a reversal and an unknown order cannot be reversed', async () => {
      const refused = await bank.transfer('never-posted', { amount: '4000000.00' });
      assert.ok(refused.outcome === 'refused');
      await assert.rejects(reverse(refused.order.orderNo, 'undo-refused'), { code: 'ORDER_STATE', httpStatus: 409 });
      const reversal = await reverse(await posted('undone-and-redone'), 'undo-to-redo');
      assert.ok(reversal.outcome === 'posted');
      await assert.rejects(reverse(reversal.order.orderNo, 'undo-the-undo'), { code: 'ORDER_STATE', httpStatus: 409 });
      const request = { channel: 'test', key: 'undo-unknown', actor: 'officer', reason: '', servedBy: 'test@1.0.0' };
      await assert.rejects(bank.pipeline.reverse({ ...request, orderNo: '20260101-NONE' }), { code: 'ORDER_UNKNOWN', httpStatus: 404 });
    });

    it('somebody else cannot reverse it', async () => {
      const orderNo = await posted('not-yours-to-undo');
      const { customerNo } = bank.person(3);
      assert.equal(await bank.transfers.reverse({ channel: 'test', customerNo, orderNo, key: 'undo-foreign', reason: '' }), null);
      assert.equal(await stateOf(orderNo), 'POSTED');
    });

    it('leaves balanced books', async () => {
      const { unbalancedJournals, differingAccounts, overdrawnAccounts } = await bank.ledger.verify();
      assert.deepEqual(
        { unbalancedJournals, differingAccounts, overdrawnAccounts },
        { unbalancedJournals: [], differingAccounts: [], overdrawnAccounts: [] },
      );
    });
  });
}
