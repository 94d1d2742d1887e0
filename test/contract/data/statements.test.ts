import assert from 'node:assert/strict';
import type { SqlValue } from '@sluice/sdk';
import { asBigint } from '@sluice/sdk';
import { codeOfRejection, onEachDatabase } from './databases.js';

onEachDatabase('plain statements', (fresh) => {
  it('bind and read every kind of value', async () => {
    const data = (await fresh()).service('core.ledger');
    await data.execute(
      'CREATE TABLE core_ledger_kind (id bigint PRIMARY KEY, label text, amount bigint, raw %)'.replace('%', bytesType(data.dialect)),
    );
    const changed = await data.execute('INSERT INTO core_ledger_kind VALUES (?, ?, ?, ?), (?, ?, ?, ?)', [
      1,
      "it's ? -- text",
      4_000_000_000,
      new Uint8Array([0, 255]),
      2n,
      null,
      -1n,
      null,
    ]);
    const rows = await data.query('SELECT id, label, amount, raw FROM core_ledger_kind WHERE label = ? OR id = ? ORDER BY id', [
      "it's ? -- text",
      2n,
    ]);
    assert.equal(changed, 2);
    assert.deepEqual(
      rows.map((row) => ({ ...row, id: asBigint(row['id']), amount: asBigint(row['amount']) })),
      [
        { id: 1n, label: "it's ? -- text", amount: 4_000_000_000n, raw: Buffer.from([0, 255]) },
        { id: 2n, label: null, amount: -1n, raw: null },
      ],
    );
  });

  it('carry 64-bit integers exactly, in storage, arithmetic and comparison', async () => {
    const data = (await fresh()).service('core.ledger');
    await data.execute('CREATE TABLE core_ledger_big (id bigint PRIMARY KEY, amount bigint NOT NULL)');
    const amounts = [0n, 2n ** 53n + 1n, 999_999_999_999_999_999n, 9_223_372_036_854_775_807n, -9_223_372_036_854_775_808n];
    for (const [index, amount] of amounts.entries()) await data.execute('INSERT INTO core_ledger_big VALUES (?, ?)', [index, amount]);
    const rows = await data.query('SELECT id, amount FROM core_ledger_big ORDER BY id');
    assert.deepEqual(
      rows.map((row) => asBigint(row['amount'])),
      amounts,
    );
    // Sums beyond 64 bits fail on PostgreSQL and become doubles on SQLite: a CHECK on the column keeps money far from there.
    await data.execute('DELETE FROM core_ledger_big WHERE id = ?', [4n]);
    await data.execute('UPDATE core_ledger_big SET amount = amount - ? WHERE amount = ?', [1n, 9_223_372_036_854_775_807n]);
    const top = await data.query('SELECT amount FROM core_ledger_big WHERE id = ?', [3n]);
    assert.equal(asBigint(top[0]?.['amount']), 9_223_372_036_854_775_806n);
    // Digits bound as text would compare as text here, and every sum would be below every ceiling.
    const below = await data.query('SELECT id FROM core_ledger_big WHERE id <= ? AND amount + ? <= ?', [2n, 5n, 10n]);
    assert.deepEqual(
      below.map((row) => Number(row['id'])),
      [0],
    );
  });

  it('order exact integers as the statement asked', async () => {
    const data = (await fresh()).service('core.ledger');
    await data.execute('CREATE TABLE core_ledger_sorted (id bigint PRIMARY KEY, amount bigint NOT NULL)');
    for (let id = 1; id <= 20; id += 1) {
      await data.execute('INSERT INTO core_ledger_sorted VALUES (?, ?)', [id, 2n ** 60n + BigInt((id * 7) % 20)]);
    }
    const rows = await data.query('SELECT amount FROM core_ledger_sorted ORDER BY amount DESC LIMIT ?', [3]);
    assert.deepEqual(
      rows.map((row) => asBigint(row['amount'])),
      [2n ** 60n + 19n, 2n ** 60n + 18n, 2n ** 60n + 17n],
    );
  });

  it('refuse values that would lose digits or meaning', async () => {
    const data = (await fresh()).service('core.ledger');
    const wrong: unknown[] = [undefined, NaN, Infinity, 2 ** 53, 2n ** 63n, -(2n ** 63n) - 1n, new Date(0), { a: 1 }];
    const codes = await Promise.all(wrong.map((value) => codeOfRejection(data.query('SELECT ? AS a', [value as SqlValue]))));
    assert.deepEqual(codes, new Array(wrong.length).fill('DATA_VALUE_INVALID'));
    assert.equal(await codeOfRejection(data.query('SELECT ? AS a, ? AS b', ['x'])), 'DATA_VALUES_MISMATCH');
  });

  it('refuse what would break the unit of work around them', async () => {
    const data = (await fresh()).service('core.ledger');
    const refused = [
      'BEGIN',
      '/* a */ commit',
      'SAVEPOINT a',
      'SELECT 1; SELECT 2',
      'VACUUM',
      'PRAGMA foreign_keys = OFF',
      "SELECT 'a",
      '',
    ];
    const codes = await Promise.all(refused.map((sql) => codeOfRejection(data.execute(sql))));
    assert.deepEqual(codes, new Array(refused.length).fill('DATA_STATEMENT_REFUSED'));
  });

  it('name violations the same way', async () => {
    const data = (await fresh()).service('core.ledger');
    await data.execute(
      'CREATE TABLE core_ledger_parent (id bigint PRIMARY KEY, amount bigint NOT NULL CONSTRAINT positive CHECK (amount >= 0))',
    );
    await data.execute('CREATE TABLE core_ledger_child (parent bigint NOT NULL REFERENCES core_ledger_parent (id))');
    await data.execute('INSERT INTO core_ledger_parent VALUES (1, 1)');
    const attempts = [
      'INSERT INTO core_ledger_parent VALUES (1, 1)',
      'INSERT INTO core_ledger_parent VALUES (2, -1)',
      'INSERT INTO core_ledger_parent VALUES (2, NULL)',
      'INSERT INTO core_ledger_child VALUES (99)',
      'INSERT INTO core_ledger_absent VALUES (1)',
    ];
    const codes = [];
    for (const sql of attempts) codes.push(await codeOfRejection(data.execute(sql)));
    assert.deepEqual(codes, ['DATA_UNIQUE', 'DATA_CHECK', 'DATA_NOT_NULL', 'DATA_FOREIGN_KEY', 'DATA_STATEMENT_FAILED']);
  });

  it('return rows of a writing statement, and lock rows where there are row locks', async () => {
    const data = (await fresh()).service('core.ledger');
    await data.execute('CREATE TABLE core_ledger_r (id bigint PRIMARY KEY, n bigint NOT NULL)');
    const inserted = await data.query('INSERT INTO core_ledger_r VALUES (?, ?), (?, ?) RETURNING id', [1, 1, 2, 2]);
    const counted = await data.execute('UPDATE core_ledger_r SET n = n + 1 WHERE n > ? RETURNING id', [0]);
    const locked = await data.unitOfWork((unit) => unit.query('SELECT n FROM core_ledger_r WHERE id = ? FOR UPDATE', [1]));
    assert.deepEqual(
      inserted.map((row) => Number(row['id'])),
      [1, 2],
    );
    assert.equal(counted, 2);
    assert.equal(asBigint(locked[0]?.['n']), 2n);
  });

  it('keep working after a table they used was changed', async () => {
    const data = (await fresh()).service('core.ledger');
    await data.execute('CREATE TABLE core_ledger_changing (id bigint PRIMARY KEY)');
    await data.execute('INSERT INTO core_ledger_changing VALUES (1)');
    const read = () => data.query('SELECT * FROM core_ledger_changing');
    for (let use = 0; use < 3; use += 1) await read();
    await data.execute('ALTER TABLE core_ledger_changing ADD COLUMN label text');
    assert.deepEqual(Object.keys((await read())[0] as object), ['id', 'label']);
  });

  it('forget the least used prepared statements when there are too many', async () => {
    const data = (await fresh()).service('core.ledger');
    for (let index = 0; index < 700; index += 1) {
      const rows = await data.query(`SELECT ${index} AS n`);
      assert.equal(Number(rows[0]?.['n']), index);
    }
    assert.equal(Number((await data.query('SELECT 0 AS n'))[0]?.['n']), 0);
  });
});

function bytesType(dialect: string): string {
  return dialect === 'sqlite' ? 'blob' : 'bytea';
}
