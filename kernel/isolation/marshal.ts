/**
 * Values on their way between host and guest. Data is cloned; functions, abort signals and byte streams are replaced by marks that the
 * other side turns into something that behaves like them. Whatever cannot cross is refused with the place where it stands.
 * Always holds: nothing crosses by reference, and no class instance loses its methods silently.
 */
import type { Readable } from 'node:stream';
import { isSluiceError, messageOf, SluiceError } from '@sluice/sdk';
import type { ErrorParcel, Parcel } from './protocol.js';

/** Key of a mark inside a cloned value. An object of the bundle that happens to have it is wrapped. */
const MARK = '$sluice';
/** Nesting beyond this is a mistake (or a cycle). */
const DEPTH_MAX = 64;

/** What a value may hold besides data, and what becomes of it. A missing entry refuses it. */
export interface Departure {
  /** For errors: what is being sent, e.g. `argument 0 of 'bank.Accounts.open'`. */
  readonly what: string;
  fn?(call: (...args: unknown[]) => unknown): number;
  signal?(signal: AbortSignal): number;
  stream?(stream: Readable): number;
}

/** How marks become values again. */
export interface Arrival {
  fn(id: number, path: string): unknown;
  signal(id: number): AbortSignal;
  stream(id: number): Readable;
}

/**
 * Makes a parcel of a value.
 * @throws SluiceError `ISOLATION_VALUE_REFUSED` naming the place.
 */
export function pack(value: unknown, departure: Departure): Parcel {
  const packer = new Packer(departure);
  const packed = packer.pack(value, '', 0);
  return { value: packed, marked: packer.marked };
}

/** The value in a parcel. Data without marks is handed over as it came. */
export function unpack(parcel: Parcel, arrival: Arrival): unknown {
  return parcel.marked ? revive(parcel.value, arrival, '') : parcel.value;
}

class Packer {
  marked = false;

  constructor(private readonly departure: Departure) {}

  pack(value: unknown, path: string, depth: number, owner?: object): unknown {
    if (typeof value === 'function') return this.mark('fn', this.functionId(value as () => unknown, owner, path));
    if (typeof value === 'symbol') throw this.refusal(path, 'a symbol');
    if (typeof value !== 'object' || value === null) return value;
    if (depth > DEPTH_MAX) throw this.refusal(path, `a value nested deeper than ${DEPTH_MAX} levels`);
    if (value instanceof AbortSignal) return this.mark('signal', this.need(this.departure.signal, path, 'an AbortSignal')(value));
    if (isReadable(value)) return this.mark('stream', this.need(this.departure.stream, path, 'a stream')(value));
    if (Array.isArray(value)) return value.map((item, at) => this.pack(item, `${path}/${at}`, depth + 1, value));
    if (value instanceof Map) {
      return new Map(
        [...value].map(([key, item]) => [this.pack(key, `${path}/key`, depth + 1), this.pack(item, `${path}/${String(key)}`, depth + 1)]),
      );
    }
    if (value instanceof Set) return new Set([...value].map((item) => this.pack(item, `${path}/item`, depth + 1)));
    if (value instanceof Error) return this.mark('error', packError(value));
    if (isCloneable(value)) return value;
    return this.packObject(value, path, depth);
  }

  private packObject(value: object, path: string, depth: number): unknown {
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype !== Object.prototype && prototype !== null && !isPlainOfOtherRealm(prototype as object)) {
      throw this.refusal(path, `an instance of class '${(value as { constructor?: { name?: string } }).constructor?.name ?? 'unknown'}'`);
    }
    const packed: Record<string, unknown> = {};
    for (const [key, item] of Object.entries(value)) packed[key] = this.pack(item, `${path}/${key}`, depth + 1, value);
    return Object.hasOwn(packed, MARK) ? this.mark('object', packed) : packed;
  }

  private functionId(value: (...args: unknown[]) => unknown, owner: object | undefined, path: string): number {
    const keep = this.need(this.departure.fn, path, 'a function');
    return keep((...args) => Reflect.apply(value, owner, args) as unknown);
  }

  private mark(kind: string, value: unknown): object {
    this.marked = true;
    return { [MARK]: kind, value };
  }

  private need<T>(wanted: T | undefined, path: string, found: string): T {
    if (wanted === undefined) throw this.refusal(path, found);
    return wanted;
  }

  private refusal(path: string, found: string): SluiceError {
    const where = path === '' ? this.departure.what : `'${path}' of ${this.departure.what}`;
    return new SluiceError('ISOLATION_VALUE_REFUSED', `Cannot send ${where} to another isolation tier: it is ${found}`, {
      details: { what: this.departure.what, path, found },
      remedy: 'Pass plain data: objects, lists, texts, numbers, bigint, dates, maps, sets, bytes.',
    });
  }
}

