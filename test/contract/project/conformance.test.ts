/** docs/conformance.md names tests; this holds it to them, so that the table cannot rot. */
import { strict as assert } from 'node:assert';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../../support/system.js';

const ROWS_MIN = 80;

/** What is wrong with a conformance page, in words. `read` gives the source of a test file, undefined when there is none. */
function faultsOf(page: string, read: (file: string) => string | undefined): readonly string[] {
  return rowsOf(page).flatMap(({ line, here, tests }) => {
    const named = [...tests.matchAll(/`([\w/-]+): ([^`]+)`/g)].map(([, file = '', title = '']) => ({
      file: `test/${file}.test.ts`,
      title,
    }));
    const faults = named.flatMap(({ file, title }) => {
      const source = read(file);
      if (source === undefined) return [`line ${line}: ${file} does not exist`];
      return hasTest(source, title) ? [] : [`line ${line}: ${file} has no test '${title}'`];
    });
    const isLeftOut = /^none\b/.test(here);
    if (named.length === 0 && !isLeftOut) faults.push(`line ${line}: no test is named`);
    if (/^(none|different)\b/.test(here) && !/[:,] ?\S+ \S+/.test(here)) faults.push(`line ${line}: no reason is given`);
    return faults;
  });
}

interface Row {
  readonly line: number;
  readonly here: string;
  readonly tests: string;
}

function rowsOf(page: string): readonly Row[] {
  return page.split('\n').flatMap((text, index) => {
    const [, , , here, tests] = text.split('|').map((cell) => cell.trim());
    const isRow = here !== undefined && tests !== undefined && here !== 'here' && !here.startsWith('---');
    return isRow ? [{ line: index + 1, here, tests }] : [];
  });
}

/** A title may stand in any kind of quotes, after `it` or `describe`. */
function hasTest(source: string, title: string): boolean {
  return ["'", '"', '`'].some((quote) => ['it', 'describe'].some((call) => source.includes(`${call}(${quote}${title}${quote}`)));
}

describe('conformance page', () => {
  const page = readFileSync(join(ROOT, 'docs/conformance.md'), 'utf8');
  const read = (file: string): string | undefined => {
    const path = join(ROOT, file);
    return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
  };

  it('names tests that exist, and a reason for each difference', () => {
    assert.deepEqual(faultsOf(page, read), []);
    assert.ok(rowsOf(page).length >= ROWS_MIN, `${rowsOf(page).length} rows`);
  });

  it('is caught when it names a test that does not exist, none at all, or no reason', () => {
    const sources: Readonly<Record<string, string>> = { 'test/unit/a.test.ts': "describe('things', () => it('work', () => {}))" };
    const table = [
      '| clause | what it asks | here | test |',
      '| ------ | ------------ | ---- | ---- |',
      '| 1 | x | same | `unit/a: work` `unit/a: things` |',
      '| 2 | x | same | `unit/a: works` |',
      '| 3 | x | same | `unit/b: work` |',
      '| 4 | x | same |  |',
      '| 5 | x | none |  |',
      '| 6 | x | none: it needs a JVM |  |',
    ];
    assert.deepEqual(
      faultsOf(table.join('\n'), (file) => sources[file]),
      [
        "line 4: test/unit/a.test.ts has no test 'works'",
        'line 5: test/unit/b.test.ts does not exist',
        'line 6: no test is named',
        'line 7: no reason is given',
      ],
    );
  });
});
