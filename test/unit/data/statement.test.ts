import assert from 'node:assert/strict';
import { scanSql } from '../../../plugins/system/data/domain/scan.js';
import { excerpt, parseStatement } from '../../../plugins/system/data/domain/statement.js';
import { postgresText, sqliteText } from '../../../plugins/system/data/domain/values.js';

describe('placeholders', () => {
  it('are found outside literals, quoted names and comments', () => {
    const texts = ["SELECT ? -- what? \n, '?' AS a", 'SELECT "a?b", `c?d`, ? /* ? /* ? */', "SELECT 'it''s ?' || ?", "SELECT 'a\\' || ?"];
    assert.deepEqual(
      texts.map((sql) => parseStatement(sql, 'sqlite').placeholders),
      [1, 1, 1, 1],
    );
  });

  it('follow the literals that only PostgreSQL knows', () => {
    const texts = [
      "SELECT E'it\\'s ?', ?",
      'SELECT $$ ? $$, $tag$ ? $$ ? $tag$, ?',
      'SELECT /* ? /* ? */ ? */ ?',
      'SELECT a$1$b, ?',
      "SELECT note'?', ?",
    ];
    assert.deepEqual(
      texts.map((sql) => postgresText(parseStatement(sql, 'postgres'))),
      [
        "SELECT E'it\\'s ?', $1",
        'SELECT $$ ? $$, $tag$ ? $$ ? $tag$, $1',
        'SELECT /* ? /* ? */ ? */ $1',
        'SELECT a$1$b, $1',
        "SELECT note'?', $1",
      ],
    );
  });

  it('become casts for 64-bit integers on SQLite', () => {
    const statement = parseStatement('UPDATE t SET a = a + ? WHERE id = ? AND b = ?', 'sqlite');
    assert.equal(sqliteText(statement, '0,2,'), 'UPDATE t SET a = a + CAST(? AS INTEGER) WHERE id = ? AND b = CAST(? AS INTEGER)');
    assert.equal(sqliteText(statement, ''), statement.sql);
  });

  it('are not trusted in a text whose quote never ends', () => {
    assert.deepEqual(
      ["SELECT 'a", 'SELECT "a', 'SELECT `a', 'SELECT /* a', 'SELECT $$ a'].map((sql) => scanSql(sql, 'postgres').unterminated),
      [true, true, true, true, true],
    );
    assert.equal(scanSql('SELECT /* a', 'sqlite').unterminated, false);
  });
});

describe('statements', () => {
  it('are told apart by what they do', () => {
    const texts = [
      'SELECT updated_at FROM t',
      'SELECT 1 FROM t FOR UPDATE',
      'WITH a AS (SELECT 1) SELECT * FROM a',
      'WITH a AS (DELETE FROM t RETURNING id) SELECT * FROM a',
      'INSERT INTO t VALUES (1)',
      "SELECT 'delete'",
      ' -- drop\n CREATE TABLE t (a int)',
    ];
    assert.deepEqual(
      texts.map((sql) => parseStatement(sql, 'postgres').kind),
      ['read', 'write', 'read', 'write', 'write', 'read', 'schema'],
    );
  });

  it('are refused when they would act on more than data', () => {
    const texts = [
      'BEGIN',
      'start transaction',
      '-- x\nCOMMIT',
      'END',
      'RELEASE a',
      'ATTACH x AS y',
      'SET search_path = a',
      'INSERT OR ROLLBACK INTO t VALUES (1)',
      'INSERT INTO t VALUES (1) ON CONFLICT ROLLBACK',
      'SELECT 1; DELETE FROM t',
      'SELECT ?1',
      '   ',
    ];
    const codes = texts.map((sql) => {
      try {
        return parseStatement(sql, 'sqlite').sql;
      } catch (error) {
        return (error as { code: string }).code;
      }
    });
    assert.deepEqual(codes, new Array(texts.length).fill('DATA_STATEMENT_REFUSED'));
  });

  it('may hold semicolons where they separate nothing', () => {
    const trigger = 'CREATE TRIGGER t AFTER INSERT ON a BEGIN UPDATE b SET n = 1; DELETE FROM c; END';
    assert.equal(parseStatement(trigger, 'sqlite').kind, 'schema');
    assert.equal(parseStatement("SELECT ';' ; ", 'sqlite').kind, 'read');
  });

  it('lose a final row lock on SQLite, and nothing that only looks like one', () => {
    const texts = [
      'SELECT a FROM t FOR UPDATE',
      'SELECT a FROM t for no key update of t skip locked',
      "SELECT 'for update'",
      'SELECT a AS for_update FROM t',
    ];
    assert.deepEqual(
      texts.map((sql) => parseStatement(sql, 'sqlite').sql.trim()),
      ['SELECT a FROM t', 'SELECT a FROM t', "SELECT 'for update'", 'SELECT a AS for_update FROM t'],
    );
  });

  it('appear in messages on one line and cut short', () => {
    assert.equal(excerpt(' SELECT\n  1 '), 'SELECT 1');
    assert.equal(excerpt(`SELECT ${'x'.repeat(500)}`).length, 160);
  });
});
