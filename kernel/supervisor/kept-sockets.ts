/**
 * The sockets of a supervisor. It binds them and never listens: the first kernel that is given one does, and from then on the operating
 * system queues connections while no kernel accepts. (To listen would be to accept: Node does both with one call.)
 * Node has no public way to bind a socket and leave it at that; the one its cluster module uses is used here.
 */
import net from 'node:net';
import { getSystemErrorName } from 'node:util';
import { SluiceError } from '@sluice/sdk';

/** A handle that can be sent to a child process. */
interface SocketHandle {
  getsockname(found: { port?: number }): number;
  close(): void;
}

type CreateHandle = (host: string, port: number, family: 4 | 6) => SocketHandle | number;

/** Sockets by address. */
export class KeptSockets {
  readonly #sockets = new Map<string, SocketHandle>();
  #asked = new Set<string>();

  /**
   * The socket of an address, opened when asked for the first time.
   * @throws SluiceError `LISTEN_FAILED`
   */
  take(host: string, port: number): object {
    const key = `${host} ${port}`;
    this.#asked.add(key);
    let socket = this.#sockets.get(key);
    if (socket === undefined) {
      socket = open(host, port);
      this.#sockets.set(key, socket);
    }
    return socket;
  }

  /** A new kernel serves: what only its predecessors asked for is closed. */
  closeUnused(): void {
    for (const [key, socket] of this.#sockets) {
      if (this.#asked.has(key)) continue;
      socket.close();
      this.#sockets.delete(key);
    }
  }

  /** A new kernel begins to ask. */
  newKernel(): void {
    this.#asked = new Set();
  }

  /** Closes all. */
  close(): void {
    for (const socket of this.#sockets.values()) socket.close();
    this.#sockets.clear();
  }
}

function open(host: string, port: number): SocketHandle {
  const create = (net as unknown as { _createServerHandle?: CreateHandle })._createServerHandle;
  if (create === undefined) {
    throw new SluiceError('SUPERVISOR_UNSUPPORTED', `Node ${process.version} cannot keep listening sockets for another process`, {
      remedy: 'Pass the sockets with systemd, or start without --supervised.',
    });
  }
  const handle = create(host === 'localhost' ? '127.0.0.1' : host, port, net.isIPv6(host) ? 6 : 4);
  if (typeof handle === 'number') throw listenFailed(host, port, getSystemErrorName(handle));
  // An address in use is told only to whoever listens; a socket that is not bound would then get any port.
  const bound: { port?: number } = {};
  handle.getsockname(bound);
  if (port === 0 || bound.port === port) return handle;
  handle.close();
  throw listenFailed(host, port, 'EADDRINUSE');
}

function listenFailed(host: string, port: number, reason: string): SluiceError {
  return new SluiceError('LISTEN_FAILED', `Cannot listen on ${host}:${port}: ${reason}`, {
    details: { host, port, reason },
    remedy: 'Stop the process that holds the port, or set another one in the configuration of system.http.',
  });
}
