/** Tables: alignment by display width, cutting on narrow terminals, and nothing that could drive the terminal. */
import { deepStrictEqual, strictEqual } from 'node:assert';
import { renderPairs, renderTable, type Column } from '@sluice/kernel/cli/table';
import { createTerminal, printable } from '@sluice/kernel/cli/terminal';
import { cutToWidth, displayWidth } from '@sluice/kernel/cli/width';
import { recordingTerminal } from './recording-terminal.js';

interface Row {
  readonly name: string;
  readonly count: number;
  readonly note: string;
}

const COLUMNS: readonly Column<Row>[] = [
  { title: 'NAME', value: (row) => row.name },
  { title: 'COUNT', value: (row) => row.count, align: 'right' },
  { title: 'NOTE', value: (row) => row.note, flexible: true },
];

describe('display width', () => {
  const widths: readonly (readonly [string, number])[] = [
    ['', 0],
    ['ledger', 6],
    ['账户', 4],
    ['ｆｕｌｌ', 8],
    ['한국', 4],
    ['e\u0301', 1],
    ['👩‍👩‍👧', 2],
    ['❤️', 2],
    ['✅ ok', 5],
    ['zero\u200bwidth', 9],
    ['𠀀', 2],
  ];
  it('counts columns as terminals do', () => {
    deepStrictEqual(
      widths.map(([text]) => [text, displayWidth(text)]),
      widths,
    );
  });

  it('never cuts through a wide letter', () => {
    deepStrictEqual(
      [1, 2, 3, 4, 5, 6].map((columns) => cutToWidth('账户余额', columns)),
      ['…', '…', '账…', '账…', '账户…', '账户…'],
    );
    strictEqual(cutToWidth('账户余额', 8), '账户余额');
  });
});

describe('tables', () => {
  it('align columns by what is seen, and paint without changing the alignment', () => {
    const rows = [
      { name: '账户', count: 7, note: 'x' },
      { name: 'transfer', count: 120, note: '' },
    ];
    const painted = COLUMNS.map((column, index) => (index === 0 ? { ...column, style: () => 'strong' as const } : column));
    deepStrictEqual(renderTable(recordingTerminal(), painted, rows, 'none'), [
      'NAME      COUNT  NOTE',
      '<strong>账户</>          7  x',
      '<strong>transfer</>    120',
    ]);
  });

  it('cut only flexible columns, and only when the terminal is too narrow', () => {
    const rows = [{ name: 'ledger', count: 1, note: 'a rather long explanation of what went wrong' }];
    deepStrictEqual(renderTable(recordingTerminal(40), COLUMNS, rows, 'none'), [
      'NAME    COUNT  NOTE',
      'ledger      1  a rather long explanatio…',
    ]);
    deepStrictEqual(renderTable(recordingTerminal(10), COLUMNS, rows, 'none'), ['NAME    COUNT  NOTE', 'ledger      1  a rather lo…']);
  });

  it('show a sentence instead of an empty table, and one line per row whatever the values hold', () => {
    deepStrictEqual(renderTable(recordingTerminal(), COLUMNS, [], 'No bundle'), ['No bundle']);
    const rows = [{ name: 'a\u001b[31m', count: 1, note: 'two\nlines' }];
    deepStrictEqual(renderTable(recordingTerminal(), COLUMNS, rows, 'none')[1], 'a\\x1b[31m      1  two lines');
  });

  it('leave out pairs without a value', () => {
    deepStrictEqual(
      renderPairs(recordingTerminal(), [
        ['data', '/var'],
        ['trial', undefined],
        ['generation', 8],
      ]),
      ['data        /var', 'generation  8'],
    );
  });
});

describe('terminal', () => {
  const write = (isTTY: boolean, environment: Record<string, string>): string => {
    const written: string[] = [];
    const stream = { isTTY, columns: 80, write: (text: string) => written.push(text) };
    const terminal = createTerminal({ output: stream, errors: stream, environment });
    terminal.progress('one');
    terminal.progress('two');
    terminal.out(terminal.paint('good', 'done'));
    return written.join('');
  };

  it('paints and replaces progress on a terminal only', () => {
    strictEqual(write(true, {}), 'one\r\u001b[2Ktwo\r\u001b[2K\u001b[32mdone\u001b[39m\n');
    strictEqual(write(false, {}), 'one\ntwo\ndone\n');
  });

  it('has no colour with NO_COLOR or on a dumb terminal', () => {
    strictEqual(write(true, { NO_COLOR: '1' }), 'one\r\u001b[2Ktwo\r\u001b[2Kdone\n');
    strictEqual(write(true, { TERM: 'dumb' }), 'one\ntwo\ndone\n');
  });

  it('shows control characters instead of sending them', () => {
    strictEqual(printable('a\u0007b\u009bc\td\n'), 'a\\x07b\\x9bc\td\n');
  });
});
