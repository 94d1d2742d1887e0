/**
 * One end of the link between host and guest: calls with results, functions handed over for the time of a call, abort signals, streams.
 * Owns the numbers and what they stand for; leaves to its owner what a service is and what context a call runs in.
 * Always holds: every call ends, by a result, its time limit or the end of the link; what was lent for a call is taken back with it.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { SluiceError } from '@sluice/sdk';
import { ByteStreams } from './byte-streams.js';
import { pack, packError, unpack, unpackError, type Arrival, type Departure } from './marshal.js';
import type { CallTarget, Packet, Parcel } from './protocol.js';

/** Calls of one side that may be under way at once. More means that the other side does not keep up. */
const CALLS_MAX = 10_000;

/** What came in a call. */
export interface IncomingCall {
  readonly id: number;
  readonly target: CallTarget;
  readonly method: string;
  readonly args: readonly unknown[];
}

/** What an end needs of its owner. */
export interface PeerOwner {
  send(packet: Packet): void;
  /** Runs a call to a service or to the side itself. */
  serve(call: IncomingCall): unknown;
  /** Starts a time limit; returns its undo. */
  limit(callback: () => void, delayMs: number): () => void;
}

/** How a call is made. */
export interface CallOptions {
  /** For errors, e.g. `'bank.Accounts.open'`. */
  readonly what: string;
  /** Longest wait for the result; Infinity waits for the end of the link. */
  readonly timeoutMs: number;
  /** Whether arguments and result may hold functions. */
  readonly functions?: boolean;
  readonly oneWay?: boolean;
}

interface PendingCall {
  readonly options: CallOptions;
  readonly loan: Loan;
  resolve(value: unknown): void;
  reject(error: Error): void;
  readonly cancelLimit: () => void;
  /** Enters the async context the call was made in: generation, deadline and unit of work of whoever called. */
  readonly inContext: <T>(code: () => T) => T;
}

/** The call that code is run for. One store for all links: each store costs something on every promise of the process. */
const serving = new AsyncLocalStorage<{ readonly peer: Peer; readonly id: number } | null>();
/** The context of nobody. */
const outside = AsyncLocalStorage.snapshot();

/** Runs code that is no part of the call it is started in. */
export function outsideCalls<T>(code: () => T): T {
  return serving.run(null, code);
}

type AnyFunction = (...args: unknown[]) => unknown;

/** Functions and signals lent to the other side until it gives them back. */
class Loan {
  readonly functions: number[] = [];
  readonly undos: (() => void)[] = [];
}

export class Peer {
  private readonly pending = new Map<number, PendingCall>();
  private readonly functions = new Map<number, AnyFunction>();
  private readonly signals = new Map<number, AbortController>();
  readonly streams: ByteStreams;
  private lastId = 0;
  private closed: Error | null = null;
  private idle: (() => void) | null = null;

  constructor(private readonly owner: PeerOwner) {
    this.streams = new ByteStreams((packet) => this.send(packet));
  }

  /** Calls, functions and streams under way, for diagnosis and tests. */
  get open(): { calls: number; functions: number; signals: number; streams: number } {
    return { calls: this.pending.size, functions: this.functions.size, signals: this.signals.size, streams: this.streams.open };
  }

  /**
   * Calls the other side.
   * @throws SluiceError `ISOLATION_VALUE_REFUSED`, `ISOLATION_CALL_TIMEOUT`, `ISOLATION_CALLS_EXCEEDED`, the error of the link's end, or what
   * the other side threw.
   */
  async call(target: CallTarget, method: string, args: readonly unknown[], options: CallOptions): Promise<unknown> {
    if (this.closed !== null) throw this.closed;
    if (this.pending.size >= CALLS_MAX) throw tooMany(options.what);
    const loan = new Loan();
    const id = (this.lastId += 1);
    const parcel = this.packArguments(args, options, loan);
    const packet = { type: 'call', id, target, method, args: parcel, parent: this.current(), oneWay: options.oneWay === true } as const;
    if (options.oneWay === true) return this.send(packet);
    return new Promise((resolve, reject) => {
      const cancelLimit =
        options.timeoutMs === Number.POSITIVE_INFINITY
          ? () => undefined
          : this.owner.limit(() => this.settle(id, (call) => call.reject(timedOut(options))), options.timeoutMs);
      this.pending.set(id, { options, loan, resolve, reject, cancelLimit, inContext: AsyncLocalStorage.snapshot() });
      this.send(packet);
    });
  }

  private packArguments(args: readonly unknown[], options: CallOptions, loan: Loan): Parcel {
    try {
      return pack(args, this.departure(`the arguments of ${options.what}`, options.functions === true, loan));
    } catch (error) {
      this.takeBack(loan);
      throw error;
    }
  }

  /** Lends an object with functions for as long as the returned undo is not called. */
  lend(value: unknown, what: string): { parcel: Parcel; takeBack: () => void } {
    const loan = new Loan();
    const parcel = pack(value, this.departure(what, true, loan));
    return { parcel, takeBack: () => this.takeBack(loan) };
  }

  /** Makes a parcel of plain data. */
  data(value: unknown, what: string): Parcel {
    return pack(value, { what });
  }

  private departure(what: string, functions: boolean, loan: Loan): Departure {
    const fn = (call: AnyFunction): number => {
      const id = (this.lastId += 1);
      this.functions.set(id, call);
      loan.functions.push(id);
      return id;
    };
    return {
      what,
      ...(functions ? { fn } : {}),
      signal: (signal) => this.lendSignal(signal, loan),
      stream: (stream) => this.streams.depart(stream),
    };
  }

