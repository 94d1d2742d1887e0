/**
 * The log sink: redacts a record and writes it as one JSON line through pino, and as a readable line when asked.
 * Always holds: `write` never throws and never waits.
 */
import { pino, type Logger as PinoLogger } from 'pino';
import type { LogLevel, LogRecord, LogSinkService } from '@sluice/sdk';
import { LevelRules } from '../domain/levels.js';
import { prettyLine } from '../domain/pretty.js';
import { redact, redactText } from '../domain/redaction.js';

/** Takes finished lines. */
export interface LineWriter {
  write(line: string): void;
}

/** Settings that change while running. */
export interface SinkSettings {
  readonly level: LogLevel;
  readonly levels: Readonly<Record<string, LogLevel>>;
  readonly pretty: boolean;
}

/** Formats records with pino. */
export class PinoSink implements LogSinkService {
  readonly #pino: PinoLogger;
  readonly #terminal: LineWriter;
  readonly #coloured: boolean;
  #rules: LevelRules;
  #pretty: boolean;

  constructor(file: LineWriter, terminal: LineWriter, coloured: boolean, settings: SinkSettings) {
    this.#pino = pino(
      // The record brings its own time; process id and host name would repeat on every line of the same file.
      { level: 'trace', base: null, timestamp: false, messageKey: 'message', formatters: { level: (label) => ({ level: label }) } },
      file,
    );
    this.#terminal = terminal;
    this.#coloured = coloured;
    this.#rules = new LevelRules(settings.level, settings.levels);
    this.#pretty = settings.pretty;
  }

  configure(settings: SinkSettings): void {
    this.#rules = new LevelRules(settings.level, settings.levels);
    this.#pretty = settings.pretty;
  }

  level(source: string): LogLevel {
    return this.#rules.of(source);
  }

  write(record: LogRecord): void {
    const fields = redact(record.fields);
    const message = redactText(record.message);
    const line = {
      time: new Date(record.at).toISOString(),
      source: record.source,
      ...(record.version === undefined ? {} : { version: record.version }),
      ...(Object.keys(fields).length === 0 ? {} : { fields }),
    };
    this.#pino[record.level](line, message);
    if (this.#pretty) this.#terminal.write(prettyLine({ ...record, message, fields }, this.#coloured));
  }
}
