/** What the host gives every bundle besides services: log, clock, scope, information about itself. */

/** Severity of a log record. */
export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal';

/** Structured log of one bundle. Never log a secret; fields named like one are redacted all the same. */
export interface Logger {
  trace(message: string, fields?: Record<string, unknown>): void;
  debug(message: string, fields?: Record<string, unknown>): void;
  info(message: string, fields?: Record<string, unknown>): void;
  warn(message: string, fields?: Record<string, unknown>): void;
  error(message: string, fields?: Record<string, unknown>): void;
  /** A logger that adds fields to every record. */
  child(fields: Record<string, unknown>): Logger;
}

/** Time and timers. Virtual in tests. Timers end with the scope that owns them. */
export interface Clock {
  /** Wall clock, milliseconds since 1970-01-01T00:00:00Z. */
  now(): number;
  /** Monotonic milliseconds, for durations. */
  monotonic(): number;
  setTimeout(callback: () => void, delayMs: number): Timer;
  setInterval(callback: () => void, periodMs: number): Timer;
  /** Resolves after a delay; rejects with the signal's reason when aborted. */
  sleep(delayMs: number, signal?: AbortSignal): Promise<void>;
}

/** A timer of a {@link Clock}. */
export interface Timer {
  cancel(): void;
}

/** Undoes one acquisition. May be asynchronous. */
export type Undo = () => void | Promise<void>;

/** Owner of everything acquired through it; closing undoes all in reverse order, and one failed undo does not stop the rest. */
export interface Scope {
  readonly closed: boolean;
  /** Hands over an acquisition. Returns a function that undoes it early (once). */
  own(what: string, undo: Undo): () => Promise<void>;
  /** A scope that ends with this one at the latest. */
  child(name: string): Scope;
  close(): Promise<void>;
}

/** Identity of a bundle revision. */
export interface BundleInfo {
  /** Install id, constant over updates. */
  readonly id: number;
  readonly symbolicName: string;
  readonly version: string;
  /** Number of this revision: 1 for the first content installed, then ascending. */
  readonly revision: number;
  /** SHA-256 of the artifact, hex. */
  readonly digest: string;
}
