import { strict as assert } from 'node:assert';
import type { Migration } from '@sluice/sdk';
import {
  PipelineEntity,
  PipelineStep,
  type Decision,
  type Effect,
  type FactRequest,
  type Facts,
  type Order,
  type PipelineStepService,
  type SlotName,
} from '@sluice/pipeline-api';
import { needServer, POSTGRES_URL } from '../../support/servers.js';
import { BankUnderTest, codeOfResult, DIALECTS } from './bank-under-test.js';

/** A step written down in a test. */
function step(slot: SlotName, parts: Partial<Omit<PipelineStepService, 'describe'>>): PipelineStepService {
  return {
    describe: () => ({ slot, name: 'TestStep', providedBy: 'test@1.0.0', resumes: '*' }),
    facts: () => [],
    decide: () => ({ go: true, record: null, effects: [] }),
    conclude: () => [],
    ...parts,
  };
}

const notes: Migration = {
  name: '0001-notes',
  phase: 'expand',
  async up(db) {
    await db.execute(`CREATE TABLE ${db.table('note')} (note_key TEXT PRIMARY KEY, seen BIGINT NOT NULL, text TEXT)`);
  },
  async down(db) {
    await db.execute(`DROP TABLE ${db.table('note')}`);
  },
};

for (const dialect of DIALECTS) {
  describe(`effects and facts of steps on ${dialect}`, () => {
    let bank: BankUnderTest;
    let undo: (() => void)[] = [];
    before(async function () {
      if (dialect === 'postgres') await needServer(this, 'PostgreSQL', POSTGRES_URL);
      bank = await BankUnderTest.start(dialect);
      await bank.data.migrate([notes]);
      bank.runtime.provide(PipelineEntity, {
        name: 'test.Note',
        table: 'test_note',
        keyColumn: 'note_key',
        columns: ['note_key', 'seen', 'text'],
      });
    });
    afterEach(() => {
      for (const withdraw of undo) withdraw();
      undo = [];
    });
    after(() => bank?.stop());

    const use = (slot: SlotName, parts: Partial<Omit<PipelineStepService, 'describe'>>): void => {
      undo.push(bank.runtime.provide(PipelineStep, step(slot, parts), { slot }));
    };
    const withEffects = (slot: SlotName, effects: (order: Order) => Effect[]): void =>
      use(slot, { decide: (order) => ({ go: true, record: null, effects: effects(order) }) });

    it('a step of higher rank takes its slot over, and gives it back', async () => {
      use('risk', { decide: () => ({ go: false, code: 'RISK_REFUSED', details: { score: 99 } }) });
      const refused = await bank.transfer('risk-refuses');
      assert.ok(refused.outcome === 'refused');
      assert.deepEqual(refused.order.refusal, { slot: 'risk', code: 'RISK_REFUSED', details: { score: 99 } });
      undo.forEach((withdraw) => withdraw());
      undo = [];
      assert.equal(codeOfResult(await bank.transfer('risk-is-gone')), 'posted');
    });

    it('reads what a step asks for: accounts, counters, rows, with and without locks', async () => {
      await bank.data.execute('INSERT INTO test_note (note_key, seen, text) VALUES (?, ?, ?)', ['n1', 9_007_199_254_740_993n, null]);
      let seen: Facts | undefined;
      const requests: FactRequest[] = [
        { kind: 'account', accountNo: bank.yuan(3), lock: true },
        { kind: 'account', accountNo: 'NOBODY' },
        { kind: 'counter', counter: 'never/used', lock: true },
        { kind: 'row', entity: 'test.Note', key: 'n1' },
        { kind: 'row', entity: 'test.Note', key: 'n2' },
      ];
      use('plan', {
        facts: () => requests,
        decide(_order, facts): Decision {
          seen = facts;
          return { go: true, record: null, effects: [] };
        },
      });
      assert.equal(codeOfResult(await bank.transfer('facts-are-read')), 'posted');
      const account = async (index: number): Promise<unknown> => ({
        customerNo: bank.person(index).customerNo,
        kind: 'CUSTOMER',
        currency: 'CNY',
        state: 'OPEN',
        availableMinor: (await bank.available(bank.yuan(index))) + (index === 0 ? 100n : index === 1 ? -100n : 0n),
      });
      assert.deepEqual(seen, {
        accounts: { [bank.yuan(0)]: await account(0), [bank.yuan(1)]: await account(1), [bank.yuan(3)]: await account(3) },
        counters: { 'never/used': 0n },
        rows: { 'test.Note/n1': { note_key: 'n1', seen: '9007199254740993', text: null }, 'test.Note/n2': null },
      });
    });

    it('does everything a step asks for, in the transaction of the order', async () => {
      withEffects('points', ({ orderNo, payerAccountNo, amount, customerNo }) => [
        { kind: 'take', counter: 'count/b', amount: 2n, ceiling: 2n, code: 'FULL' },
        { kind: 'take', counter: 'count/a', amount: 1n, ceiling: 5n, code: 'FULL' },
        { kind: 'row', entity: 'test.Note', values: { note_key: orderNo, seen: 5n } },
        { kind: 'hold', holdId: `H-${orderNo}`, accountNo: payerAccountNo, money: amount },
        { kind: 'event', topic: 'test/points', key: customerNo, payload: { earned: 7n } },
      ]);
      const events = await bank.count('sluice_outbox');
      const before = await bank.ledger.find(bank.yuan(0));
      const result = await bank.transfer('all-effects-done');
      assert.ok(result.outcome === 'posted');
      const { orderNo } = result.order;
      const rows = async (sql: string): Promise<unknown[]> => (await bank.data.query(sql, [orderNo])).map((row) => ({ ...row }));
      assert.deepEqual(
        await rows(
          'SELECT counter_key, CAST(amount_minor AS TEXT) AS amount, state FROM platform_txn_counter_use WHERE order_no = ? ORDER BY counter_key',
        ),
        [
          { counter_key: 'count/a', amount: '1', state: 'TAKEN' },
          { counter_key: 'count/b', amount: '2', state: 'TAKEN' },
        ],
      );
      assert.deepEqual(await rows('SELECT CAST(seen AS TEXT) AS seen, text FROM test_note WHERE note_key = ?'), [
        { seen: '5', text: null },
      ]);
      const after = await bank.ledger.find(bank.yuan(0));
      assert.deepEqual(
        [after?.postedMinor, after?.heldMinor],
        [(before?.postedMinor as bigint) - 100n, (before?.heldMinor as bigint) + 100n],
      );
      assert.equal(await bank.count('sluice_outbox'), events + 2);
    });

    it('a condition that fails in the batch undoes all of it; the order is refused with the code of that slot', async () => {
      withEffects('limit', ({ orderNo }) => [
        { kind: 'row', entity: 'test.Note', values: { note_key: `undone-${orderNo}`, seen: 1n } },
        { kind: 'take', counter: 'narrow', amount: 3n, ceiling: 2n, code: 'NARROW_FULL' },
      ]);
      const tables = ['test_note', 'core_ledger_leg', 'core_ledger_journal', 'sluice_outbox', 'platform_txn_counter_use'];
      const counts = (): Promise<number[]> => Promise.all(tables.map((table) => bank.count(table)));
      const before = await counts();
      const refused = await bank.transfer('condition-fails');
      assert.ok(refused.outcome === 'refused');
      assert.deepEqual(refused.order.refusal, { slot: 'limit', code: 'NARROW_FULL', details: { counter: 'narrow', ceiling: '2' } });
      assert.deepEqual(await counts(), before);
      const again = await bank.transfer('condition-fails');
      assert.deepEqual([again.outcome, again.outcome !== 'invalid' && again.replay], ['refused', true]);
    });

    it('money that was there when it was read and gone when it was written is refused by the ledger', async () => {
      const drain = bank.person(4);
      // Another order empties the account between the reading and the writing of this one, as only a second node could.
      withEffects('authentication', ({ payerAccountNo, amount }) => [
        {
          kind: 'hold',
          holdId: `drain-${payerAccountNo}`,
          accountNo: payerAccountNo,
          money: { ...amount, minor: drain.accounts[0]?.openingMinor as bigint },
        },
      ]);
      const changes = { customerNo: drain.customerNo, payerAccountNo: bank.yuan(4) };
      assert.equal(codeOfResult(await bank.transfer('gone-meanwhile', changes)), 'refused core INSUFFICIENT_FUNDS');
      assert.equal((await bank.ledger.find(bank.yuan(4)))?.heldMinor, 0n);
    });

    it('legs of a step that do not balance are a fault of its bundle, and use no key', async () => {
      withEffects('fee', ({ payerAccountNo, amount }) => [
        { kind: 'leg', accountNo: payerAccountNo, side: 'DEBIT', money: { ...amount, minor: 1n } },
      ]);
      await assert.rejects(bank.transfer('unbalanced-step'), { code: 'JOURNAL_UNBALANCED' });
      undo.forEach((withdraw) => withdraw());
      undo = [];
      assert.equal(codeOfResult(await bank.transfer('unbalanced-step')), 'posted');
    });

    const faults: readonly (readonly [
      name: string,
      slot: SlotName,
      parts: Partial<Omit<PipelineStepService, 'describe'>>,
      reason: RegExp,
    ])[] = [
      ['throws while it decides', 'risk', { decide: () => { throw new Error('broken rule'); } }, /'decide' of the risk step \(test@1\.0\.0\) failed: broken rule/], // prettier-ignore
      ['throws while it names facts', 'plan', { facts: () => { throw new Error('no facts'); } }, /'facts' of the plan step/], // prettier-ignore
      ['throws while it concludes', 'notice', { conclude: () => { throw new Error('no end'); } }, /'conclude' of the notice step/], // prettier-ignore
      [
        'names an undeclared entity',
        'points',
        { facts: () => [{ kind: 'row', entity: 'test.Other', key: 'x' }] },
        /Entity 'test\.Other' cannot be used/,
      ],
      [
        'writes an undeclared column',
        'points',
        {
          decide: () => ({
            go: true,
            record: null,
            effects: [{ kind: 'row', entity: 'test.Note', values: { note_key: 'x', 'seen) --': 1 } }],
          }),
        },
        /Row of 'test\.Note' not written/,
      ],
      [
        'asks for too much',
        'points',
        {
          decide: () => ({
            go: true,
            record: null,
            effects: Array.from({ length: 41 }, (): Effect => ({ kind: 'event', topic: 't', key: 'k', payload: null })),
          }),
        },
        /asks for 41 effects/,
      ],
    ];
    for (const [name, slot, parts, reason] of faults) {
      it(`a step that ${name} is named; nothing is written and no key used`, async () => {
        use(slot, parts);
        const orders = await bank.count('platform_txn_order');
        await assert.rejects(bank.transfer(`fault-${name.replaceAll(' ', '-').slice(0, 60)}`), (error: Error & { code?: string }) => {
          assert.equal(error.code, 'PIPELINE_STEP_FAILED');
          assert.match(error.message, reason);
          return true;
        });
        assert.equal(await bank.count('platform_txn_order'), orders);
      });
    }

    it('a kept order is changed by nobody', async () => {
      await bank.transfer('kept-as-it-is');
      for (const change of [
        'UPDATE platform_txn_order SET amount_minor = amount_minor + 1',
        `UPDATE platform_txn_order SET state = 'RECEIVED'`,
        `UPDATE platform_txn_order SET state = 'REVERSED' WHERE state = 'REJECTED'`,
        `UPDATE platform_txn_order SET answer = '{}' WHERE state = 'POSTED'`,
        'DELETE FROM platform_txn_order',
        'DELETE FROM platform_txn_counter_use',
      ]) {
        await assert.rejects(bank.data.execute(change), /platform_txn_immutable/, change);
      }
    });
  });
}
