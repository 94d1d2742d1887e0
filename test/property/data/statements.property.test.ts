import assert from 'node:assert/strict';
import fc from 'fast-check';
import { asBigint } from '@sluice/sdk';
import { scanSql } from '../../../plugins/system/data/domain/scan.js';
import { parseStatement } from '../../../plugins/system/data/domain/statement.js';
import { bindSqlite, INT64_MAX, INT64_MIN, postgresText, sqliteText } from '../../../plugins/system/data/domain/values.js';
import { sqlitePlace, type Place, type TestDatabase } from '../../contract/data/databases.js';

/** Pieces of SQL that hold no placeholder, whatever stands in them. */
const inert = (() => {
  const inside = fc.string({ unit: fc.constantFrom('?', 'a', ' ', ';', '-', '/', '*', '$', '1') });
  return fc.oneof(
    inside.map((text) => `'${text}'`),
    inside.map((text) => `"${text}"`),
    inside.map((text) => `/*${text.replaceAll('*', '').replaceAll('/', '')}*/`),
    inside.map((text) => `--${text}\n`),
    fc.constantFrom(' a ', ' = ', ' , ', '\n', ' (1) '),
  );
})();

describe('SQL texts (properties)', () => {
  it('are cut exactly at the placeholders that were put in', () => {
    const text = fc.array(fc.oneof(inert, fc.constant(' ? ')), { maxLength: 20 });
    fc.assert(
      fc.property(text, fc.constantFrom('sqlite' as const, 'postgres' as const), (parts, dialect) => {
        const sql = `SELECT ${parts.join('')}`;
        const { pieces, unterminated } = scanSql(sql, dialect);
        assert.equal(pieces.length - 1, parts.filter((part) => part === ' ? ').length);
        assert.equal(pieces.join('?'), sql);
        assert.equal(unterminated, false);
      }),
    );
  });

  it('number their placeholders from 1 and leave the rest as it was', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(inert, fc.constant(' ? ')), { maxLength: 20 }), (parts) => {
        let number = 0;
        const expected = parts.map((part) => (part === ' ? ' ? ` $${++number} ` : part)).join('');
        assert.equal(postgresText(parseStatement(`SELECT ${parts.join('')}`, 'postgres')), `SELECT ${expected}`);
      }),
    );
  });

  it('cast exactly the integers that a driver would change', () => {
    const value = fc.oneof(
      fc.string(),
      fc.maxSafeInteger(),
      fc.bigInt({ min: INT64_MIN, max: INT64_MAX }),
      fc.boolean(),
      fc.constant(null),
    );
    fc.assert(
      fc.property(fc.array(value, { maxLength: 8 }), (values) => {
        const statement = parseStatement(`SELECT ${values.map(() => '?').join(', ') || '1'}`, 'sqlite');
        const binding = bindSqlite(statement, values);
        const large = values.filter((one) => typeof one === 'bigint' || (typeof one === 'number' && Math.abs(one) > 2_147_483_647)).length;
        assert.equal(sqliteText(statement, binding.castKey).split('CAST(? AS INTEGER)').length - 1, large);
      }),
    );
  });
});

describe('64-bit integers on SQLite (properties)', () => {
  let place: Place;
  let database: TestDatabase;
  before(async () => {
    place = sqlitePlace();
    database = await place.open();
    await database.service('core.ledger').execute('CREATE TABLE core_ledger_big (id bigint PRIMARY KEY, amount bigint)');
  });
  after(async () => {
    await database.close();
    await place.dispose();
  });

  it('come back as they went in, through statements and through models', async () => {
    const data = database.service('core.ledger');
    const Big = data.define('Big', { id: data.bigint('id', { primaryKey: true }), amount: data.bigint('amount', { allowNull: true }) });
    const amount = fc.option(fc.bigInt({ min: INT64_MIN, max: INT64_MAX }));
    await fc.assert(
      fc.asyncProperty(fc.array(amount, { minLength: 1, maxLength: 6 }), async (amounts) => {
        await data.unitOfWork(async (unit) => {
          await unit.execute('DELETE FROM core_ledger_big');
          for (const [index, one] of amounts.entries()) await unit.execute('INSERT INTO core_ledger_big VALUES (?, ?)', [index, one]);
          const rows = await unit.query('SELECT amount FROM core_ledger_big ORDER BY id');
          const models = await Big.findAll({ order: ['id'] });
          assert.deepEqual(
            rows.map((row) => (row['amount'] === null ? null : asBigint(row['amount']))),
            amounts,
          );
          assert.deepEqual(
            models.map((model) => model.get('amount')),
            amounts,
          );
        });
      }),
      { numRuns: 60 },
    );
  });
});
