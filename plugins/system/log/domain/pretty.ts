/** One readable line per record, for a terminal. Colours only when asked; fields as `key=value` behind the message. */
import type { LogLevel } from '@sluice/sdk';

const COLOURS: Readonly<Record<LogLevel, number>> = { trace: 90, debug: 36, info: 32, warn: 33, error: 31, fatal: 35 };

/** What a line is made of; already redacted. */
export interface PrettyRecord {
  readonly at: number;
  readonly level: LogLevel;
  readonly source: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** `12:30:01.250 WARN  core.ledger  message  key=value` and a line break. */
export function prettyLine(record: PrettyRecord, coloured: boolean): string {
  const time = new Date(record.at).toISOString().slice(11, 23);
  const level = record.level.toUpperCase().padEnd(5);
  const shown = coloured ? `\u001b[${COLOURS[record.level]}m${level}\u001b[0m` : level;
  const fields = Object.entries(record.fields).map(([key, value]) => `  ${key}=${textOf(value)}`);
  return `${time} ${shown} ${record.source}  ${oneLine(record.message)}${fields.join('')}\n`;
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return /^[\w.:/@+-]+$/.test(value) ? value : JSON.stringify(value);
  return JSON.stringify(value) ?? 'undefined';
}

// A message with line breaks could pretend to be a second record.
function oneLine(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f]+/g, ' ');
}
