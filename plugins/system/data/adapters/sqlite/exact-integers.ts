/**
 * Exact integers from a driver that rounds. The sqlite3 driver hands every integer over as a double, so one above 2^53 arrives
 * rounded. Such a value is seen here and the rows are read once more, as digits, in the same transaction. Pure text and data.
 */
import { SluiceError, type SqlRow } from '@sluice/sdk';
import { excerpt, type ParsedStatement } from '../../domain/statement.js';

/** True when a row holds a whole number that a double cannot carry exactly. */
export function hasRounded(rows: readonly SqlRow[]): boolean {
  for (const row of rows) {
    for (const name in row) {
      const value = row[name];
      if (typeof value === 'number' && (value > Number.MAX_SAFE_INTEGER || value < Number.MIN_SAFE_INTEGER)) return true;
    }
  }
  return false;
}

/**
 * A query over the same rows, with integers as digits in the columns that came rounded.
 * @throws SluiceError `DATA_INTEGER_ROUNDED` for a statement that cannot be run twice.
 */
export function castingSelect(statement: ParsedStatement, rows: readonly SqlRow[]): string {
  const first = statement.pieces[0]?.trimStart().toLowerCase() ?? '';
  if (statement.kind !== 'read' || !/^(select|with|values)\b/.test(first)) throw rounded(statement.sql);
  const columns = Object.keys(rows[0] as SqlRow).map((name) => {
    const quoted = `"${name.replaceAll('"', '""')}"`;
    return `CASE typeof(${quoted}) WHEN 'integer' THEN 'i' || CAST(${quoted} AS TEXT) ELSE ${quoted} END AS ${quoted}`;
  });
  return `SELECT ${columns.join(', ')} FROM (${statement.sql.replace(/[;\s]+$/, '')})`;
}

/**
 * Puts the exact integers into the rows that held rounded ones.
 * @param convert makes the exact value from its digits.
 * @throws SluiceError `DATA_INTEGER_ROUNDED` when the second reading does not show the same rows.
 */
export function exactRows(
  rows: readonly SqlRow[],
  digits: readonly SqlRow[],
  sql: string,
  convert: (digits: string) => unknown,
): readonly SqlRow[] {
  if (rows.length !== digits.length) throw rounded(sql);
  return rows.map((row, index) => {
    const exact: Record<string, unknown> = {};
    for (const name of Object.keys(row)) {
      const value = row[name];
      const text = digits[index]?.[name];
      if (typeof value !== 'number' || Number.isSafeInteger(value) || !Number.isInteger(value)) exact[name] = value;
      else if (typeof text === 'string' && text.startsWith('i') && Number(text.slice(1)) === value) exact[name] = convert(text.slice(1));
      else if (text === value) exact[name] = value;
      else throw rounded(sql);
    }
    return exact;
  });
}

function rounded(sql: string): SluiceError {
  return new SluiceError('DATA_INTEGER_ROUNDED', `An integer above 2^53 came back rounded and cannot be read again (${excerpt(sql)})`, {
    details: { sql: excerpt(sql) },
    remedy: 'Select the column as CAST(column AS TEXT) and read it with asBigint.',
  });
}
