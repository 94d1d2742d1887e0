/**
 * One guest from its start to its end: link, calls, heartbeat and memory limits. Does not know whether it is the first guest of a
 * revision or started again. Always holds: once `ended` was told, no call waits for it any more.
 */
import { isSluiceError, SluiceError, type LogLevel } from '@sluice/sdk';
import type { Tier } from '../model/index.js';
import type { GuestEnd, GuestLink, GuestLimits } from './guest-link.js';
import { Heartbeat } from './heartbeat.js';
import { dataOf } from './marshal.js';
import { Peer, type IncomingCall } from './peer.js';
import type { GuestMemory, LoadAnswer, LoadOrder, Packet } from './protocol.js';
import type { GuestRequest, IsolationPorts } from './isolation-ports.js';

/** What a guest tells its owner. */
export interface GuestOwner {
  serve(call: IncomingCall): unknown;
  log(level: LogLevel, message: string, fields: Record<string, unknown>): void;
  output(text: string): void;
  /** Called once, unless the guest was terminated by its owner. */
  ended(end: GuestEnd): void;
}

const LEVELS: ReadonlySet<unknown> = new Set(['trace', 'debug', 'info', 'warn', 'error', 'fatal']);
const MEGABYTE = 1024 * 1024;

/** See the head of the file. */
export class GuestRun {
  readonly peer: Peer;
  readonly #bundle: string;
  readonly #tier: Tier;
  readonly #limits: GuestLimits;
  readonly #owner: GuestOwner;
  readonly #link: GuestLink;
  readonly #heartbeat: Heartbeat;
  /** Why it is being ended from this side. */
  #verdict: GuestEnd | null = null;
  #over = false;
  /** As it told last. */
  memory: GuestMemory = { heapUsedBytes: 0, buffersBytes: 0, rssBytes: 0 };

  constructor(bundle: string, tier: Exclude<Tier, 'inline'>, limits: GuestLimits, ports: IsolationPorts, owner: GuestOwner) {
    this.#bundle = bundle;
    this.#tier = tier;
    this.#limits = limits;
    this.#owner = owner;
    this.peer = new Peer({
      send: (packet) => this.#link.post(packet),
      serve: (call) => owner.serve(call),
      limit: (callback, delayMs) => {
        const timer = ports.clock.setTimeout(callback, delayMs);
        return () => timer.cancel();
      },
    });
    this.#link = ports.launchers[tier](bundle, limits, {
      packet: (packet) => this.#receive(packet),
      output: (text) => owner.output(text.trimEnd()),
      ended: (end) => this.#ended(end),
    });
    this.#heartbeat = new Heartbeat(ports.clock, (silentMs) =>
      this.#condemn({ kind: 'error', message: `its event loop has not turned for ${silentMs} ms (an endless loop)` }),
    );
  }

  /** Thread or process, for people. */
  get label(): string {
    return this.#link.label;
  }

  load({ entries, digest, revision, guest: { bundleId, packageJson } }: GuestRequest): Promise<LoadAnswer> {
    const order: LoadOrder = { tier: this.#tier, bundleId, revision, digest, packageJson, entries };
    return this.#ask('load', order) as Promise<LoadAnswer>;
  }

  start(config: Readonly<Record<string, unknown>>): Promise<void> {
    return this.#ask('start', config) as Promise<void>;
  }

  configure(config: Readonly<Record<string, unknown>>): Promise<void> {
    return this.#ask('configure', config) as Promise<void>;
  }

  exportState(stateVersion: number): Promise<unknown> {
    return this.#ask('exportState', stateVersion);
  }

  importState(state: unknown, stateVersion: number): Promise<void> {
    return this.#ask('importState', state, stateVersion) as Promise<void>;
  }

  /** Lets calls finish, then the bundle deactivate, each not longer than half the limit. Never throws. */
  async end(limitMs: number): Promise<{ left: readonly string[]; error: string | null }> {
    // Inline, a call that no entry counts runs to its end on the code of the old revision, however long that was replaced.
    await this.peer.whenIdle(limitMs / 2);
    try {
      return (await this.peer.call({ kind: 'side' }, 'end', [], { what: `the end of '${this.#bundle}'`, timeoutMs: limitMs / 2 })) as {
        left: readonly string[];
        error: string | null;
      };
    } catch (error) {
      return { left: [], error: isSluiceError(error) ? error.message : String(error) };
    }
  }

  // The life cycle has limits on each of these; the end of the guest ends them, too.
  #ask(method: string, ...args: readonly unknown[]): Promise<unknown> {
    return this.peer.call({ kind: 'side' }, method, args, {
      what: `'${method}' of '${this.#bundle}'`,
      timeoutMs: Number.POSITIVE_INFINITY,
    });
  }

  #receive(packet: Packet): void {
    if (this.#over) return;
    try {
      this.#take(packet);
    } catch (error) {
      // Whoever sends what does not parse is broken or hostile.
      this.#condemn({ kind: 'error', message: 'it sent a packet that cannot be read', cause: error });
    }
  }

  #take(packet: Packet): void {
    if (packet.type === 'beat') {
      this.#heartbeat.beat();
      this.memory = packet.memory;
      this.#checkMemory(packet.memory);
    } else if (packet.type === 'log') {
      const level = LEVELS.has(packet.level) ? packet.level : 'info';
      this.#owner.log(level, String(packet.message), { ...(dataOf(packet.fields.value) as Record<string, unknown>) });
    } else this.peer.receive(packet);
  }

  #checkMemory({ buffersBytes }: GuestMemory): void {
    const limit = this.#limits.buffersMegabytes;
    if (buffersBytes <= limit * MEGABYTE) return;
    this.#condemn({ kind: 'memory', message: `its buffers take ${Math.round(buffersBytes / MEGABYTE)} MB, the limit is ${limit} MB` });
  }

  /** Ends it by force for a reason, which then counts as its end. */
  #condemn(end: GuestEnd): void {
    if (this.#over || this.#verdict !== null) return;
    this.#verdict = end;
    void this.#link.terminate();
  }

  #ended(end: GuestEnd): void {
    if (this.#over) return;
    this.#over = true;
    this.#heartbeat.stop();
    const found = this.#verdict ?? end;
    this.peer.close(
      new SluiceError('ISOLATION_GUEST_GONE', `'${this.#bundle}' ended in tier ${this.#tier} during the call: ${found.message}`, {
        details: { bundle: this.#bundle, tier: this.#tier, kind: found.kind },
        retryable: true,
        httpStatus: 503,
        cause: found.cause,
      }),
    );
    this.#owner.ended(found);
  }

  /** Ends it by force; nobody is told. Resolves when it is gone. */
  async terminate(): Promise<void> {
    this.#heartbeat.stop();
    await this.#link.terminate();
    this.#ended({ kind: 'stopped', message: 'it was stopped' });
  }
}
