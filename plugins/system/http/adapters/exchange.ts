/**
 * One request and its answer, from arrival until both the answer is over and the bundle's code has returned.
 * Owns ending the entry and leaving the gates, exactly once; whoever serves the request reports through `handlerDone` and `fail`.
 * Always holds: a client that went away does not end the entry while the handler still runs, since the handler goes on calling
 * services of its generation; only a time limit gives up on a handler.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Entry, RequestSpan } from '@sluice/sdk';
import type { Gate } from '../domain/gate.js';
import { PROBLEM_TYPE, problemText, type Problem } from '../domain/problem.js';
import type { Hit } from '../domain/route-set.js';
import type { ClientAddresses } from '../domain/client-address.js';
import type { TLSSocket } from 'node:tls';

/** What an exchange tells its owner. */
export interface ExchangeOwner {
  /** The exchange is over: answer finished or cut, handler returned or given up. */
  ended(exchange: Exchange): void;
}

/** Header names in lower case that survive when a failed handler's own headers are removed. */
const KEPT = /^(x-request-id|vary|access-control-.*|connection)$/;

/** A request being served. */
export class Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly requestId: string;
  /** Path without the query, as it came. */
  readonly path: string;
  readonly method: string;
  /** Place among the requests under way, see `Traffic`. */
  line: { remove(exchange: Exchange): void } | null = null;
  previous: Exchange | null = null;
  next: Exchange | null = null;
  readonly #clients: ClientAddresses;
  hit: Hit | null = null;
  entry: Entry | null = null;
  span: RequestSpan | null = null;
  gates: readonly Gate[] = [];
  startedAt = 0;
  deadline = Infinity;
  /** Headers every answer carries, in lower case. */
  baseHeaders: readonly (readonly [string, string])[] = [];
  #owner: ExchangeOwner | null = null;
  #abort: AbortController | null = null;
  #aborted: unknown;
  #handlerDone = false;
  #answerOver = false;
  #failed = false;
  #ended = false;

  constructor(request: IncomingMessage, response: ServerResponse, facts: { requestId: string; path: string; clients: ClientAddresses }) {
    this.request = request;
    this.response = response;
    this.requestId = facts.requestId;
    this.path = facts.path;
    this.#clients = facts.clients;
    this.method = request.method ?? 'GET';
  }

  /** Begins the entry's life in this exchange. */
  begin(entry: Entry, gates: readonly Gate[], owner: ExchangeOwner, startedAt: number, deadline: number): void {
    this.entry = entry;
    this.gates = gates;
    this.#owner = owner;
    this.startedAt = startedAt;
    this.deadline = deadline;
    this.response.on('close', this.#onAnswerOver);
  }

  /** Address of the client, after trusted proxies. */
  get remoteAddress(): string {
    const { headers, socket } = this.request;
    return this.#clients.addressOf(socket.remoteAddress, headers['x-forwarded-for']);
  }

  /** True when the client speaks TLS, to us or to a trusted proxy. */
  get isSecure(): boolean {
    const { headers, socket } = this.request;
    return this.#clients.isSecure((socket as Partial<TLSSocket>).encrypted ?? false, socket.remoteAddress, headers['x-forwarded-proto']);
  }

  /** Aborted when the client goes away or the time limit passes. Made when first asked for: most handlers never do. */
  get signal(): AbortSignal {
    if (this.#abort === null) {
      this.#abort = new AbortController();
      if (this.#aborted !== undefined) this.#abort.abort(this.#aborted);
    }
    return this.#abort.signal;
  }

  /** True when nobody will read an answer any more, or one was already given. */
  get isAnswered(): boolean {
    return this.response.headersSent || this.response.writableEnded || this.response.destroyed;
  }

  /** True once the bundle's code returned and only the rest of the answer is under way. */
  get isHandlerDone(): boolean {
    return this.#handlerDone;
  }

  get hasFailed(): boolean {
    return this.#failed || this.response.statusCode >= 500;
  }

  abort(reason: unknown): void {
    if (this.#aborted !== undefined) return;
    this.#aborted = reason;
    this.#abort?.abort(reason);
  }

  /** The bundle's code has returned. */
  handlerDone(): void {
    this.#handlerDone = true;
    this.#endIfOver();
  }

  /** Counts against the bundle, whatever the status says. */
  markFailed(): void {
    this.#failed = true;
  }

  /** Waits no longer for the handler (time limit). */
  giveUp(reason: unknown): void {
    this.abort(reason);
    this.markFailed();
    this.handlerDone();
  }

  readonly #onAnswerOver = (): void => {
    this.#answerOver = true;
    if (!this.response.writableFinished) this.abort(new Error('The client closed the connection'));
    this.#endIfOver();
  };

  #endIfOver(): void {
    if (this.#ended || !this.#answerOver || !this.#handlerDone) return;
    this.#ended = true;
    this.#owner?.ended(this);
  }

  /** Answers with a problem document, replacing whatever the handler prepared. Cuts the connection when an answer has begun. */
  answerProblem(problem: Problem): void {
    const { response } = this;
    if (response.headersSent) {
      if (!response.writableEnded) response.destroy();
      return;
    }
    this.dropHandlerHeaders();
    const text = problemText(problem, this.requestId);
    response.statusCode = problem.status;
    for (const [name, value] of Object.entries(problem.headers ?? {})) response.setHeader(name, value);
    response.setHeader('content-type', PROBLEM_TYPE);
    response.setHeader('content-length', Buffer.byteLength(text));
    response.end(this.method === 'HEAD' ? undefined : text);
  }

  /** Removes the headers a failed handler set. */
  dropHandlerHeaders(): void {
    const { response } = this;
    if (response.headersSent) return;
    for (const name of response.getHeaderNames()) {
      if (!KEPT.test(name) && !this.baseHeaders.some(([kept]) => kept === name)) response.removeHeader(name);
    }
  }

  /** Closes the connection after this answer: its rest of the request is not worth reading, or the server stops. */
  closeAfterAnswer(): void {
    if (!this.response.headersSent) this.response.setHeader('connection', 'close');
  }
}
