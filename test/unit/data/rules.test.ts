import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { mayRetryUnit, retryDelayMs, statementFailure } from '../../../plugins/system/data/domain/failures.js';
import { contractingReason, planMigrations, tableOf } from '../../../plugins/system/data/domain/migration-plan.js';
import { judgeSqliteVersion } from '../../../plugins/system/data/domain/sqlite-version.js';
import { checkOwned, prefixOf, shortNameOf, tableName } from '../../../plugins/system/data/domain/table-names.js';
import { DEFAULT_SETTINGS } from '../../../plugins/system/data/domain/settings.js';

function codeOf(run: () => unknown): string {
  try {
    run();
    return 'allowed';
  } catch (error) {
    return (error as { code: string }).code;
  }
}

describe('table names', () => {
  it('carry the symbolic name of their bundle', () => {
    assert.deepEqual(
      [prefixOf('core.ledger'), tableName('business.bulk-pay', 'batch_item'), shortNameOf('TransferLeg'), shortNameOf('HTTPCall2')],
      ['core_ledger_', 'business_bulk_pay_batch_item', 'transfer_leg', 'httpcall2'],
    );
  });

  it('are short, lower-case words', () => {
    const names = ['', 'Account', '1a', 'a-b', 'a"b', 'x'.repeat(52)];
    assert.deepEqual(
      names.map((name) => codeOf(() => tableName('core.ledger', name))),
      new Array(names.length).fill('DATA_TABLE_NAME_INVALID'),
    );
    assert.equal(tableName('core.ledger', 'x'.repeat(51)).length, 63);
  });

  it('belong to one bundle', () => {
    assert.deepEqual(
      ['core_ledger_account', 'core_ledger_', 'core_ledgers', 'platform_limit_use'].map((name) =>
        codeOf(() => checkOwned('core.ledger', name)),
      ),
      ['allowed', 'DATA_TABLE_FOREIGN', 'DATA_TABLE_FOREIGN', 'DATA_TABLE_FOREIGN'],
    );
  });
});

describe('versions of SQLite', () => {
  it('are trusted with one connection, several, or not at all', () => {
    const versions = ['3.37.2', '3.44.2', '3.44.6', '3.50.7', '3.51.2', '3.51.3', '3.52.0', '3.52.1', '3.53.0', '4.0.0', 'soon'];
    const verdicts = versions.map((version) => {
      const { usable, severalConnectionsSafe } = judgeSqliteVersion(version);
      return usable ? (severalConnectionsSafe ? 'several' : 'one') : 'none';
    });
    assert.deepEqual(verdicts, ['none', 'one', 'several', 'several', 'one', 'several', 'one', 'several', 'several', 'several', 'none']);
  });
});

describe('migration plan', () => {
  const step = (name: string, phase: 'expand' | 'contract' = 'expand') => ({
    name,
    phase,
    up: () => Promise.resolve(),
    down: () => Promise.resolve(),
  });
  const plan = (...args: Parameters<typeof planMigrations>) => {
    const { run, deferred } = planMigrations(...args);
    return [run.map((migration) => migration.name), deferred];
  };

  it('runs what is pending and leaves contract steps for later', () => {
    const all = [step('1'), step('2', 'contract')];
    assert.deepEqual(plan('b', all, [], false), [['1', '2'], []]);
    assert.deepEqual(plan('b', all, [{ name: '1', phase: 'expand' }], false), [[], ['2']]);
    assert.deepEqual(plan('b', all, [{ name: '1', phase: 'expand' }], true), [['2'], []]);
  });

  it('accepts what a newer revision expanded', () => {
    assert.deepEqual(
      plan(
        'b',
        [step('1')],
        ['1', '2'].map((name) => ({ name, phase: 'expand' as const })),
        false,
      ),
      [[], []],
    );
  });

  it('recognises statements that take something from the previous revision', () => {
    const reasons = [
      'CREATE TABLE a (id bigint)',
      'DROP INDEX i',
      'ALTER TABLE a ADD COLUMN b text',
      'ALTER TABLE a ADD COLUMN b text NOT NULL DEFAULT 1',
      "INSERT INTO a VALUES ('drop table')",
      'DROP TABLE a',
      'ALTER TABLE a DROP COLUMN b',
      'ALTER TABLE a RENAME TO b',
      'ALTER TABLE a ALTER COLUMN b SET NOT NULL',
      'ALTER TABLE a ALTER COLUMN b TYPE int',
      'ALTER TABLE a ADD COLUMN b text NOT NULL',
      'TRUNCATE a',
    ].map((sql) => contractingReason(sql, 'postgres') !== null);
    assert.deepEqual(reasons, [...new Array(5).fill(false), ...new Array(7).fill(true)]);
  });

  it('finds the table a statement is about', () => {
    const tables = [
      'CREATE TABLE IF NOT EXISTS "a_b" (id int)',
      'alter table only a_b add c int',
      'DROP TABLE a_b',
      'CREATE UNIQUE INDEX IF NOT EXISTS i ON a_b (c)',
      'CREATE TRIGGER t BEFORE UPDATE ON a_b BEGIN SELECT 1; END',
      'INSERT INTO a_b VALUES (1)',
    ].map(tableOf);
    assert.deepEqual(tables, ['a_b', 'a_b', 'a_b', 'a_b', 'a_b', null]);
  });
});

