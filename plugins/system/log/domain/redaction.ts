/**
 * Makes log fields safe to write: secrets by the name of their key, card numbers by their digits, and everything bounded.
 * Always holds: the result is plain JSON data of limited size, and reading it never runs code of the one who logged twice.
 * Limits are on purpose: a log line is for people, whole documents belong elsewhere.
 */
import { maskCardNumbers, maskDigits } from './card-numbers.js';

/** Text longer than this is cut; a stack trace fits. */
const TEXT_LENGTH_MAX = 8_192;
/** Levels of nesting written. */
const DEPTH_MAX = 6;
/** Values in one record; stops wide structures. */
const VALUES_MAX = 1_000;

const SECRET_PARTS = [
  'password',
  'passwd',
  'passphrase',
  'token',
  'secret',
  'authorization',
  'cookie',
  'credential',
  'privatekey',
  'apikey',
  'pinblock',
];
const SECRET_WORDS = new Set(['pin', 'pwd', 'cvv', 'cvv2', 'cvc', 'otp']);
const CARD_NAMES = new Set(['pan', 'card', 'cardno', 'cardnumber', 'primaryaccountnumber']);

/** A copy of the fields in which no secret is left. */
export function redact(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return copyObject(fields, 0, { left: VALUES_MAX });
}

/** A text in which no card number is left, cut to a bearable length. */
export function redactText(text: string): string {
  const safe = maskCardNumbers(text.length > TEXT_LENGTH_MAX ? text.slice(0, TEXT_LENGTH_MAX) : text);
  return text.length > TEXT_LENGTH_MAX ? `${safe}... (${text.length - TEXT_LENGTH_MAX} more characters)` : safe;
}

/** True when values under this key must never be written. */
export function isSecretName(key: string): boolean {
  const joined = key.toLowerCase().replace(/[^a-z0-9]/g, '');
  return SECRET_PARTS.some((part) => joined.includes(part)) || wordsOf(key).some((word) => SECRET_WORDS.has(word));
}

interface Budget {
  left: number;
}

function copyObject(source: object, depth: number, budget: Budget): Record<string, unknown> {
  const copy: Record<string, unknown> = Object.create(null);
  for (const key of Object.keys(source)) {
    if (budget.left <= 0) {
      copy['...'] = `cut after ${VALUES_MAX} values`;
      break;
    }
    copy[key] = isSecretName(key) ? '***' : copyNamed(key, read(source, key), depth, budget);
  }
  return copy;
}

function copyNamed(key: string, value: unknown, depth: number, budget: Budget): unknown {
  if (!isCardName(key)) return copyValue(value, depth, budget);
  if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'bigint') return copyValue(value, depth, budget);
  const digits = String(value).replace(/[ -]/g, '');
  return /^\d{13,19}$/.test(digits) ? maskDigits(digits) : redactText(String(value));
}

function copyValue(value: unknown, depth: number, budget: Budget): unknown {
  budget.left--;
  switch (typeof value) {
    case 'string':
      return redactText(value);
    case 'number':
      return Number.isSafeInteger(value) && Math.abs(value) >= 1e12 ? masked(value) : Number.isFinite(value) ? value : String(value);
    case 'bigint':
      return maskCardNumbers(String(value));
    case 'boolean':
    case 'undefined':
      return value;
    case 'object':
      return value === null ? null : copyComposite(value, depth, budget);
    default:
      return `[${typeof value}]`;
  }
}

function copyComposite(value: object, depth: number, budget: Budget): unknown {
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString();
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return `[${value.byteLength} bytes]`;
  if (depth >= DEPTH_MAX) return Array.isArray(value) ? '[list]' : '[object]';
  if (value instanceof Map)
    return copyObject(Object.fromEntries([...value].map(([key, entry]) => [String(key), entry])), depth + 1, budget);
  if (Array.isArray(value) || value instanceof Set) return copyList([...value], depth + 1, budget);
  // Errors keep name, text and stack in properties that do not enumerate. Not by instanceof: they come from other contexts, too.
  if (Object.prototype.toString.call(value) === '[object Error]') return copyError(value as Error, depth + 1, budget);
  return copyObject(value, depth + 1, budget);
}

function copyList(values: readonly unknown[], depth: number, budget: Budget): unknown[] {
  const copy: unknown[] = [];
  for (const value of values) {
    if (budget.left <= 0) return [...copy, `... cut after ${VALUES_MAX} values`];
    copy.push(copyValue(value, depth, budget));
  }
  return copy;
}

function copyError(error: Error, depth: number, budget: Budget): Record<string, unknown> {
  const known: Record<string, unknown> = { name: error.name, message: error.message, stack: error.stack, cause: error.cause };
  for (const key of Object.keys(error)) known[key] = read(error, key);
  const copy = copyObject(known, depth, budget);
  for (const key of Object.keys(copy)) if (copy[key] === undefined) delete copy[key];
  return copy;
}

function read(source: object, key: string): unknown {
  try {
    return (source as Record<string, unknown>)[key];
  } catch {
    return '[unreadable]';
  }
}

function masked(value: number): number | string {
  const text = String(value);
  const safe = maskCardNumbers(text);
  return safe === text ? value : safe;
}

function isCardName(key: string): boolean {
  return CARD_NAMES.has(key.toLowerCase().replace(/[^a-z0-9]/g, ''));
}

function wordsOf(key: string): readonly string[] {
  return key
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z0-9]+/);
}
