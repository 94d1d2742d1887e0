/**
 * Statement texts for PostgreSQL: parsed once, numbered placeholders, and a name from the second use on, so that the server plans a
 * repeated statement once per connection while one-off texts leave nothing behind.
 */
import { parseStatement, type ParsedStatement } from '../../domain/statement.js';
import { bindPostgres, postgresText } from '../../domain/values.js';
import type { SqlValue } from '@sluice/sdk';
import type pg from 'pg';
import { postgresLibrary } from './library.js';

/** Texts kept; each named one costs the server some 10 kB per connection. */
const STATEMENTS_MAX = 500;
const INT8 = 20;
const DATE = 1082;

interface Entry {
  readonly parsed: ParsedStatement;
  readonly text: string;
  readonly number: number;
  uses: number;
}

type Read = (text: string) => unknown;

/** Reads 64-bit integers exactly, and calendar dates as text instead of as a moment in some time zone. */
export const EXACT_TYPES = typesWith({ [INT8]: BigInt, [DATE]: String });

/** Sequelize reads 64-bit integers as digits. */
export const SEQUELIZE_TYPES = typesWith({ [DATE]: String });

function usual(oid: number, format?: string): Read {
  return (postgresLibrary().types.getTypeParser as (oid: number, format?: string) => Read)(oid, format);
}

function typesWith(own: Readonly<Record<number, Read>>): pg.CustomTypesConfig {
  const getTypeParser = (oid: number, format?: string): Read =>
    format === 'binary' ? usual(oid, format) : (own[oid] ?? usual(oid, format));
  return { getTypeParser: getTypeParser as pg.CustomTypesConfig['getTypeParser'] };
}

/** What the driver is given, and what is known about it. */
export type StatementConfig = pg.QueryConfig & { readonly parsed: ParsedStatement };

/** The texts of one engine. */
export class PostgresStatements {
  readonly #entries = new Map<string, Entry>();
  readonly #retire: () => void;
  #numbers = 0;
  #epoch = 0;
  #forgotten = 0;

  /** @param retire lets the connections go on which names are left that nobody knows any more. */
  constructor(retire: () => void) {
    this.#retire = retire;
  }

  /** What the driver is given for one run. */
  config(sql: string, values: readonly SqlValue[]): StatementConfig {
    const entry = this.#entry(sql);
    entry.uses += 1;
    const config = { text: entry.text, values: bindPostgres(entry.parsed, values), types: EXACT_TYPES, parsed: entry.parsed };
    // Schema statements take no part in plans; naming needs the extended protocol, which wants a single statement anyway.
    if (entry.uses < 2 || entry.parsed.kind === 'schema') return config;
    return { ...config, name: `s${this.#epoch}_${entry.number}` };
  }

  parse(sql: string): ParsedStatement {
    return this.#entry(sql).parsed;
  }

  /** The schema changed: plans that connections hold may be refused by the server from now on. */
  schemaChanged(): void {
    this.#epoch += 1;
    this.#forgotten = 0;
    this.#retire();
  }

  #entry(sql: string): Entry {
    let entry = this.#entries.get(sql);
    if (entry === undefined) {
      const parsed = parseStatement(sql, 'postgres');
      entry = { parsed, text: postgresText(parsed), number: ++this.#numbers, uses: 0 };
      this.#evict();
    } else this.#entries.delete(sql);
    this.#entries.set(sql, entry);
    return entry;
  }

  #evict(): void {
    if (this.#entries.size < STATEMENTS_MAX) return;
    const [oldest, entry] = this.#entries.entries().next().value as [string, Entry];
    this.#entries.delete(oldest);
    if (entry.uses > 1 && ++this.#forgotten >= STATEMENTS_MAX) this.schemaChanged();
  }
}
