/**
 * The kernel's side of its supervisor: where listening sockets come from, when to begin, when to end. Also speaks systemd's way of passing
 * sockets (`LISTEN_FDS`), which needs no supervisor. The messages are the contract between both sides and across kernel versions: fields
 * may be added, never changed.
 */
import { SluiceError, type ListenSocketsService } from '@sluice/sdk';

/** What a kernel says to its supervisor. */
export type KernelMessage =
  /** The code is loaded; nothing of the data folder has been touched. */
  | { readonly type: 'loaded'; readonly version: string }
  | { readonly type: 'listen'; readonly id: number; readonly host: string; readonly port: number }
  | { readonly type: 'ready' };

/** What a supervisor says to a kernel. */
export type SupervisorMessage =
  | { readonly type: 'start' }
  /** Comes with the socket as its handle, or with the reason why there is none. */
  | { readonly type: 'socket'; readonly id: number; readonly error?: { readonly code: string; readonly message: string } }
  | { readonly type: 'stop'; readonly lameDuckMs: number };

/** Environment variable that tells a kernel that it has a supervisor. */
export const SUPERVISED = 'SLUICE_SUPERVISED';
/** First descriptor systemd passes. */
const SYSTEMD_FIRST_DESCRIPTOR = 3;

/** A kernel's view of its supervisor. */
export interface Supervision {
  readonly listenSockets: ListenSocketsService;
  /** Says that the code is loaded, and waits for leave to begin. Rejects when the supervisor ends. */
  mayStart(version: string): Promise<void>;
  /** Says that the kernel serves. */
  ready(): void;
  /** Calls back when the kernel is to end, also because the supervisor is gone. */
  onStop(callback: (options: { readonly lameDuckMs: number }) => void): void;
  /** Lets the process end. */
  leave(): void;
}

type Channel = Pick<NodeJS.Process, 'on' | 'disconnect' | 'connected'> & { send?(message: object): boolean };

/** The supervisor of this process; null when it has none. */
export function findSupervisor(channel: Channel, environment: Readonly<Record<string, string | undefined>>): Supervision | null {
  if (environment[SUPERVISED] === undefined || channel.send === undefined) return null;
  const waiting = new Map<number, { resolve(handle: object): void; reject(error: Error): void }>();
  let ids = 0;
  let begin: () => void = () => {};
  let refuse: (error: Error) => void = () => {};
  let stop: ((options: { readonly lameDuckMs: number }) => void) | null = null;
  let asked: { readonly lameDuckMs: number } | null = null;
  const end = (options: { readonly lameDuckMs: number }): void => {
    asked ??= options;
    stop?.(asked);
    refuse(new SluiceError('SUPERVISOR_GONE', 'The supervisor does not want this kernel any more'));
  };
  const say = (message: KernelMessage): void => {
    if (channel.connected) channel.send?.(message);
  };
  channel.on('message', (message: SupervisorMessage, handle: unknown) => {
    if (message.type === 'start') begin();
    else if (message.type === 'stop') end({ lameDuckMs: message.lameDuckMs });
    else if (message.type === 'socket') {
      const one = waiting.get(message.id);
      waiting.delete(message.id);
      if (message.error === undefined) one?.resolve(handle as object);
      else one?.reject(new SluiceError('LISTEN_FAILED', message.error.message, { details: { reason: message.error.code } }));
    }
  });
  // Without a supervisor nobody could start a kernel on this data folder while this one lives.
  channel.on('disconnect', () => end({ lameDuckMs: 0 }));
  return {
    listenSockets: {
      take: (host, port) =>
        new Promise((resolve, reject) => {
          ids += 1;
          waiting.set(ids, { resolve, reject });
          say({ type: 'listen', id: ids, host, port });
        }),
    },
    mayStart: (version) =>
      new Promise((resolve, reject) => {
        begin = resolve;
        refuse = reject;
        say({ type: 'loaded', version });
      }),
    ready: () => say({ type: 'ready' }),
    onStop(callback) {
      stop = callback;
      if (asked !== null) callback(asked);
    },
    leave: () => void (channel.connected && channel.disconnect()),
  };
}

/**
 * Sockets passed by systemd. A socket unit's `FileDescriptorName=` is the port it stands for; a single socket needs no name.
 * @returns null when systemd passed none to this process.
 */
export function systemdSockets(pid: number, environment: Readonly<Record<string, string | undefined>>): ListenSocketsService | null {
  const count = Number(environment['LISTEN_FDS'] ?? 0);
  if (Number(environment['LISTEN_PID']) !== pid || !Number.isSafeInteger(count) || count <= 0) return null;
  const names = (environment['LISTEN_FDNAMES'] ?? '').split(':');
  const descriptors = new Map(Array.from({ length: count }, (_, index) => [SYSTEMD_FIRST_DESCRIPTOR + index, names[index] ?? ''] as const));
  return {
    take(_host, port) {
      const fd = [...descriptors].find(([, name]) => name === String(port))?.[0] ?? (count === 1 ? SYSTEMD_FIRST_DESCRIPTOR : undefined);
      if (fd === undefined || !descriptors.delete(fd)) return Promise.resolve(null);
      return Promise.resolve({ fd });
    },
  };
}