  private lendSignal(signal: AbortSignal, loan: Loan): number {
    const id = (this.lastId += 1);
    const tell = (): void => this.send({ type: 'abort', signal: id, reason: packError(signal.reason) });
    if (signal.aborted) queueMicrotask(tell);
    else {
      signal.addEventListener('abort', tell, { once: true });
      loan.undos.push(() => signal.removeEventListener('abort', tell));
    }
    return id;
  }

  private takeBack(loan: Loan): void {
    for (const id of loan.functions) this.functions.delete(id);
    for (const undo of loan.undos) undo();
  }

  /** Takes a packet of the other side. Packets of the link's owner (beats, log lines) are not for here. */
  receive(packet: Packet): void {
    switch (packet.type) {
      case 'call':
        return this.enter(packet);
      case 'result':
        return this.settle(packet.id, (call) => {
          const { value } = packet;
          // What comes as a result outlives the call: functions in it would have no end.
          call.resolve(unpack(value, this.arrival([])));
        });
      case 'error':
        return this.settle(packet.id, (call) => call.reject(unpackError(packet.error)));
      case 'abort':
        return this.signals.get(packet.signal)?.abort(unpackError(packet.reason));
      case 'beat':
      case 'log':
        return;
      default:
        return this.streams.receive(packet);
    }
  }

  /** The call of the other side that this code runs in, to be named as the parent of what it calls there. */
  private current(): number | null {
    const served = serving.getStore();
    return served?.peer === this ? served.id : null;
  }

  private enter(packet: Extract<Packet, { type: 'call' }>): void {
    const parent = packet.parent === null ? undefined : this.pending.get(packet.parent);
    const inContext: PendingCall['inContext'] = parent?.inContext ?? outside;
    inContext(() => serving.run({ peer: this, id: packet.id }, () => void this.run(packet)));
  }

  private async run(packet: Extract<Packet, { type: 'call' }>): Promise<void> {
    const { id, target, method, oneWay } = packet;
    const signals: number[] = [];
    const what = `the result of ${method === '' ? 'a function' : `'${method}'`}`;
    let answer: Packet;
    try {
      const args = unpack(packet.args, this.arrival(signals)) as readonly unknown[];
      const result = await this.dispatch({ id, target, method, args });
      answer = { type: 'result', id, value: pack(result, { what, stream: (stream) => this.streams.depart(stream) }) };
    } catch (error) {
      answer = { type: 'error', id, error: packError(error) };
    }
    for (const signal of signals) this.signals.delete(signal);
    if (!oneWay) this.send(answer);
  }

  private dispatch(call: IncomingCall): unknown {
    if (call.target.kind !== 'function') return this.owner.serve(call);
    const called = this.functions.get(call.target.id);
    if (called !== undefined) return called(...call.args);
    throw new SluiceError('ISOLATION_FUNCTION_GONE', 'A function handed to another isolation tier was called after the call it came with', {
      remedy: 'Use it before the call that brought it resolves.',
    });
  }

  /** How values of the other side become values here. Signals live as long as the call that brought them. */
  arrival(signals: number[]): Arrival {
    return {
      fn: (id) => this.remoteFunction(id),
      signal: (id) => {
        const controller = new AbortController();
        this.signals.set(id, controller);
        signals.push(id);
        return controller.signal;
      },
      stream: (id) => this.streams.arrive(id),
    };
  }

  private remoteFunction(id: number): AnyFunction {
    return (...args) =>
      this.call({ kind: 'function', id }, '', args, { what: 'a function', timeoutMs: Number.POSITIVE_INFINITY, functions: true });
  }

  private settle(id: number, how: (call: PendingCall) => void): void {
    const call = this.pending.get(id);
    // A result after its time limit is nobody's any more.
    if (call === undefined) return;
    this.pending.delete(id);
    call.cancelLimit();
    this.takeBack(call.loan);
    how(call);
    if (this.pending.size === 0) this.idle?.();
  }

  /** Resolves when every call of this side has ended, at the latest when the time limit passes. */
  whenIdle(limitMs: number): Promise<void> {
    if (this.pending.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const cancelLimit = this.owner.limit(resolve, limitMs);
      this.idle = () => {
        cancelLimit();
        resolve();
      };
    });
  }

  private send(packet: Packet): void {
    if (this.closed === null) this.owner.send(packet);
  }

  /** The link has ended: everything that waits is refused with the error. */
  close(error: Error): void {
    if (this.closed !== null) return;
    this.closed = error;
    for (const id of [...this.pending.keys()]) this.settle(id, (call) => call.reject(error));
    for (const controller of this.signals.values()) controller.abort(error);
    this.signals.clear();
    this.functions.clear();
    this.streams.close(error);
  }
}

function timedOut({ what, timeoutMs }: CallOptions): SluiceError {
  return new SluiceError('ISOLATION_CALL_TIMEOUT', `${what} did not answer within ${Math.round(timeoutMs)} ms`, {
    details: { what, timeoutMs },
    remedy: 'Look at what it waits for; the call goes on in the other tier, its result is ignored.',
    retryable: true,
    httpStatus: 503,
  });
}

function tooMany(what: string): SluiceError {
  return new SluiceError('ISOLATION_CALLS_EXCEEDED', `${what} was not called: ${CALLS_MAX} calls to that tier are under way`, {
    details: { what, callsMax: CALLS_MAX },
    remedy: 'Send less, or run the bundle inline.',
    retryable: true,
    httpStatus: 503,
  });
}
