/** Tables for people: aligned by display width, cut to the terminal, without lines that get in the way of copying. Pure. */
import { printable, type Style, type Terminal } from './terminal.js';
import { cutToWidth, displayWidth } from './width.js';

/** A column. */
export interface Column<T> {
  readonly title: string;
  value(row: T): string | number;
  readonly align?: 'left' | 'right';
  style?(row: T): Style | undefined;
  /** May be cut when the terminal is narrow; without any such column nothing is cut. */
  readonly flexible?: boolean;
}

const GAP = '  ';
const FLEXIBLE_COLUMNS_MIN = 12;

/** Lines of a table; only a note when there is no row. */
export function renderTable<T>(terminal: Terminal, columns: readonly Column<T>[], rows: readonly T[], whenEmpty: string): string[] {
  if (rows.length === 0) return [whenEmpty];
  const cells = rows.map((row) => columns.map((column) => printable(String(column.value(row))).replace(/\s*\n\s*/g, ' ')));
  const widths = columns.map((column, index) =>
    Math.max(displayWidth(column.title), ...cells.map((line) => displayWidth(line[index] ?? ''))),
  );
  shrink(columns, widths, terminal.columns);
  const line = (texts: readonly string[], style: (index: number) => Style | undefined): string =>
    texts
      .map((text, index) => {
        const cut = cutToWidth(text, widths[index] ?? 0);
        const padding = ' '.repeat(Math.max(0, (widths[index] ?? 0) - displayWidth(cut)));
        const look = style(index);
        const painted = look === undefined ? cut : terminal.paint(look, cut);
        return columns[index]?.align === 'right' ? padding + painted : painted + padding;
      })
      .join(GAP)
      .trimEnd();
  const header = line(
    columns.map((column) => column.title),
    () => 'faint',
  );
  return [header, ...rows.map((row, at) => line(cells[at] ?? [], (index) => columns[index]?.style?.(row)))];
}

/** Takes columns away from the widest flexible ones until the table fits, never below a readable width. */
function shrink<T>(columns: readonly Column<T>[], widths: number[], available: number): void {
  let excess = widths.reduce((sum, width) => sum + width, 0) + GAP.length * (widths.length - 1) - available;
  while (excess > 0) {
    let widest = -1;
    for (const [index, column] of columns.entries()) {
      const width = widths[index] ?? 0;
      if (column.flexible === true && width > FLEXIBLE_COLUMNS_MIN && width > (widths[widest] ?? 0)) widest = index;
    }
    if (widest < 0) return;
    widths[widest] = (widths[widest] ?? 0) - 1;
    excess -= 1;
  }
}

/** Lines of `name: value` pairs, values aligned. */
export function renderPairs(terminal: Terminal, pairs: readonly (readonly [string, string | number | undefined])[]): string[] {
  const shown = pairs.filter((pair): pair is readonly [string, string | number] => pair[1] !== undefined);
  const width = Math.max(0, ...shown.map(([name]) => displayWidth(name)));
  return shown.map(([name, value]) => {
    const padding = ' '.repeat(width - displayWidth(name));
    return `${terminal.paint('faint', name)}${padding}  ${printable(String(value))}`.trimEnd();
  });
}
