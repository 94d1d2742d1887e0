import { strict as assert } from 'node:assert';
import { needServer, POSTGRES_URL } from '../../support/servers.js';
import policyBundle from '../../../plugins/platform/policy/activator.js';
import { BankUnderTest, bankBundle, bytesOf, codeOfResult, createDatabase, DIALECTS } from './bank-under-test.js';

for (const dialect of DIALECTS) {
  describe(`idempotency keys on ${dialect}`, () => {
    let bank: BankUnderTest;
    before(async function () {
      if (dialect === 'postgres') await needServer(this, 'PostgreSQL', POSTGRES_URL);
      bank = await BankUnderTest.start(dialect);
    });
    after(() => bank?.stop());

    it('50 requests at once with one key have one effect and one answer, byte for byte', async () => {
      const before = await bank.available(bank.yuan(0));
      const results = await Promise.all(Array.from({ length: 50 }, () => bank.transfer('fifty-at-once')));
      assert.deepEqual(new Set(results.map(bytesOf)).size, 1);
      assert.equal(results.filter((result) => result.outcome === 'posted' && !result.replay).length, 1);
      assert.equal(await bank.available(bank.yuan(0)), before - 100n);
    });

    it('a later repetition gets the kept answer, marked as such', async () => {
      const first = await bank.transfer('repeat-later');
      const second = await bank.transfer('repeat-later');
      assert.equal(bytesOf(second), bytesOf(first));
      assert.deepEqual(
        [first, second].map((result) => result.outcome === 'posted' && result.replay),
        [false, true],
      );
    });

    it('refuses a key that was used for another request, at once and later', async () => {
      const running = bank.transfer('used-otherwise');
      await assert.rejects(bank.transfer('used-otherwise', { amount: '2.00' }), { code: 'KEY_REUSED', httpStatus: 409 });
      await running;
      await assert.rejects(bank.transfer('used-otherwise', { narrative: 'other' }), { code: 'KEY_REUSED', httpStatus: 409 });
    });

    it('keys of different channels do not meet', async () => {
      const one = await bank.transfer('same-key-here');
      const other = await bank.transfer('same-key-here', { channel: 'teller' });
      assert.notEqual(bytesOf(one), bytesOf(other));
      assert.deepEqual([codeOfResult(one), codeOfResult(other)], ['posted', 'posted']);
    });

    it('a refused order keeps its answer under its key, even when it would pass now', async () => {
      const poor = { customerNo: bank.person(6).customerNo, payerAccountNo: bank.yuan(6), amount: '200000.00' };
      const first = await bank.transfer('refused-stays', poor);
      assert.equal(codeOfResult(first), 'refused core INSUFFICIENT_FUNDS');
      for (const [index, person] of bank.people.slice(7).entries()) {
        await bank.transfer(`make-rich-${index}`, {
          customerNo: person.customerNo,
          payerAccountNo: person.accounts[0]?.accountNo as string,
          payeeAccountNo: bank.yuan(6),
          amount: `${(person.accounts[0]?.openingMinor as bigint) / 100n}.00`,
        });
      }
      assert.ok((await bank.available(bank.yuan(6))) >= 200_000_00n);
      const again = await bank.transfer('refused-stays', poor);
      assert.deepEqual([bytesOf(again), again.outcome], [bytesOf(first), 'refused']);
      assert.equal(codeOfResult(await bank.transfer('refused-anew', poor)), 'posted');
    });

    it('a request with mistakes uses no key', async () => {
      assert.equal(
        codeOfResult(await bank.transfer('mended-later', { payeeAccountNo: '100199999999' })),
        'invalid payeeAccountNo ACCOUNT_UNKNOWN',
      );
      assert.equal(codeOfResult(await bank.transfer('mended-later')), 'posted');
    });

    it('an empty slot says "try again later" and uses no key', async () => {
      const incomplete = await BankUnderTest.start(dialect, {}, ['platform.policy']);
      try {
        await assert.rejects(incomplete.transfer('slot-is-empty'), {
          code: 'SERVICE_UNAVAILABLE',
          httpStatus: 503,
          retryable: true,
          details: { slots: ['channel', 'agreement', 'plan', 'fee', 'limit', 'risk', 'authentication', 'points', 'notice'] },
        });
        assert.equal(await incomplete.count('platform_txn_order'), 0);
        await incomplete.runtime.deploy(bankBundle('platform.policy', policyBundle));
        assert.equal(codeOfResult(await incomplete.transfer('slot-is-empty')), 'posted');
      } finally {
        await incomplete.stop();
      }
    });
  });
}

describe('idempotency keys over two nodes', () => {
  it('requests on both nodes with one key have one effect and one answer', async function () {
    await needServer(this, 'PostgreSQL', POSTGRES_URL);
    const database = await createDatabase();
    const nodes = [
      await BankUnderTest.startOn({ ...database, drop: async () => undefined }),
      await BankUnderTest.startOn(database),
    ] as const;
    try {
      const before = await nodes[0].available(nodes[0].yuan(0));
      // The nodes meet at the database, not in memory.
      for (let round = 0; round < 5; round += 1) {
        const results = await Promise.all(
          Array.from({ length: 10 }, (_unused, index) => (nodes[index % 2] as BankUnderTest).transfer(`two-nodes-${round}`)),
        );
        assert.equal(new Set(results.map(bytesOf)).size, 1);
        assert.equal(results.filter((result) => result.outcome === 'posted' && !result.replay).length, 1);
      }
      assert.equal(await nodes[0].available(nodes[0].yuan(0)), before - 500n);
    } finally {
      await nodes[0].stop();
      await nodes[1].stop();
    }
  });
});
