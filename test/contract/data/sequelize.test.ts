import assert from 'node:assert/strict';
import { asBigint } from '@sluice/sdk';
import type { BundleDataService } from '../../../plugins/system/data/adapters/data-service.js';
import { codeOfRejection, onEachDatabase, type TestDatabase } from './databases.js';

const BIGGEST = 9_223_372_036_854_775_807n;

onEachDatabase('Sequelize over shared connections', (fresh) => {
  it('sees inside a unit what statements did, and the other way round', async () => {
    const { data, Account } = await withAccounts(await fresh());
    const failed = data.unitOfWork(async (unit) => {
      await unit.execute('INSERT INTO core_ledger_account (id, balance, holder_name) VALUES (?, ?, ?)', [1n, 10n, 'by statement']);
      const read = await Account.findByPk(1n);
      await Account.create({ id: 2n, balance: 20n, holderName: 'by model' }, { transaction: unit.transaction });
      await Account.update({ balance: 11n }, { where: { id: 1n } });
      await Account.increment({ balance: 5 }, { where: { id: 2n } });
      const rows = await unit.query('SELECT id, balance, holder_name FROM core_ledger_account ORDER BY id');
      assert.equal(read?.get('holderName'), 'by statement');
      assert.deepEqual(
        rows.map((row) => [asBigint(row['id']), asBigint(row['balance']), row['holder_name']]),
        [
          [1n, 11n, 'by statement'],
          [2n, 25n, 'by model'],
        ],
      );
      throw new Error('back');
    });
    await assert.rejects(failed, /^Error: back$/);
    assert.equal(await Account.count(), 0);
  });

  it('lets models of several bundles use one transaction', async () => {
    const { database, data, Account } = await withAccounts(await fresh());
    const other = database.service('platform.limit');
    await other.execute('CREATE TABLE platform_limit_use (id bigint PRIMARY KEY, amount bigint NOT NULL)');
    const Use = other.define('Use', { id: other.bigint('id', { primaryKey: true }), amount: other.bigint('amount') });
    await data.unitOfWork(async (unit) => {
      await Account.create({ id: 1n, balance: 1n }, { transaction: unit.transaction });
      await Use.create({ id: 1n, amount: 1n }, { transaction: unit.transaction });
      await Use.create({ id: 2n, amount: 2n });
    });
    const failed = data.unitOfWork(async () => {
      await Use.destroy({ where: { id: 1n } });
      await Account.destroy({ where: { id: 1n } });
      throw new Error('back');
    });
    await assert.rejects(failed, /back/);
    assert.deepEqual([await Account.count(), await Use.count()], [1, 2]);
  });

  it('keeps 64-bit integers exact through models', async () => {
    const { Account } = await withAccounts(await fresh());
    const amounts = [0n, -1n, 2n ** 53n + 1n, 999_999_999_999_999_999n, BIGGEST, -BIGGEST - 1n];
    for (const [index, balance] of amounts.entries()) await Account.create({ id: BigInt(index), balance });
    await Account.bulkCreate([{ id: 10n, balance: BIGGEST - 1n }]);
    const read = await Account.findAll({ order: ['id'] });
    const found = await Account.findOne({ where: { balance: BIGGEST } });
    assert.deepEqual(
      read.map((account) => account.get('balance')),
      [...amounts, BIGGEST - 1n],
    );
    assert.equal(found?.get('id'), 4n);
    const changed = read[4] as NonNullable<(typeof read)[number]>;
    changed.set('balance', 7);
    await changed.save();
    await changed.reload();
    assert.equal(changed.get('balance'), 7n);
  });

  it('refuses amounts that may have lost digits', async () => {
    const { Account } = await withAccounts(await fresh());
    const wrong: unknown[] = [2 ** 53, 1.5, 2n ** 63n, '1e3', '12.50', true];
    const codes = wrong.map((balance) => {
      try {
        Account.build({ id: 1n, balance });
        return 'built';
      } catch (error) {
        return (error as { code: string }).code;
      }
    });
    assert.deepEqual(codes, new Array(wrong.length).fill('DATA_VALUE_INVALID'));
  });

  it('reads dates, JSON and booleans as models declare them, also after the table has changed', async () => {
    const database = await fresh();
    const data = database.service('core.ledger');
    const types = data.dialect === 'sqlite' ? ['DATETIME', 'DATE', 'JSON', 'TINYINT(1)'] : ['timestamptz', 'date', 'jsonb', 'boolean'];
    await data.execute(`CREATE TABLE core_ledger_thing (id bigint PRIMARY KEY, at ${types[0]}, day ${types[1]}, extra ${types[2]})`);
    const attributes = {
      id: data.bigint('id', { primaryKey: true }),
      at: data.types.DATE,
      day: data.types.DATEONLY,
      extra: data.types.JSON,
    };
    const Thing = data.define('Thing', attributes);
    const at = new Date('2026-03-29T01:30:00.123Z');
    await Thing.create({ id: 1n, at, day: '2026-03-29', extra: { a: [1] } });
    const [first] = await Thing.findAll();
    assert.deepEqual([first?.get('at'), first?.get('day'), first?.get('extra')], [at, '2026-03-29', { a: [1] }]);
    await data.execute(`ALTER TABLE core_ledger_thing ADD COLUMN active ${types[3]}`);
    const Later = database.service('core.ledger').define('Thing', { ...attributes, active: data.types.BOOLEAN, at: data.types.DATE });
    await Later.update({ active: true }, { where: {} });
    const [second] = await Later.findAll();
    assert.deepEqual([second?.get('active'), second?.get('at')], [true, at]);
  });

  it('turns its own transactions into units of work', async () => {
    const { data, Account } = await withAccounts(await fresh());
    await data.sequelize.transaction(async (transaction) => void (await Account.create({ id: 1n, balance: 1n }, { transaction })));
    const kept = await data.sequelize.transaction();
    await Account.create({ id: 2n, balance: 2n }, { transaction: kept });
    await kept.commit();
    const dropped = await data.sequelize.transaction();
    await Account.create({ id: 3n, balance: 3n }, { transaction: dropped });
    await dropped.rollback();
    const [, made] = await data.unitOfWork(() => Account.findOrCreate({ where: { id: 4n }, defaults: { balance: 4n } }));
    const ids = (await Account.findAll({ order: ['id'] })).map((account) => account.get('id'));
    assert.deepEqual([made, ids], [true, [1n, 2n, 4n]]);
  });

  it('lets Sequelize open a transaction inside the one of a unit, which it does not always end', async () => {
    const { data, Account } = await withAccounts(await fresh());
    const found = await data.unitOfWork(async ({ transaction }) => {
      const [account, made] = await Account.findOrCreate({ where: { id: 1n }, defaults: { balance: 1n }, transaction });
      const [again, madeAgain] = await Account.findOrCreate({ where: { id: 1n }, defaults: { balance: 2n }, transaction });
      return [made, madeAgain, account.get('balance'), again.get('balance')];
    });
    const rolledBack = data.unitOfWork(async ({ transaction }) => {
      const inner = await data.sequelize.transaction({ transaction });
      await Account.create({ id: 2n, balance: 2n }, { transaction: inner });
      await inner.rollback();
    });
    assert.equal(await codeOfRejection(rolledBack), 'DATA_UNIT_ROLLBACK_ONLY');
    assert.deepEqual([found, await Account.count()], [[true, false, 1n, 1n], 1]);
  });

  it('does not let a unit be ended through its transaction, nor used after its end', async () => {
    const { data, Account } = await withAccounts(await fresh());
    let kept: unknown;
    const codes: string[] = [];
    await data.unitOfWork(async (unit) => {
      kept = unit.transaction;
      codes.push(await codeOfRejection(unit.transaction.commit()));
      codes.push(await codeOfRejection(unit.transaction.rollback()));
    });
    assert.deepEqual(codes, ['DATA_STATEMENT_REFUSED', 'DATA_STATEMENT_REFUSED']);
    await assert.rejects(
      Account.create({ id: 1n, balance: 1n }, { transaction: kept as never }),
      /commit has been called on this transaction/,
    );
  });

  it('runs a transaction hook only after the commit', async () => {
    const { data } = await withAccounts(await fresh());
    const seen: string[] = [];
    await data.unitOfWork(async (unit) => {
      unit.transaction.afterCommit(() => void seen.push('committed'));
    });
    await codeOfRejection(
      data.unitOfWork(async (unit) => {
        unit.transaction.afterCommit(() => void seen.push('not committed'));
        throw new Error('no');
      }),
    );
    assert.deepEqual(seen, ['committed']);
  });

  it('reports violations as Sequelize does', async () => {
    const { Account } = await withAccounts(await fresh());
    await Account.create({ id: 1n, balance: 1n });
    await assert.rejects(Account.create({ id: 1n, balance: 1n }), { name: 'SequelizeUniqueConstraintError' });
    assert.equal(await Account.count(), 1);
  });

  it('refuses tables of others, sync, and what rebuilds tables on SQLite', async () => {
    const { data, Account } = await withAccounts(await fresh());
    const define = (tableName: string): string => {
      try {
        data.define('Stranger', { id: data.bigint('id', { primaryKey: true }) }, { tableName });
        return 'defined';
      } catch (error) {
        return (error as { code: string }).code;
      }
    };
    assert.deepEqual(['platform_limit_use', 'core_ledger_', 'sluice_outbox', 'core_ledger_x'].map(define), [
      'DATA_TABLE_FOREIGN',
      'DATA_TABLE_FOREIGN',
      'DATA_TABLE_FOREIGN',
      'defined',
    ]);
    assert.equal(await codeOfRejection(Account.sync()), 'DATA_SCHEMA_CHANGE_REFUSED');
    if (data.dialect !== 'sqlite') return;
    const queryInterface = data.sequelize.getQueryInterface();
    assert.equal(await codeOfRejection(queryInterface.removeColumn('core_ledger_account', 'holder_name')), 'DATA_SCHEMA_CHANGE_REFUSED');
  });

  it('does not let raw queries of the instance break the unit', async () => {
    const { data } = await withAccounts(await fresh());
    for (const sql of ['COMMIT', 'ROLLBACK', 'BEGIN']) {
      await assert.rejects(data.sequelize.query(sql), /transaction control/);
      await assert.rejects(
        data.unitOfWork(() => data.sequelize.query(sql)),
        /transaction control/,
      );
    }
  });

  it('refuses models of a service that has ended', async () => {
    const { data, Account } = await withAccounts(await fresh());
    await data.close();
    assert.equal(await codeOfRejection(Account.count()), 'DATA_CLOSED');
    assert.equal(await codeOfRejection(data.query('SELECT 1 AS a')), 'DATA_CLOSED');
  });
});

async function withAccounts(database: TestDatabase) {
  const data: BundleDataService = database.service('core.ledger');
  await data.execute('CREATE TABLE core_ledger_account (id bigint PRIMARY KEY, balance bigint NOT NULL, holder_name text)');
  const Account = data.define('Account', {
    id: data.bigint('id', { primaryKey: true }),
    balance: data.bigint('balance'),
    holderName: data.types.TEXT,
  });
  return { database, data, Account };
}
