/** What carries packets to a guest and tells of its end: a worker thread or a child process. Types only. */
import type { Tier } from '../model/index.js';
import type { Packet } from './protocol.js';

/** Limits of one guest. */
export interface GuestLimits {
  /** Old generation of the guest's heap, megabytes. */
  readonly heapMegabytes: number;
  /** Buffers, which no heap limit counts, megabytes. */
  readonly buffersMegabytes: number;
  /** False: no network, where the tier and the system can take it away. */
  readonly network: boolean;
}

/** How a guest ended. */
export interface GuestEnd {
  /** `exit`: by itself; `error`: by an error nobody caught; `memory`: over a limit; `stopped`: by us. */
  readonly kind: 'exit' | 'error' | 'memory' | 'stopped';
  readonly message: string;
  readonly cause?: unknown;
}

/** What a link tells. */
export interface GuestListener {
  packet(packet: Packet): void;
  /** Text the guest wrote to its standard output or error. */
  output(text: string): void;
  /** Called once. */
  ended(end: GuestEnd): void;
}

/** A running guest. */
export interface GuestLink {
  /** Thread or process, for people. */
  readonly label: string;
  /** Null for a thread. */
  readonly pid: number | null;
  post(packet: Packet): void;
  /** Ends the guest by force, whatever it does. Resolves when it is gone. */
  terminate(): Promise<void>;
}

/** Starts guests of one tier. */
export type GuestLauncher = (bundle: string, limits: GuestLimits, listener: GuestListener) => GuestLink;

/** The launchers by tier. */
export type GuestLaunchers = Readonly<Record<Exclude<Tier, 'inline'>, GuestLauncher>>;
