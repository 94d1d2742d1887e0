import { strict as assert } from 'node:assert';
import { PipelineStep, type Effect, type Order, type PipelineStepService } from '@sluice/pipeline-api';
import { needServer, POSTGRES_URL } from '../../support/servers.js';
import { BankUnderTest, codeOfResult, DIALECTS } from './bank-under-test.js';

/** A limit that takes the principal from one counter under a ceiling, and gives it back at a reversal. */
export function counterLimit(counter: string, ceiling: bigint): PipelineStepService {
  return {
    describe: () => ({ slot: 'limit', name: 'CounterLimit', providedBy: 'test@1.0.0', resumes: '*' }),
    facts: () => [{ kind: 'counter', counter }],
    decide: (order: Order) => ({
      go: true,
      record: { taken: order.amount.minor.toString() },
      effects: [{ kind: 'take', counter, amount: order.amount.minor, ceiling, code: 'LIMIT_DAY_EXCEEDED' }],
    }),
    conclude: (order: Order, outcome): Effect[] => (outcome === 'reversed' ? [{ kind: 'give', counter, amount: order.amount.minor }] : []),
  };
}

for (const dialect of DIALECTS) {
  describe(`many at once on ${dialect}`, () => {
    let bank: BankUnderTest;
    before(async function () {
      if (dialect === 'postgres') await needServer(this, 'PostgreSQL', POSTGRES_URL);
      bank = await BankUnderTest.start(dialect);
    });
    after(() => bank?.stop());

    it('100 transfers drain an account: as many pass as the money allows, it never goes below zero', async () => {
      const balance = await bank.available(bank.yuan(2));
      const share = balance / 30n + 1n;
      const amount = `${share / 100n}.${(share % 100n).toString().padStart(2, '0')}`;
      const payer = { customerNo: bank.person(2).customerNo, payerAccountNo: bank.yuan(2), amount };
      const results = await Promise.all(Array.from({ length: 100 }, (_unused, index) => bank.transfer(`drain-account-${index}`, payer)));
      const codes = results.map(codeOfResult).sort();
      assert.deepEqual(codes, [...Array<string>(29).fill('posted'), ...Array<string>(71).fill('refused core INSUFFICIENT_FUNDS')]);
      assert.equal(await bank.available(bank.yuan(2)), balance - 29n * share);
    });

    it('while money moves between ten accounts, every reader sees the same total', async () => {
      const [expected] = await bank.ledger.totals();
      const load = { isRunning: true };
      const seen = new Set<string>();
      const readers = Array.from({ length: 2 }, async () => {
        while (load.isRunning) {
          const [yuan] = await bank.ledger.totals();
          seen.add(`${yuan?.customersMinor} ${yuan?.sumMinor}`);
        }
      });
      const payers = Array.from({ length: 10 }, async (_unused, client) => {
        for (let round = 0; round < 20; round += 1) {
          const payer = (client + round) % 10;
          const payee = (client * 3 + round * 7 + 1) % 10;
          if (payer === payee) continue;
          const changes = {
            customerNo: bank.person(payer).customerNo,
            payerAccountNo: bank.yuan(payer),
            payeeAccountNo: bank.yuan(payee),
            amount: '3.21',
          };
          await bank.transfer(`hot-accounts-${client}-${round}`, changes);
        }
      });
      await Promise.all(payers);
      load.isRunning = false;
      await Promise.all(readers);
      assert.deepEqual([...seen], [`${expected?.customersMinor} 0`]);
    });

    it('of 100 transfers of a tenth of the limit exactly ten pass, and their reversals free it again', async () => {
      const withdraw = bank.runtime.provide(PipelineStep, counterLimit('day/all', 10_00n), { slot: 'limit' });
      try {
        const results = await Promise.all(Array.from({ length: 100 }, (_unused, index) => bank.transfer(`limit-race-${index}`)));
        assert.deepEqual(results.map(codeOfResult).sort(), [
          ...Array<string>(10).fill('posted'),
          ...Array<string>(90).fill('refused limit LIMIT_DAY_EXCEEDED'),
        ]);
        const posted = results.find((result) => result.outcome === 'posted');
        assert.ok(posted?.outcome === 'posted');
        const { orderNo, customerNo } = posted.order;
        await bank.transfers.reverse({ channel: 'test', customerNo, orderNo, key: 'limit-freed', reason: 'test' });
        assert.equal(codeOfResult(await bank.transfer('limit-after-freed')), 'posted');
        assert.equal(codeOfResult(await bank.transfer('limit-full-again')), 'refused limit LIMIT_DAY_EXCEEDED');
        const uses = await bank.sql(`SELECT CAST(SUM(amount_minor) AS TEXT) AS used FROM platform_txn_counter_use WHERE state = 'TAKEN'`);
        const totals = await bank.sql('SELECT CAST(used_minor AS TEXT) AS used FROM platform_txn_counter');
        assert.deepEqual(
          [uses, totals].map((rows) => rows.map((row) => row.used)),
          [['1000'], ['1000']],
        );
      } finally {
        withdraw();
      }
    });

    it('two people who pay each other at the same time do not lock each other out', async () => {
      const [one, other] = [bank.person(8), bank.person(9)];
      const pay = (from: typeof one, to: typeof one, key: string) =>
        bank.transfer(key, {
          customerNo: from.customerNo,
          payerAccountNo: from.accounts[0]?.accountNo as string,
          payeeAccountNo: to.accounts[0]?.accountNo as string,
        });
      const results = await Promise.all(
        Array.from({ length: 40 }, (_unused, index) =>
          index % 2 === 0 ? pay(one, other, `crossing-${index}`) : pay(other, one, `crossing-${index}`),
        ),
      );
      assert.deepEqual(new Set(results.map(codeOfResult)), new Set(['posted']));
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
