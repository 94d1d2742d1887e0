/**
 * The kernel's log: a bounded ring of recent lines, and sinks (services of `LogSink`) that get every record from then on.
 * Lines from before the first sink are replayed to it, so nothing of the start is lost. Redaction of secrets is by field name.
 */
import type { Clock, Logger, LogLevel, LogRecord, LogSinkService } from '@sluice/sdk';
import type { LogLine } from './runtime.js';

/** Lines kept for `sluice logs`; with their fields some 600 bytes each, together 1.5 MB. */
const LINES_MAX = 2_000;
const SECRET_NAME = /passw|secret|token|authorization|cookie|cvv|pin$|pinblock|credential|privatekey/i;
const LEVELS: readonly LogLevel[] = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'];

/** Position of a level, higher is more severe; unknown names count as `info`. */
export function levelRank(level: string): number {
  const rank = LEVELS.indexOf(level as LogLevel);
  return rank === -1 ? 2 : rank;
}

interface Query {
  readonly bundle?: string | undefined;
  readonly level?: string | undefined;
}

/** Collects and distributes log records. */
export class LogRouter {
  readonly #clock: Clock;
  readonly #lines: LogLine[] = [];
  readonly #sinks = new Set<LogSinkService>();
  readonly #followers = new Set<(line: LogLine) => void>();
  /** Gets records while no sink is there; the composition root prints warnings and errors to stderr. */
  fallback: ((record: LogRecord) => void) | null = null;
  readonly #errorText: (error: unknown) => string;
  #sequence = 0;
  #replayed = false;

  /** @param errorText writes an error in a field as text, with its stack mapped. */
  constructor(clock: Clock, errorText: (error: unknown) => string = String) {
    this.#clock = clock;
    this.#errorText = errorText;
  }

  /** A logger whose records carry a source and version. */
  logger(source: string, version?: string, fields: Record<string, unknown> = {}): Logger {
    return new RoutedLogger(this, source, version, fields);
  }

  /** Takes one record. Never throws: a failing sink is dropped from this record on. */
  write(level: LogLevel, source: string, version: string | undefined, message: string, fields: Record<string, unknown>): void {
    const record: LogRecord = {
      at: this.#clock.now(),
      level,
      source,
      ...(version === undefined ? {} : { version }),
      message,
      fields: redact(withErrorsAsText(fields, this.#errorText)),
    };
    const line: LogLine = { sequence: ++this.#sequence, ...record };
    if (levelRank(level) >= 1) {
      this.#lines.push(line);
      if (this.#lines.length > LINES_MAX + 500) this.#lines.splice(0, this.#lines.length - LINES_MAX);
    }
    if (this.#sinks.size === 0) this.fallback?.(record);
    for (const sink of this.#sinks) deliver(sink, record);
    for (const follower of this.#followers) follower(line);
  }

  /** Adds a sink; the first one gets what was logged before it. */
  addSink(sink: LogSinkService): void {
    this.#sinks.add(sink);
    if (this.#replayed) return;
    this.#replayed = true;
    for (const line of this.#lines) deliver(sink, line as LogRecord);
  }

  removeSink(sink: LogSinkService): void {
    this.#sinks.delete(sink);
  }

  /** Recent lines, oldest first. */
  recent(query: Query & { limit?: number | undefined; since?: number | undefined }): readonly LogLine[] {
    const chosen = this.#lines.filter((line) => matches(line, query) && line.sequence > (query.since ?? 0));
    return query.limit === undefined ? chosen : chosen.slice(-query.limit);
  }

  follow(query: Query, callback: (line: LogLine) => void): () => void {
    const follower = (line: LogLine): void => {
      if (matches(line, query)) callback(line);
    };
    this.#followers.add(follower);
    return () => void this.#followers.delete(follower);
  }
}

/** A class, not closures: a system of a thousand revisions has as many loggers. */
class RoutedLogger implements Logger {
  readonly #router: LogRouter;
  readonly #source: string;
  readonly #version: string | undefined;
  readonly #fields: Record<string, unknown>;

  constructor(router: LogRouter, source: string, version: string | undefined, fields: Record<string, unknown>) {
    this.#router = router;
    this.#source = source;
    this.#version = version;
    this.#fields = fields;
  }

  trace(message: string, fields?: Record<string, unknown>): void {
    this.#write('trace', message, fields);
  }

  debug(message: string, fields?: Record<string, unknown>): void {
    this.#write('debug', message, fields);
  }

  info(message: string, fields?: Record<string, unknown>): void {
    this.#write('info', message, fields);
  }

  warn(message: string, fields?: Record<string, unknown>): void {
    this.#write('warn', message, fields);
  }

  error(message: string, fields?: Record<string, unknown>): void {
    this.#write('error', message, fields);
  }

  child(fields: Record<string, unknown>): Logger {
    return new RoutedLogger(this.#router, this.#source, this.#version, { ...this.#fields, ...fields });
  }

  #write(level: LogLevel, message: string, fields: Record<string, unknown> | undefined): void {
    this.#router.write(level, this.#source, this.#version, message, fields === undefined ? this.#fields : { ...this.#fields, ...fields });
  }
}

function deliver(sink: LogSinkService, record: LogRecord): void {
  try {
    if (levelRank(record.level) >= levelRank(sink.level(record.source))) sink.write(record);
  } catch {
    // A sink that throws must not stop the work that logged. It reports its own faults.
  }
}

function matches(line: LogLine, query: Query): boolean {
  if (query.bundle !== undefined && line.source !== query.bundle) return false;
  return query.level === undefined || levelRank(line.level) >= levelRank(query.level);
}

// An error refers to the functions on its stack: kept among the recent lines it would keep the revision that threw it.
function withErrorsAsText(fields: Record<string, unknown>, errorText: (error: unknown) => string): Record<string, unknown> {
  if (!Object.values(fields).some(isError)) return fields;
  return Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, isError(value) ? errorText(value) : value]));
}

function isError(value: unknown): boolean {
  return Object.prototype.toString.call(value) === '[object Error]';
}

/** Replaces the values of fields named like a secret. Nested plain objects are looked into, three levels deep. */
export function redact(fields: Record<string, unknown>, depth = 3): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(fields)) {
    if (SECRET_NAME.test(key)) result[key] = '***';
    else if (depth > 0 && isPlainObject(value)) result[key] = redact(value, depth - 1);
    else result[key] = value;
  }
  return result;
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}
