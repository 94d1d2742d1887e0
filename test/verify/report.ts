/** How a long run tells its figures: a table with the goal beside each, and PASS or FAIL. */

/** One line. */
export interface Row {
  readonly what: string;
  readonly found: string;
  /** Words of the goal; absent for what is only told. */
  readonly goal?: string;
  readonly ok: boolean;
}

/** What a run came to. */
export interface Report {
  readonly rows: readonly Row[];
  readonly problems: readonly string[];
}

/** A figure that must not be above a limit. */
export function atMost(what: string, found: number, limit: number, unit = ''): Row {
  return { what, found: `${rounded(found)}${unit}`, goal: limit === 0 ? '0' : `at most ${rounded(limit)}${unit}`, ok: found <= limit };
}

/** A figure that must not be below a limit. */
export function atLeast(what: string, found: number, limit: number, unit = ''): Row {
  return { what, found: `${rounded(found)}${unit}`, goal: `at least ${rounded(limit)}${unit}`, ok: found >= limit };
}

/** A figure that must be exactly this. */
export function exactly(what: string, found: number, wanted: number): Row {
  return { what, found: rounded(found), goal: rounded(wanted), ok: found === wanted };
}

/** A figure without a goal. */
export function told(what: string, found: number | string, unit = ''): Row {
  return { what, found: typeof found === 'string' ? found : `${rounded(found)}${unit}`, ok: true };
}

/** True when every goal was reached and nothing else went wrong. */
export function passed({ rows, problems }: Report): boolean {
  return problems.length === 0 && rows.every(({ ok }) => ok);
}

/** The report as text. */
export function render(name: string, report: Report): string {
  const widths = [0, 1].map((column) => Math.max(...report.rows.map((row) => (column === 0 ? row.what : row.found).length)));
  const lines = report.rows.map(({ what, found, goal, ok }) => {
    const mark = goal === undefined ? '    ' : ok ? 'ok  ' : 'MISS';
    return `  ${mark} ${what.padEnd(widths[0] ?? 0)}  ${found.padStart(widths[1] ?? 0)}${goal === undefined ? '' : `   (${goal})`}`;
  });
  const problems = report.problems.map((problem) => `  !    ${problem}`);
  return `${[...lines, ...problems].join('\n')}\n${passed(report) ? 'PASS' : 'FAIL'} ${name}\n`;
}

function rounded(value: number): string {
  return Number.isInteger(value) ? value.toLocaleString('en') : value.toLocaleString('en', { maximumFractionDigits: value < 10 ? 2 : 0 });
}
