/** Promises of the level rules and of the readable line. */
import { strictEqual as same, deepStrictEqual as equal } from 'node:assert';
import { LevelRules } from '../../../../plugins/system/log/domain/levels.js';
import { prettyLine } from '../../../../plugins/system/log/domain/pretty.js';

describe('system.log levels', () => {
  it('takes the exact name, then the longest prefix, then the default', () => {
    const rules = new LevelRules('info', { 'core.*': 'warn', 'core.ledger.*': 'error', 'core.ledger': 'debug', kernel: 'trace' });
    const sources = ['core.ledger', 'core.ledger.posting', 'core.accounts', 'core', 'corex', 'kernel', 'core.ledger'];
    equal(
      sources.map((source) => rules.of(source)),
      ['debug', 'error', 'warn', 'info', 'info', 'trace', 'debug'],
    );
  });
});

describe('system.log readable line', () => {
  const record = { at: Date.UTC(2026, 10, 25, 12, 30, 1, 250), level: 'warn', source: 'core.ledger', message: 'slow\nquery' } as const;

  it('is one line, whatever the message holds', () => {
    same(
      prettyLine({ ...record, fields: { tookMs: 5, sql: 'select 1', list: [1] } }, false),
      '12:30:01.250 WARN  core.ledger  slow query  tookMs=5  sql="select 1"  list=[1]\n',
    );
  });

  it('colours the level only', () => {
    same(prettyLine({ ...record, fields: {} }, true), '12:30:01.250 \u001b[33mWARN \u001b[0m core.ledger  slow query\n');
  });
});
