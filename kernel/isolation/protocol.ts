/**
 * What host and guest say to each other. A guest is the worker thread or child process that runs the code of one revision; both sides
 * speak the same packets over whatever carries structured clones. Types only.
 */
import type { LogLevel } from '@sluice/sdk';
import type { Tier } from '../model/index.js';

/** Where a call goes: a service by number, a function that was handed over by number, or the other side itself. */
export type CallTarget =
  { readonly kind: 'service'; readonly id: number } | { readonly kind: 'function'; readonly id: number } | { readonly kind: 'side' };

/** A value on its way. `marked`: something in it is not data and has to be put back on arrival. */
export interface Parcel {
  readonly value: unknown;
  readonly marked: boolean;
}

/** An error on its way. */
export interface ErrorParcel {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  /** Only of errors with a code. */
  readonly sluice: {
    readonly code: string;
    readonly details: unknown;
    readonly remedy: string | undefined;
    readonly retryable: boolean;
    readonly httpStatus: number;
  } | null;
}

/** One packet. `id` of calls, functions, signals and streams are numbers of the side that made them. */
export type Packet =
  | {
      readonly type: 'call';
      readonly id: number;
      readonly target: CallTarget;
      readonly method: string;
      readonly args: Parcel;
      /** The call of the other side in whose course this one is made: it runs in that one's generation and unit of work. */
      readonly parent: number | null;
      /** Nobody waits for the result. */
      readonly oneWay: boolean;
    }
  | { readonly type: 'result'; readonly id: number; readonly value: Parcel }
  | { readonly type: 'error'; readonly id: number; readonly error: ErrorParcel }
  | { readonly type: 'abort'; readonly signal: number; readonly reason: ErrorParcel }
  | { readonly type: 'chunk'; readonly stream: number; readonly data: string | Uint8Array }
  | { readonly type: 'end'; readonly stream: number }
  | { readonly type: 'fail'; readonly stream: number; readonly error: ErrorParcel }
  | { readonly type: 'credit'; readonly stream: number; readonly bytes: number }
  | { readonly type: 'cut'; readonly stream: number }
  | { readonly type: 'beat'; readonly memory: GuestMemory }
  | {
      readonly type: 'log';
      readonly level: LogLevel;
      readonly message: string;
      readonly fields: Parcel;
    };

/** Memory of a guest as it measures it, bytes. */
export interface GuestMemory {
  readonly heapUsedBytes: number;
  /** Buffers: neither a heap limit nor a worker's resource limits count them. */
  readonly buffersBytes: number;
  /** Of the whole process; means something for a process guest only. */
  readonly rssBytes: number;
}

/** A contract as it travels: all a forwarder needs. */
export interface ContractFacts {
  readonly id: string;
  readonly version: string;
  readonly local: boolean;
  /** Number of arguments and manner of each method. */
  readonly methods: Readonly<Record<string, { readonly args: number; readonly sync: boolean }>>;
  readonly properties: readonly string[];
}

/** What the host hands a guest to load. */
export interface LoadOrder {
  readonly tier: Tier;
  readonly bundleId: number;
  readonly revision: number;
  readonly digest: string;
  readonly packageJson: Readonly<Record<string, unknown>>;
  readonly entries: ReadonlyMap<string, Uint8Array>;
}

/** What a guest tells after it loaded the code. */
export interface LoadAnswer {
  readonly provides: readonly ContractFacts[];
  readonly requires: readonly (ContractFacts & { readonly filter?: string; readonly range?: string })[];
  readonly handsOverState: boolean;
}

/** A service of the host as the guest mirrors it. */
export interface MirroredService {
  readonly id: number;
  readonly contractId: string;
  readonly contractVersion: string;
  readonly bundle: string;
  readonly bundleVersion: string;
  readonly properties: Parcel;
  /** What the mirror answers by itself, without asking (the dialect of a database, for instance). */
  readonly facts?: unknown;
}

/** What happened to mirrored services in one step of the host: a replaced service and its successor come together. */
export interface ServiceChanges {
  readonly added: readonly MirroredService[];
  readonly changed: readonly MirroredService[];
  readonly removed: readonly number[];
}

/** A service of the guest as the host registers it. */
export interface ExportedService {
  readonly id: number;
  readonly contractId: string;
  readonly properties: Parcel;
  /** The object itself, for services that are plain data with functions; null when the contract names the methods. */
  readonly object: Parcel | null;
}

/** Methods of the guest's side, called with target `side`. */
export interface GuestSide {
  load(order: LoadOrder): Promise<LoadAnswer>;
  start(config: Readonly<Record<string, unknown>>): Promise<void>;
  configure(config: Readonly<Record<string, unknown>>): Promise<void>;
  exportState(stateVersion: number): unknown;
  importState(state: unknown, stateVersion: number): void | Promise<void>;
  end(): Promise<{ left: readonly string[]; error: string | null }>;
  servicesChanged(changes: ServiceChanges): void;
  /** A unit of work that the guest took part in was committed. */
  committed(unit: number): void;
}

/** Methods of the host's side, called with target `side`. */
export interface HostSide {
  register(service: ExportedService): void;
  setProperties(id: number, properties: Parcel): void;
  unregister(id: number): void;
}
