/**
 * Figures of a bench: medians, and one table form for all, with the bar and the peer of the same run beside each figure. A table is printed
 * for people and, when whoever runs all benches asks for it, also appended to a file as data.
 */
import { appendFileSync } from 'node:fs';

/** Where tables are appended, one JSON object a line; unset: nowhere. */
export const TABLES_VARIABLE = 'SLUICE_BENCH_TABLES';

/** One line of a table. */
export interface Row {
  readonly what: string;
  readonly unit: string;
  readonly value: number;
  /** Spread over the rounds, lowest and highest. */
  readonly spread?: readonly [number, number];
  /** The peer's figure for the same job, taken in the same run. */
  readonly peer?: { readonly name: string; readonly value: number };
  /** What the figure must not exceed or, where more is better, not fall short of. */
  readonly bar?: number;
  /** Default `less`. */
  readonly better?: 'less' | 'more';
}

/** A table as data. */
export interface Table {
  readonly title: string;
  readonly rows: readonly Row[];
  /** What a reader must know beside the figures. */
  readonly notes: readonly string[];
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
export function rowOf(what: string, unit: string, values: readonly number[], more: Pick<Row, 'peer' | 'bar' | 'better'> = {}): Row {
  return { what, unit, value: median(values), spread: [Math.min(...values), Math.max(...values)], ...more };
}

/** True when the figure is over its bar, or short of it. */
export function isMissed({ value, bar, better }: Row): boolean {
  if (bar === undefined) return false;
  return better === 'more' ? value < bar : value > bar;
}

/** True when the peer does the same job better. */
export function isBehind({ value, peer, better }: Row): boolean {
  if (peer === undefined) return false;
  return better === 'more' ? value < peer.value : value > peer.value;
}

/** Prints a table. A figure over its bar is marked MISSED. */
export function printTable(title: string, rows: readonly Row[], notes: readonly string[] = []): void {
  const cells = rows.map((row) => [...cellsOf(row), isMissed(row) ? 'MISSED' : '']);
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
  for (const note of notes) process.stdout.write(`  ${note}\n`);
  const file = process.env[TABLES_VARIABLE];
  if (file !== undefined) appendFileSync(file, `${JSON.stringify({ title, rows, notes } satisfies Table)}\n`);
}

/** What, figure, spread, peer, ratio to the peer and bar of a row, as text. */
export function cellsOf(row: Row): readonly [what: string, value: string, spread: string, peer: string, ratio: string, bar: string] {
  const { what, unit, value, spread, peer, bar, better } = row;
  return [
    what,
    shown(value, unit),
    spread === undefined ? '' : `${compact(spread[0])}..${compact(spread[1])}`,
    peer === undefined ? '' : `${peer.name} ${shown(peer.value, unit)}`,
    peer === undefined ? '' : `x${(value / peer.value).toFixed(2)}`,
    bar === undefined ? '' : `${better === 'more' ? 'at least' : 'at most'} ${shown(bar, unit)}`,
  ];
}

function shown(value: number, unit: string): string {
  return unit === '' ? compact(value) : `${compact(value)} ${unit}`;
}

function compact(value: number): string {
  if (!Number.isFinite(value)) return '-';
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 100) return String(value);
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : size >= 0.1 ? 2 : 3);
}