/** Members of an object that is a service: its own and its class's, functions bound to it. */
export function membersOf(service: object): Record<string, unknown> {
  const members: Record<string, unknown> = {};
  for (
    let level: object | null = service;
    level !== null && level !== Object.prototype;
    level = Object.getPrototypeOf(level) as object | null
  ) {
    for (const key of Object.getOwnPropertyNames(level)) {
      if (key === 'constructor' || Object.hasOwn(members, key)) continue;
      const value = (service as Record<string, unknown>)[key];
      members[key] = typeof value === 'function' ? (value as (...args: unknown[]) => unknown).bind(service) : value;
    }
  }
  return members;
}

function revive(value: unknown, arrival: Arrival, path: string): unknown {
  if (typeof value !== 'object' || value === null || isCloneable(value)) return value;
  if (Array.isArray(value)) return value.map((item, at) => revive(item, arrival, `${path}/${at}`));
  if (value instanceof Map) {
    return new Map([...value].map(([key, item]) => [revive(key, arrival, `${path}/key`), revive(item, arrival, `${path}/${String(key)}`)]));
  }
  if (value instanceof Set) return new Set([...value].map((item) => revive(item, arrival, `${path}/item`)));
  const { [MARK]: kind, value: marked } = value as { [MARK]?: string; value?: unknown };
  switch (kind) {
    case undefined:
      return revived(value, arrival, path);
    case 'fn':
      return arrival.fn(marked as number, path);
    case 'signal':
      return arrival.signal(marked as number);
    case 'stream':
      return arrival.stream(marked as number);
    case 'error':
      return unpackError(marked as ErrorParcel);
    default:
      return revived(marked as object, arrival, path);
  }
}

function revived(value: object, arrival: Arrival, path: string): object {
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, revive(item, arrival, `${path}/${key}`)]));
}

/** Makes a parcel of anything thrown. Details that cannot cross are left out. */
export function packError(thrown: unknown): ErrorParcel {
  const stack = thrown instanceof Error ? thrown.stack : undefined;
  const name = thrown instanceof Error ? thrown.name : 'Error';
  const sluice = isSluiceError(thrown)
    ? {
        code: thrown.code,
        details: dataOf(thrown.details),
        remedy: thrown.remedy,
        retryable: thrown.retryable,
        httpStatus: thrown.httpStatus,
      }
    : null;
  return { name, message: messageOf(thrown), stack, sluice };
}

/** The error in a parcel. */
export function unpackError({ name, message, stack, sluice }: ErrorParcel): Error {
  const error =
    sluice === null
      ? new Error(message)
      : new SluiceError(sluice.code, message, {
          details: sluice.details as Record<string, unknown>,
          retryable: sluice.retryable,
          httpStatus: sluice.httpStatus,
          ...(sluice.remedy === undefined ? {} : { remedy: sluice.remedy }),
        });
  error.name = name;
  // The stack of the other side names the line; the one made here names the port.
  if (stack !== undefined) error.stack = stack;
  return error;
}

/** Data as far as it can be cloned; what cannot is written as text. */
export function dataOf(value: unknown): unknown {
  try {
    return pack(value, { what: 'details' }).value;
  } catch {
    if (typeof value !== 'object' || value === null) return String(value);
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, isScalar(item) ? item : messageOf(item)]));
  }
}

function isScalar(value: unknown): boolean {
  return value === null || ['string', 'number', 'boolean', 'bigint', 'undefined'].includes(typeof value);
}

function isReadable(value: object): value is Readable {
  const { pipe, read } = value as { pipe?: unknown; read?: unknown };
  return typeof pipe === 'function' && typeof read === 'function';
}

function isCloneable(value: object): boolean {
  return (
    ArrayBuffer.isView(value) ||
    value instanceof Date ||
    value instanceof RegExp ||
    value instanceof ArrayBuffer ||
    value instanceof SharedArrayBuffer
  );
}

// A plain object made in another context (JSON parsed by a `vm`, for instance) has another `Object.prototype`.
function isPlainOfOtherRealm(prototype: object): boolean {
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, 'hasOwnProperty');
}
