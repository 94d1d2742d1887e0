/**
 * One HTTP(S) server that never listens: connections accepted elsewhere are handed to it. So the port can be given to a successor, or
 * closed, while running requests end in peace (`server.close()` would cut idle connections at once).
 * Always holds: once it leaves, each further answer closes its connection; once retired, it is gone with its last connection.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import type { Socket } from 'node:net';
import type { SecureContextOptions } from 'node:tls';
import { PROBLEM_TYPE, problemText, type Problem } from '../domain/problem.js';
import type { Limits } from '../domain/settings.js';

/** Listener of requests. */
export type HandleRequest = (request: IncomingMessage, response: ServerResponse) => void;

/** What a successor takes over of a server that still has connections. Plain Node objects: nothing of the old revision hangs on them. */
export interface ServerRemains {
  readonly server: Server | TlsServer;
  /** Open connections, each with what its owner does when it closes. */
  readonly sockets: Map<Socket, () => void>;
}

const HANDSHAKE_TIMEOUT_MS = 10_000;
const CHECK_INTERVAL_MAX_MS = 5_000;

/** A server for connections accepted elsewhere. */
export class WebServer {
  readonly #server: Server | TlsServer;
  readonly #sockets: Map<Socket, () => void>;
  #leaving = false;
  #retired = false;
  #emptied: () => void = () => {};

  private constructor(remains: ServerRemains, handle: HandleRequest) {
    this.#server = remains.server;
    this.#sockets = remains.sockets;
    const listener: HandleRequest = (request, response) => {
      if (this.#leaving) response.setHeader('connection', 'close');
      handle(request, response);
    };
    // `checkContinue`: whether the body is wanted is decided before the client is told to send it.
    for (const event of ['request', 'checkContinue'] as const) this.#server.removeAllListeners(event).on(event, listener);
    this.#server.removeAllListeners('clientError').on('clientError', answerClientError);
    for (const [socket, closed] of this.#sockets) {
      socket.removeListener('close', closed);
      this.#watch(socket);
    }
  }

  /** @param tls undefined for plain HTTP. */
  static create(limits: Limits, tls: SecureContextOptions | undefined, handle: HandleRequest): WebServer {
    const options = {
      maxHeaderSize: limits.headerBytesMax,
      headersTimeout: limits.headersTimeoutMs,
      requestTimeout: Math.max(limits.receiveTimeoutMs, limits.headersTimeoutMs),
      keepAliveTimeout: limits.keepAliveTimeoutMs,
      connectionsCheckingInterval: Math.min(CHECK_INTERVAL_MAX_MS, Math.ceil(limits.headersTimeoutMs / 4)),
      // Checked by the handler, which can answer with a problem document.
      requireHostHeader: false,
    };
    const server =
      tls === undefined ? createServer(options) : createTlsServer({ ...options, ...tls, handshakeTimeout: HANDSHAKE_TIMEOUT_MS });
    // Node starts to watch the time limits of connections when a server begins to listen, and this one never does.
    server.emit('listening');
    return new WebServer({ server, sockets: new Map() }, handle);
  }

  /** Takes over the connections of a predecessor's server. Each is closed with its next answer. */
  static takeOver(remains: ServerRemains, handle: HandleRequest): WebServer {
    const web = new WebServer(remains, handle);
    web.retire();
    return web;
  }

  get isTls(): boolean {
    return 'setSecureContext' in this.#server;
  }

  /** Open connections. */
  get connections(): number {
    return this.#sockets.size;
  }

  /** What a successor needs to go on serving the open connections. */
  get remains(): ServerRemains {
    return { server: this.#server, sockets: this.#sockets };
  }

  /** Serves a connection. */
  accept(socket: Socket): void {
    this.#watch(socket);
    this.#server.emit('connection', socket);
  }

  #watch(socket: Socket): void {
    const closed = (): void => {
      this.#sockets.delete(socket);
      this.#closeWhenEmpty();
    };
    this.#sockets.set(socket, closed);
    socket.once('close', closed);
  }

  /** New certificates for new connections. Throws when they cannot be used. */
  renewCertificates(tls: SecureContextOptions): void {
    (this.#server as TlsServer).setSecureContext(tls);
  }

  /** From now on each answer closes its connection. */
  leave(): void {
    this.#leaving = true;
  }

  /** Leaves, and with the last connection the server is gone. */
  retire(): void {
    this.leave();
    this.#retired = true;
    this.#closeWhenEmpty();
  }

  /** Resolves when a retired server has no connection any more. */
  whenEmpty(): Promise<void> {
    return this.#sockets.size === 0 ? Promise.resolve() : new Promise((resolve) => (this.#emptied = resolve));
  }

  // Ends the timer with which Node watches the time limits; without that it would keep the server for ever.
  #closeWhenEmpty(): void {
    if (!this.#retired || this.#sockets.size > 0) return;
    this.#server.close();
    this.#emptied();
  }

  /** Closes every connection. */
  destroy(): void {
    this.#retired = true;
    this.#server.close();
    for (const socket of this.#sockets.keys()) socket.destroy();
  }
}

const CLIENT_ERRORS: Readonly<Record<string, Problem>> = {
  HPE_HEADER_OVERFLOW: { status: 431, code: 'HEADERS_TOO_LARGE', detail: 'The request head is too large' },
  ERR_HTTP_REQUEST_TIMEOUT: { status: 408, code: 'REQUEST_INCOMPLETE', detail: 'The request did not arrive completely in time' },
};

const STATUS_TEXT: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  408: 'Request Timeout',
  431: 'Request Header Fields Too Large',
};

/** Answers what is no request. The connection is of no use after that. */
function answerClientError(error: NodeJS.ErrnoException, socket: Socket & { _httpMessage?: { _headerSent?: boolean } }): void {
  // An answer may already be on its way over this connection; bytes in the middle of it would be worse than none (Node's own check).
  if (error.code === 'ECONNRESET' || error.code?.startsWith('ERR_SSL') || !socket.writable || socket._httpMessage?._headerSent) {
    socket.destroy();
    return;
  }
  const problem = CLIENT_ERRORS[error.code ?? ''] ?? { status: 400, code: 'REQUEST_MALFORMED', detail: 'What arrived is no HTTP request' };
  const text = problemText(problem, 'unknown');
  socket.end(
    `HTTP/1.1 ${problem.status} ${STATUS_TEXT[problem.status]}\r\nContent-Type: ${PROBLEM_TYPE}\r\nContent-Length: ${Buffer.byteLength(text)}\r\nConnection: close\r\n\r\n${text}`,
  );
}
