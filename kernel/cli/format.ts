/** Numbers and times as people read and write them. Pure. */
import { SluiceError } from '../admin/errors.js';

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
/** Longest duration an option may give: one day. */
const DURATION_MS_MAX = 86_400_000;

/**
 * Reads a duration such as `500ms`, `30s`, `2m`, `1h`; a bare number counts as seconds.
 * @throws SluiceError `USAGE_DURATION`.
 */
export function parseDuration(option: string, text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text.trim());
  const durationMs = match === null ? NaN : Math.round(Number(match[1]) * (UNITS[match[2] ?? 's'] ?? 0));
  if (!(durationMs <= DURATION_MS_MAX)) {
    throw new SluiceError('USAGE_DURATION', `Cannot read --${option} '${text}': expected a duration of at most 24h`, {
      remedy: 'Write 500ms, 30s, 2m or 1h',
      httpStatus: 400,
    });
  }
  return durationMs;
}

/**
 * Reads a whole number.
 * @throws SluiceError `USAGE_NUMBER`.
 */
export function parseWhole(option: string, text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new SluiceError('USAGE_NUMBER', `Cannot read --${option} '${text}': expected a whole number`, { httpStatus: 400 });
}

/** `0.4 ms`, `42 ms`, `1.3 s`, `2 m 5 s`, `3 h 4 m`. */
export function formatDuration(durationMs: number): string {
  if (durationMs < 10) return `${Math.round(durationMs * 10) / 10} ms`;
  if (durationMs < 1000) return `${Math.round(durationMs)} ms`;
  if (durationMs < 60_000) return `${Math.floor(durationMs / 100) / 10} s`;
  const seconds = Math.floor(durationMs / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} m ${seconds % 60} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 48 * 60) return `${Math.floor(minutes / 60)} h ${minutes % 60} m`;
  return `${Math.floor(minutes / 1440)} d ${Math.floor((minutes % 1440) / 60)} h`;
}

/** `512 B`, `1.5 kB`, `12.3 MB`. */
export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  const units = ['kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = -1;
  do {
    value /= 1000;
    unit += 1;
  } while (value >= 999.95 && unit < units.length - 1);
  return `${value.toFixed(1)} ${units[unit] ?? ''}`;
}

/** Local wall clock `2026-11-25 10:42:07`, with `.123` on demand. */
export function formatTime(at: number, withMilliseconds = false): string {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return '-';
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  return `${day} ${time}${withMilliseconds ? `.${String(date.getMilliseconds()).padStart(3, '0')}` : ''}`;
}

/** First twelve letters of a digest, as people compare them. */
export function shortDigest(digest: string): string {
  return digest.slice(0, 12);
}

/** A change of version: `1.0.0 → 1.1.0`, `new 1.0.0`, `1.0.0 removed`. */
export function formatVersions(from: string | null, to: string | null): string {
  if (from === null) return to === null ? '-' : `new ${to}`;
  return to === null ? `${from} removed` : from === to ? to : `${from} → ${to}`;
}