describe('failures', () => {
  it('have the same names on both databases', () => {
    const errors = [
      { code: 'SQLITE_CONSTRAINT', message: 'SQLITE_CONSTRAINT: UNIQUE constraint failed: a.b' },
      { code: '23505', message: 'duplicate key', constraint: 'a_pkey' },
      { code: 'SQLITE_CONSTRAINT', message: 'SQLITE_CONSTRAINT: CHECK constraint failed: positive' },
      { code: '23514', message: 'violates check', constraint: 'positive' },
      { code: 'SQLITE_BUSY', message: 'database is locked' },
      { code: '40P01', message: 'deadlock detected' },
      { code: 'ECONNRESET', message: 'read ECONNRESET' },
      { code: '42P01', message: 'relation does not exist' },
    ];
    assert.deepEqual(
      errors.map((error) => {
        const { code, details, retryable } = statementFailure(error, 'SELECT 1');
        return [code, details['constraint'] ?? null, retryable];
      }),
      [
        ['DATA_UNIQUE', 'a.b', false],
        ['DATA_UNIQUE', 'a_pkey', false],
        ['DATA_CHECK', 'positive', false],
        ['DATA_CHECK', 'positive', false],
        ['DATA_BUSY', null, true],
        ['DATA_DEADLOCK', null, true],
        ['DATA_CONNECTION_LOST', null, true],
        ['DATA_STATEMENT_FAILED', null, false],
      ],
    );
  });

  it('show no value that a statement was given', () => {
    const error = Object.assign(new Error('invalid input syntax for type bigint: "6222 0200 1234"'), { code: '22P02' });
    assert.equal(statementFailure(error, 'SELECT $1').message, 'Statement failed: invalid input syntax for type bigint (SELECT $1)');
  });

  it('are retried when the unit lost a race, however deep the driver buried it', () => {
    const lost = { code: '40001' };
    const errors = [
      lost,
      { parent: lost },
      { cause: lost },
      { cause: { parent: lost } },
      { code: 'DATA_DEADLOCK' },
      { code: 'DATA_UNIQUE' },
      new Error('no'),
      null,
    ];
    assert.deepEqual(errors.map(mayRetryUnit), [true, true, true, true, true, false, false, false]);
  });

  it('wait longer before each attempt, up to a bound', () => {
    assert.deepEqual([retryDelayMs(1, 0), retryDelayMs(1, 1), retryDelayMs(3, 0.5), retryDelayMs(9, 1)], [2.5, 5, 15, 100]);
  });
});

describe('settings', () => {
  it('are the same in the manifest and in the code', () => {
    const { sluice } = JSON.parse(readFileSync('plugins/system/data/package.json', 'utf8')) as {
      sluice: { config: { defaults: object; schema: { properties: object } } };
    };
    assert.deepEqual(sluice.config.defaults, DEFAULT_SETTINGS);
    assert.deepEqual(Object.keys(sluice.config.schema.properties), Object.keys(DEFAULT_SETTINGS));
  });
});
