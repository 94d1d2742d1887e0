/**
 * Finds the parts of a SQL text that are code: placeholders and separators outside literals, quoted names and comments.
 * Owns no grammar beyond that; what a statement does is judged in `statement.ts`. Pure.
 */

/** The two SQL dialects. */
export type Dialect = 'sqlite' | 'postgres';

/** A SQL text cut at its placeholders. */
export interface ScannedSql {
  /** Text before, between and after the placeholders: always one more than there are placeholders. */
  readonly pieces: readonly string[];
  /** Code with the contents of literals, quoted names and comments blanked out; for recognising keywords. */
  readonly code: string;
  /** True when a quote, comment or dollar quote never ends. */
  readonly unterminated: boolean;
}

interface Skipped {
  readonly end: number;
  readonly terminated: boolean;
}

/** Cuts a SQL text at its `?` placeholders. */
export function scanSql(sql: string, dialect: Dialect): ScannedSql {
  const pieces: string[] = [];
  let code = '';
  let pieceStart = 0;
  let unterminated = false;
  let at = 0;
  while (at < sql.length) {
    const skipped = skipText(sql, at, dialect);
    if (skipped !== null) {
      unterminated ||= !skipped.terminated;
      code += ' ';
      at = skipped.end;
      continue;
    }
    const character = sql[at] as string;
    if (character === '?') {
      pieces.push(sql.slice(pieceStart, at));
      pieceStart = at + 1;
    }
    code += character;
    at += 1;
  }
  pieces.push(sql.slice(pieceStart));
  return { pieces, code, unterminated };
}

/** The end of the literal, quoted name or comment that begins here, or null when none does. */
function skipText(sql: string, at: number, dialect: Dialect): Skipped | null {
  switch (sql[at]) {
    case "'":
      return skipQuoted(sql, at, "'", dialect === 'postgres' && isEscapeString(sql, at));
    case '"':
      return skipQuoted(sql, at, '"', false);
    case '`':
      return skipQuoted(sql, at, '`', false);
    case '-':
      return sql[at + 1] === '-' ? skipLine(sql, at) : null;
    case '/':
      return sql[at + 1] === '*' ? skipComment(sql, at, dialect) : null;
    case '$':
      return dialect === 'postgres' ? skipDollarQuoted(sql, at) : null;
    default:
      return null;
  }
}

/** True when the quote belongs to PostgreSQL's `E'...'`, in which a backslash escapes. */
function isEscapeString(sql: string, at: number): boolean {
  const letter = sql[at - 1];
  return (letter === 'E' || letter === 'e') && !/[\w$]/.test(sql[at - 2] ?? ' ');
}

function skipQuoted(sql: string, at: number, quote: string, backslash: boolean): Skipped {
  let end = at + 1;
  while (end < sql.length) {
    if (backslash && sql[end] === '\\') end += 2;
    else if (sql[end] !== quote) end += 1;
    else if (sql[end + 1] === quote) end += 2;
    else return { end: end + 1, terminated: true };
  }
  return { end: sql.length, terminated: false };
}

function skipLine(sql: string, at: number): Skipped {
  const end = sql.indexOf('\n', at);
  return { end: end === -1 ? sql.length : end, terminated: true };
}

/** Block comments nest in PostgreSQL and do not in SQLite. */
function skipComment(sql: string, at: number, dialect: Dialect): Skipped {
  let depth = 1;
  let end = at + 2;
  while (end < sql.length) {
    if (sql.startsWith('*/', end)) {
      depth -= 1;
      end += 2;
      if (depth === 0) return { end, terminated: true };
    } else if (dialect === 'postgres' && sql.startsWith('/*', end)) {
      depth += 1;
      end += 2;
    } else end += 1;
  }
  // SQLite ends an open comment at the end of the text; PostgreSQL refuses it.
  return { end: sql.length, terminated: dialect === 'sqlite' };
}

function skipDollarQuoted(sql: string, at: number): Skipped | null {
  if (/[\w$]/.test(sql[at - 1] ?? ' ')) return null;
  const tag = /^\$(?:[A-Za-z_]\w*)?\$/.exec(sql.slice(at, at + 70))?.[0];
  if (tag === undefined) return null;
  const end = sql.indexOf(tag, at + tag.length);
  return end === -1 ? { end: sql.length, terminated: false } : { end: end + tag.length, terminated: true };
}
