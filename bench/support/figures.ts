/** Figures of a bench: medians, and one table form for all, with the bar and the peer of the same run beside each figure. */

/** One line of a table. */
export interface Row {
  readonly what: string;
  readonly unit: string;
  readonly value: number;
  /** Spread over the rounds, lowest and highest. */
  readonly spread?: readonly [number, number];
  /** The peer's figure for the same job, taken in the same run. */
  readonly peer?: { readonly name: string; readonly value: number };
  /** What the figure must not exceed. */
  readonly bar?: number;
}

/** Median. */
export function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}

/** A percentile. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** The row of a series of figures. */
export function rowOf(what: string, unit: string, values: readonly number[], more: Pick<Row, 'peer' | 'bar'> = {}): Row {
  return { what, unit, value: median(values), spread: [Math.min(...values), Math.max(...values)], ...more };
}

/** Prints a table. A figure over its bar is marked MISSED. */
export function printTable(title: string, rows: readonly Row[]): void {
  const cells = rows.map((row) => [
    row.what,
    shown(row.value, row.unit),
    row.spread === undefined ? '' : `${compact(row.spread[0])}..${compact(row.spread[1])}`,
    row.peer === undefined ? '' : `${row.peer.name} ${shown(row.peer.value, row.unit)}`,
    row.peer === undefined ? '' : `x${(row.value / row.peer.value).toFixed(2)}`,
    row.bar === undefined ? '' : `bar ${shown(row.bar, row.unit)}`,
    row.bar !== undefined && row.value > row.bar ? 'MISSED' : '',
  ]);
  const widths = cells[0]?.map((_, column) => Math.max(...cells.map((line) => line[column]?.length ?? 0))) ?? [];
  process.stdout.write(`\n${title}\n`);
  for (const line of cells) {
    process.stdout.write(
      `  ${line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd()}\n`,
    );
  }
}

function shown(value: number, unit: string): string {
  return `${compact(value)} ${unit}`;
}

function compact(value: number): string {
  if (!Number.isFinite(value)) return '-';
  const size = Math.abs(value);
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : size >= 0.1 ? 2 : 3);
}
