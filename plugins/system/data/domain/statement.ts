/**
 * Judges one SQL statement before it reaches a connection: refuses what would break the unit of work around it
 * (transaction control, several statements in one text) and tells reads, writes and schema changes apart. Pure.
 */
import { SluiceError } from '@sluice/sdk';
import { scanSql, type Dialect } from './scan.js';

/** `read` changes nothing; `schema` is a data definition statement. */
export type StatementKind = 'read' | 'write' | 'schema';

/** A statement that may run. */
export interface ParsedStatement {
  readonly sql: string;
  readonly pieces: readonly string[];
  readonly placeholders: number;
  readonly kind: StatementKind;
  /** A write that gives rows back. */
  readonly returning: boolean;
}

/** These would end, nest or leave the transaction that the unit of work owns. */
const TRANSACTION_CONTROL = new Set(['begin', 'commit', 'end', 'rollback', 'savepoint', 'release', 'start', 'abort', 'prepare']);
/** These act on the shared connection, not on data. */
const CONNECTION_CONTROL = new Set([
  'attach',
  'detach',
  'vacuum',
  'pragma',
  'set',
  'reset',
  'discard',
  'listen',
  'unlisten',
  'deallocate',
  'copy',
]);
const SCHEMA = new Set(['create', 'alter', 'drop', 'reindex', 'truncate', 'comment', 'grant', 'revoke', 'analyze']);
const READ = new Set(['select', 'values', 'table', 'show', 'explain']);

/**
 * Parses a statement with `?` placeholders.
 * @throws SluiceError `DATA_STATEMENT_REFUSED` naming what makes it unusable.
 */
export function parseStatement(text: string, dialect: Dialect): ParsedStatement {
  const sql = dialect === 'sqlite' ? withoutRowLock(text) : text;
  const { pieces, code, unterminated } = scanSql(sql, dialect);
  const words = code.toLowerCase();
  const first = /[a-z]+/.exec(words)?.[0] ?? '';
  const reason = refusal(words, first, unterminated);
  if (reason !== null) throw refused(sql, reason);
  const returning = /\breturning\b/.test(words);
  return { sql, pieces, placeholders: pieces.length - 1, kind: kindOf(first, words), returning };
}

/** SQLite has no row locks and needs none: a unit of work holds the only write lock, so a final `FOR UPDATE` may be left out. */
function withoutRowLock(sql: string): string {
  return sql.replace(/\bfor\s+(?:no\s+key\s+)?(?:update|share)(?:\s+of\s+[\w,\s]+?)?(?:\s+(?:nowait|skip\s+locked))?\s*$/i, '');
}

function refusal(words: string, first: string, unterminated: boolean): string | null {
  if (unterminated) return 'a quote or comment in it never ends';
  if (first === '') return 'it holds no statement';
  if (TRANSACTION_CONTROL.has(first)) return `'${first}' is transaction control, which belongs to the unit of work`;
  if (CONNECTION_CONTROL.has(first)) return `'${first}' acts on the shared connection`;
  if (/\b(or|conflict)\s+rollback\b|\braise\s*\(\s*rollback\b/.test(words)) {
    return "a conflict clause 'rollback' would end the transaction under the unit of work";
  }
  const isTrigger = /^\W*create\s+(temp\s+|temporary\s+)?trigger\b/.test(words);
  if (!isTrigger && /;\s*\S/.test(words)) return 'it holds more than one statement';
  if (/\?\d/.test(words)) return "numbered placeholders such as '?1' are not portable";
  return null;
}

function kindOf(first: string, words: string): StatementKind {
  if (SCHEMA.has(first)) return 'schema';
  if (READ.has(first)) return words.includes('insert') || words.includes('update') || words.includes('delete') ? guess(words) : 'read';
  if (first === 'with') return guess(words);
  return 'write';
}

/** `SELECT ... FOR UPDATE` locks, and a `WITH` may hold a writing part: when in doubt it is a write. */
function guess(words: string): StatementKind {
  return /\b(insert|update|delete|merge)\b/.test(words) ? 'write' : 'read';
}

function refused(sql: string, reason: string): SluiceError {
  return new SluiceError('DATA_STATEMENT_REFUSED', `Statement not run: ${reason} (found: ${excerpt(sql)})`, {
    details: { sql: excerpt(sql), reason },
    remedy: 'Use unitOfWork for transactions, one call per statement, and plain ? placeholders.',
    httpStatus: 500,
  });
}

/** The beginning of a statement on one line, for messages. Values are bound, so the text holds none. */
export function excerpt(sql: string): string {
  const line = sql.replace(/\s+/g, ' ').trim();
  return line.length <= 160 ? line : `${line.slice(0, 157)}...`;
}
