import { strict as assert } from 'node:assert';
import { bankAccountNo } from '@sluice/core-api';
import type { TransferRequest } from '@sluice/product-api';
import { needServer, POSTGRES_URL } from '../../support/servers.js';
import { BankUnderTest, codeOfResult, DIALECTS } from './bank-under-test.js';

for (const dialect of DIALECTS) {
  describe(`single transfer on ${dialect}`, () => {
    let bank: BankUnderTest;
    before(async function () {
      if (dialect === 'postgres') await needServer(this, 'PostgreSQL', POSTGRES_URL);
      bank = await BankUnderTest.start(dialect, { 'platform.policy': { fee: { CNY: { flat: '0.50', perMille: '1' } } } });
    });
    after(() => bank?.stop());

    it('moves the amount, charges the fee, and says who served it', async () => {
      const accounts = [bank.yuan(0), bank.yuan(1), bankAccountNo('FEE-INCOME', 'CNY')];
      const balances = (): Promise<bigint[]> => Promise.all(accounts.map((accountNo) => bank.available(accountNo)));
      const [payer = 0n, payee = 0n, fees = 0n] = await balances();

      const result = await bank.transfer('moves-money', { amount: '1000.00', narrative: '房租 rent' });

      assert.equal(codeOfResult(result), 'posted');
      assert.ok(result.outcome !== 'invalid');
      const { orderNo, receivedAt, businessDate, ...order } = result.order;
      assert.match(orderNo, /^[0-9]{8}-[0-9A-Z]{16}$/);
      assert.match(businessDate, /^[0-9]{4}-[0-9]{2}-[0-9]{2}$/);
      assert.ok(receivedAt <= Date.now());
      assert.deepEqual(order, {
        parentOrderNo: null,
        state: 'POSTED',
        channel: 'test',
        function: 'transfer.single',
        customerNo: bank.person(0).customerNo,
        amount: { minor: 1000_00n, currency: 'CNY' },
        fee: { minor: 1_50n, currency: 'CNY' },
        payerAccountNo: bank.yuan(0),
        payeeAccountNo: bank.yuan(1),
        narrative: '房租 rent',
        servedBy: 'business.transfer@1.0.0',
        refusal: null,
      });
      assert.deepEqual(await balances(), [payer - 1001_50n, payee + 1000_00n, fees + 1_50n]);
    });

    it('shows the movement in the history of both sides, newest first, page by page', async () => {
      const result = await bank.transfer('history-of-both', { amount: '7.00' });
      assert.ok(result.outcome === 'posted');
      const of = async (index: number, limit: number, before?: string) =>
        bank.accounts.history({
          customerNo: bank.person(index).customerNo,
          accountNo: bank.yuan(index),
          limit,
          ...(before === undefined ? {} : { before }),
        });
      const lines = (page: Awaited<ReturnType<typeof of>>): string[] =>
        (page?.entries ?? []).map(
          (entry) => `${entry.side} ${entry.amountMinor} ${entry.currency} ${entry.counterAccountNo} ${entry.orderNo}`,
        );
      const { orderNo } = result.order;
      assert.deepEqual(lines(await of(1, 1)), [`CREDIT 700 CNY ${bank.yuan(0)} ${orderNo}`]);
      // The fee of 0.50 + 0.007 is rounded once.
      const first = await of(0, 1);
      const second = await of(0, 1, first?.next ?? undefined);
      assert.deepEqual(
        [...lines(first), ...lines(second)].sort(),
        [`DEBIT 51 CNY ${bankAccountNo('FEE-INCOME', 'CNY')} ${orderNo}`, `DEBIT 700 CNY ${bank.yuan(1)} ${orderNo}`].sort(),
      );
    });

    const refusals: readonly (readonly [name: string, changes: (bank: BankUnderTest) => Partial<TransferRequest>, code: string])[] = [
      ['more than there is', () => ({ amount: '4000000.00' }), 'refused core INSUFFICIENT_FUNDS'],
      ['more than the ceiling', () => ({ amount: '5000000.01' }), 'refused limit LIMIT_ORDER_EXCEEDED'],
      ['exactly the ceiling', () => ({ amount: '5000000.00' }), 'refused core INSUFFICIENT_FUNDS'],
      ['zero', () => ({ amount: '0.00' }), 'invalid amount AMOUNT_NOT_POSITIVE'],
      ['the same account', (b) => ({ payeeAccountNo: b.yuan(0) }), 'invalid payeeAccountNo SAME_ACCOUNT'],
      ['unknown payee', () => ({ payeeAccountNo: '100199999999' }), 'invalid payeeAccountNo ACCOUNT_UNKNOWN'],
      ['unknown payer', () => ({ payerAccountNo: '100199999999' }), 'invalid payerAccountNo ACCOUNT_UNKNOWN'],
      ['somebody else pays', (b) => ({ customerNo: b.person(2).customerNo }), 'invalid payerAccountNo ACCOUNT_FOREIGN'],
      [
        'payee keeps dollars',
        (b) => ({ payeeAccountNo: b.person(3).accounts[1]?.accountNo as string }),
        'invalid payeeAccountNo CURRENCY_MISMATCH',
      ],
      ['to the bank itself', () => ({ payeeAccountNo: bankAccountNo('EQUITY', 'CNY') }), 'invalid payeeAccountNo ACCOUNT_UNKNOWN'],
      [
        'everything wrong at once',
        (b) => ({ amount: '1.234', payerAccountNo: b.yuan(2), payeeAccountNo: '100199999999' }),
        'invalid amount AMOUNT_TOO_FINE, payerAccountNo ACCOUNT_FOREIGN, payeeAccountNo ACCOUNT_UNKNOWN',
      ],
    ];
    for (const [name, changes, code] of refusals) {
      it(`refuses: ${name}`, async () => {
        const before = [await bank.available(bank.yuan(0)), await bank.count('core_ledger_leg')];
        assert.equal(codeOfResult(await bank.transfer(`refusal-${name.replaceAll(' ', '-')}`, changes(bank))), code);
        assert.deepEqual([await bank.available(bank.yuan(0)), await bank.count('core_ledger_leg')], before);
      });
    }

    it('amount and fee are checked together: a balance that covers the amount alone does not do', async () => {
      const balance = await bank.available(bank.yuan(4));
      const of = (amountMinor: bigint): Partial<TransferRequest> => ({
        customerNo: bank.person(4).customerNo,
        payerAccountNo: bank.yuan(4),
        amount: `${amountMinor / 100n}.${(amountMinor % 100n).toString().padStart(2, '0')}`,
      });
      assert.equal(codeOfResult(await bank.transfer('all-but-fee', of(balance))), 'refused core INSUFFICIENT_FUNDS');
      const left = 50n + balance / 1000n + 1n;
      assert.equal(codeOfResult(await bank.transfer('all-with-fee', of(balance - left))), 'posted');
      assert.ok((await bank.available(bank.yuan(4))) >= 0n);
    });

    it('a closed account takes no part; a frozen one may be paid, and pays nobody', async () => {
      await bank.data.execute(`UPDATE core_ledger_account SET state = 'CLOSED' WHERE account_no = ?`, [bank.yuan(5)]);
      assert.equal(
        codeOfResult(await bank.transfer('to-closed', { payeeAccountNo: bank.yuan(5) })),
        'invalid payeeAccountNo ACCOUNT_CLOSED',
      );
      await bank.data.execute(`UPDATE core_ledger_account SET state = 'FROZEN' WHERE account_no = ?`, [bank.yuan(6)]);
      const pays = { customerNo: bank.person(6).customerNo, payerAccountNo: bank.yuan(6) };
      assert.deepEqual(
        [
          codeOfResult(await bank.transfer('from-frozen', pays)),
          codeOfResult(await bank.transfer('to-frozen', { payeeAccountNo: bank.yuan(6) })),
        ],
        ['invalid payerAccountNo ACCOUNT_FROZEN', 'posted'],
      );
    });

    it('an order belongs to its customer', async () => {
      const result = await bank.transfer('mine-alone');
      assert.ok(result.outcome === 'posted');
      const { orderNo } = result.order;
      assert.deepEqual(await bank.transfers.find(bank.person(0).customerNo, orderNo), result.order);
      assert.equal(await bank.transfers.find(bank.person(1).customerNo, orderNo), null);
      assert.equal(await bank.accounts.history({ customerNo: bank.person(1).customerNo, accountNo: bank.yuan(0), limit: 1 }), null);
    });

    it('audits what was posted and what was refused, in the transaction of the order', async () => {
      const posted = await bank.transfer('audit-posted');
      const refused = await bank.transfer('audit-refused', { amount: '4000000.00' });
      assert.ok(posted.outcome !== 'invalid' && refused.outcome !== 'invalid');
      const rows = await bank.data.query(
        'SELECT subject AS order_no, actor, channel, action, outcome, detail FROM platform_audit_entry WHERE subject IN (?, ?) ORDER BY entry_id',
        [posted.order.orderNo, refused.order.orderNo],
      );
      const common = { actor: bank.person(0).customerNo, channel: 'test', action: 'order.submitted' };
      const detail = { function: 'transfer.single', amount: { minor: '100', currency: 'CNY' } };
      assert.deepEqual(
        rows.map((row) => ({ ...row, detail: JSON.parse(row.detail as string) as unknown })),
        [
          {
            ...common,
            order_no: posted.order.orderNo,
            outcome: 'POSTED',
            detail: { ...detail, way: ['RECEIVED', 'AUTHORISED', 'POSTED'] },
          },
          {
            ...common,
            order_no: refused.order.orderNo,
            outcome: 'REJECTED',
            detail: {
              ...detail,
              amount: { minor: '400000000', currency: 'CNY' },
              way: ['RECEIVED', 'REJECTED'],
              slot: 'core',
              code: 'INSUFFICIENT_FUNDS',
            },
          },
        ],
      );
    });

    it('keeps with the order which step decided it, and by which version', async () => {
      const result = await bank.transfer('records-kept');
      assert.ok(result.outcome === 'posted');
      const rows = await bank.data.query('SELECT records FROM platform_txn_order WHERE order_no = ?', [result.order.orderNo]);
      const by = 'platform.policy@1.0.0';
      const all = ['AllowAll', by, { allowed: 'all' }];
      assert.deepEqual(JSON.parse(rows[0]?.records as string), {
        channel: all,
        agreement: all,
        plan: all,
        fee: ['ConfiguredFee', by, { fee: '0.50', currency: 'CNY' }],
        limit: ['OrderCeiling', by, { ceiling: '5000000.00' }],
        risk: all,
        authentication: all,
        points: all,
        notice: ['OrderEvent', by, { by: 'event' }],
      });
    });

    it('leaves an event in the outbox for what was posted, none for what was refused', async () => {
      const before = await bank.count('sluice_outbox');
      await bank.transfer('event-posted');
      await bank.transfer('event-refused', { amount: '4000000.00' });
      assert.equal(await bank.count('sluice_outbox'), before + 1);
    });

    it('leaves balanced books', async () => {
      const verdict = await bank.ledger.verify();
      assert.deepEqual(
        { ...verdict, totals: verdict.totals.map(({ sumMinor }) => sumMinor) },
        {
          unbalancedJournals: [],
          differingAccounts: [],
          overdrawnAccounts: [],
          totals: [0n, 0n],
        },
      );
    });
  });
}
