/**
 * What happens to every request: identify it, find its route, pass the gates, begin an entry, serve, end the entry.
 * Owns the current route table. Always holds: the table is read and the entry begun in the same turn, so a request sees routes and
 * services of one generation; every request is answered, and every entry ended exactly once.
 */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock, EntriesService, Logger, OptionalReference, RequestSpan, TracingService } from '@sluice/sdk';
import { mergedDocument } from '../domain/openapi.js';
import { problemOf, RETRY_AFTER_SECONDS, type Problem } from '../domain/problem.js';
import { acceptRequestId, corsHeaders, pathOf } from '../domain/request-facts.js';
import { DOCUMENT_PATH, type CompiledRouteSet, type Hit } from '../domain/route-set.js';
import { RouteTable } from '../domain/route-table.js';
import type { Settings } from '../domain/settings.js';
import type { Gate, Waiter } from '../domain/gate.js';
import { Exchange } from './exchange.js';
import { createKoa, type ServeKoa } from './koa-app.js';
import { answerDocument, answerFile, answerPreflight, unansweredProblem } from './ready-answers.js';
import { describeRequest } from './request-log.js';
import { StartUpQueue } from './start-up-queue.js';
import { Traffic } from './traffic.js';
import { serveTyped } from './typed.js';

/** What the handler needs from its bundle. */
export interface HandlerHost {
  readonly entries: EntriesService | null;
  readonly clock: Clock;
  readonly log: Logger;
  /** False while the system starts or stops: what is not served then is not unknown. Default: complete. */
  readonly isComplete?: () => boolean;
  /** Makes a span of each request while somebody traces. Default: nobody does. */
  readonly tracing?: OptionalReference<TracingService>;
  /** True while the system starts: what is not served yet may be soon. Default: it does not. */
  readonly isStarting?: () => boolean;
}

interface Waiting extends Waiter {
  readonly exchange: Exchange;
  /** Leaves the queue. */
  abandon(): void;
}

/** Serves requests from a route table. */
export class RequestHandler {
  readonly traffic: Traffic;
  readonly #host: HandlerHost;
  readonly #serveKoa: ServeKoa;
  readonly #waiting = new Set<Waiting>();
  readonly #startUp: StartUpQueue;
  #settings: Settings;
  #table: RouteTable;
  #merged: { readonly table: RouteTable; readonly text: string } | null = null;

  constructor(host: HandlerHost, settings: Settings, table: RouteTable = RouteTable.EMPTY) {
    this.#host = host;
    this.#settings = settings;
    this.#table = table;
    this.traffic = new Traffic(host.clock, (exchange) => this.#expire(exchange));
    this.#startUp = new StartUpQueue(host.clock, (exchange) => this.#dispatch(exchange));
    this.#serveKoa = createKoa({
      failed: (exchange, error) => this.#logFailure(exchange, error),
      unanswered: (exchange, allowed) => unansweredProblem(exchange, this.#table, allowed, this.#host.isComplete?.() ?? true),
    });
  }

  get table(): RouteTable {
    return this.#table;
  }

  /** The switch: every request from now on sees the new table. */
  set table(table: RouteTable) {
    this.#table = table;
    this.traffic.forgetIdle(new Set([...table.sets].map((set) => set.identity.bundle)));
  }

  /** A handler over another table that nobody sees yet. Its requests begin no entries: what they call is staged and has no generation. */
  withTable(table: RouteTable): RequestHandler {
    const { tracing: _nobody, ...host } = this.#host;
    return new RequestHandler({ ...host, entries: null }, this.#settings, table);
  }

  get settings(): Settings {
    return this.#settings;
  }

  /** Takes effect for the next request. */
  set settings(settings: Settings) {
    this.#settings = settings;
  }

  /** Listener for the `request` event of a server. */
  readonly handle = (request: IncomingMessage, response: ServerResponse): void => {
    const { headers } = request;
    const { clients, securityHeaders, cors } = this.#settings;
    const path = pathOf(request.url ?? '/');
    const requestId = acceptRequestId(headers['x-request-id']) ?? randomUUID();
    const exchange = new Exchange(request, response, { requestId, path: path ?? '/', clients });
    exchange.baseHeaders = securityHeaders;
    response.setHeader('x-request-id', exchange.requestId);
    for (const [name, value] of securityHeaders) response.setHeader(name, value);
    const { origin } = headers;
    if (origin !== undefined) for (const [name, value] of corsHeaders(cors, origin)) response.setHeader(name, value);
    const refusal = this.#refuse(exchange, path);
    if (refusal !== null) exchange.answerProblem(refusal);
    else this.#dispatch(exchange);
  };

  #refuse(exchange: Exchange, path: string | null): Problem | null {
    const { headers, httpVersion } = exchange.request;
    if (path === null) return { status: 400, code: 'REQUEST_MALFORMED', detail: 'The request target is neither a path nor an http URL' };
    if (headers.host === undefined && httpVersion === '1.1') {
      return { status: 400, code: 'REQUEST_MALFORMED', detail: 'The Host header is missing' };
    }
    if (headers.upgrade !== undefined && /^websocket$/i.test(headers.upgrade)) {
      exchange.closeAfterAnswer();
      return {
        status: 501,
        code: 'UPGRADE_UNSUPPORTED',
        detail: 'This server does not speak WebSocket',
        remedy: 'Use server-sent events or ordinary requests.',
      };
    }
    return null;
  }

  #dispatch(exchange: Exchange): void {
    const hit = this.#table.find(exchange.path, exchange.method);
    if (hit === null) return this.#answerUnrouted(exchange);
    if (hit.kind === 'file') return answerFile(exchange, hit.file);
    if (hit.kind === 'document') return answerDocument(exchange, hit.set.document());
    exchange.hit = hit;
    const { bundle, version } = hit.set.identity;
    const traffic = this.traffic.bundle(bundle);
    const limit = this.#settings.limits.perBundleMax;
    if (!traffic.gate.hasRoom(limit)) return this.#wait(exchange, traffic.gate, bundle);
    const gates = [traffic.gate];
    const routeMax = hit.kind === 'typed' ? hit.route.definition.concurrencyMax : undefined;
    if (routeMax !== undefined && hit.kind === 'typed') {
      const gate = traffic.routeGate(hit.route.definition.operationId);
      if (!gate.hasRoom(routeMax)) return this.#wait(exchange, gate, bundle);
      gates.push(gate);
    }
    for (const gate of gates) gate.enter();
    this.#begin(exchange, hit, gates, version);
  }

  #begin(exchange: Exchange, hit: Hit, gates: readonly Gate[], version: string): void {
    const { entries, clock } = this.#host;
    const timeoutMs = this.#timeoutOf(hit);
    const startedAt = clock.monotonic();
    const entry = entries?.begin('request', hit.set.identity.bundle, version, timeoutMs) ?? NO_ENTRY;
    exchange.begin(entry, gates, this, startedAt, startedAt + timeoutMs);
    this.traffic.add(exchange, timeoutMs);
    const span = this.#beginSpan(exchange, hit);
    exchange.span = span;
    if (span === null) entry.run(() => this.#serve(exchange, hit));
    else entry.run(() => span.run(() => this.#serve(exchange, hit)));
  }

  #beginSpan(exchange: Exchange, hit: Hit): RequestSpan | null {
    const tracing = this.#host.tracing?.get();
    if (tracing === undefined || !tracing.isActive()) return null;
    const { traceparent, tracestate } = exchange.request.headers;
    const { bundle, version, mount } = hit.set.identity;
    return tracing.request({
      method: exchange.method,
      path: exchange.path,
      route: hit.kind === 'typed' ? `${mount === '/' ? '' : mount}${hit.route.definition.path}`.replace(/(.)\/$/, '$1') : undefined,
      bundle,
      version,
      requestId: exchange.requestId,
      traceparent: typeof traceparent === 'string' ? traceparent : undefined,
      tracestate: typeof tracestate === 'string' ? tracestate : undefined,
    });
  }

  #timeoutOf(hit: Hit): number {
    return (hit.kind === 'typed' ? hit.route.definition.timeoutMs : undefined) ?? this.#settings.limits.requestTimeoutMs;
  }

  #serve(exchange: Exchange, hit: Hit): void {
    const { bodyBytesMax } = this.#settings.limits;
    if (hit.kind !== 'typed') return this.#serveKoa(exchange, bodyBytesMax);
    serveTyped(exchange, hit.route, hit.path, bodyBytesMax).then(
      () => exchange.handlerDone(),
      (error: unknown) => {
        const { problem, hidden } = problemOf(error);
        if (hidden) this.#logFailure(exchange, error);
        exchange.answerProblem(problem);
        exchange.handlerDone();
      },
    );
  }

  /** Called by the exchange, once. */
  ended(exchange: Exchange): void {
    const durationMs = this.#host.clock.monotonic() - exchange.startedAt;
    exchange.entry?.end({ failed: exchange.hasFailed, durationMs });
    exchange.span?.end({ status: exchange.response.statusCode, failed: exchange.hasFailed });
    // First: whoever waited is let in here, so that the traffic does not look idle in between.
    for (const gate of exchange.gates) gate.leave();
    this.traffic.remove(exchange);
  }

  #expire(exchange: Exchange): void {
    const { bundle = '', version } = exchange.hit?.set.identity ?? {};
    const limitMs = exchange.deadline - exchange.startedAt;
    this.#host.log.warn('Request exceeded its time limit', { ...describeRequest(exchange), limitMs });
    // What became of the handler is unknown: when the watchdog ended it, the parser of this connection was ended with it.
    exchange.closeAfterAnswer();
    exchange.answerProblem({
      status: 503,
      code: 'ROUTE_TIMEOUT',
      detail: `'${bundle}' did not answer within ${limitMs} ms`,
      details: { bundle, version, limitMs },
      headers: { 'retry-after': String(RETRY_AFTER_SECONDS) },
    });
    exchange.giveUp(new Error(`Time limit of ${limitMs} ms exceeded`));
  }

  // A waiting request holds neither a table nor an entry: when it is let in, it finds its route anew.
  #wait(exchange: Exchange, gate: Gate, bundle: string): void {
    const { queueMax, queueWaitMs } = this.#settings.limits;
    const busy = (reason: string): void =>
      exchange.answerProblem({
        status: 503,
        code: 'BUNDLE_BUSY',
        detail: `'${bundle}' is serving as many requests as it may, and ${reason}`,
        details: { bundle },
        headers: { 'retry-after': String(RETRY_AFTER_SECONDS) },
      });
    const leave = (): void => {
      timer.cancel();
      this.#waiting.delete(waiter);
      exchange.response.removeListener('close', abandon);
    };
    const abandon = (): void => {
      leave();
      gate.giveUp(waiter);
    };
    const waiter: Waiting = {
      exchange,
      abandon,
      resume: () => {
        leave();
        this.#dispatch(exchange);
      },
    };
    if (!gate.wait(waiter, queueMax)) return busy('the queue is full');
    this.#waiting.add(waiter);
    const timer = this.#host.clock.setTimeout(() => {
      abandon();
      busy(`none ended within ${queueWaitMs} ms`);
    }, queueWaitMs);
    exchange.response.once('close', abandon);
  }

  /** Requests that wait at a gate, taken out of their queues: a successor serves them. */
  takeWaiting(): readonly Exchange[] {
    const waiting = [...this.#waiting];
    for (const { abandon } of waiting) abandon();
    return waiting.map(({ exchange }) => exchange);
  }

  #answerUnrouted(exchange: Exchange): void {
    const { path, method } = exchange;
    if (path === DOCUMENT_PATH && (method === 'GET' || method === 'HEAD')) return answerDocument(exchange, this.#mergedText());
    if (this.#host.isStarting?.() === true && this.#startUp.hold(exchange, this.#settings.limits.queueMax)) return;
    const allowed = this.#table.allowed(path);
    if (method === 'OPTIONS' && answerPreflight(exchange, this.#settings.cors, allowed)) return;
    const problem = unansweredProblem(exchange, this.#table, allowed, this.#host.isComplete?.() ?? true);
    if (problem !== null) exchange.answerProblem(problem);
  }

  #mergedText(): string {
    if (this.#merged?.table !== this.#table) {
      this.#merged = { table: this.#table, text: JSON.stringify(mergedDocument(this.#table.sets)) };
    }
    return this.#merged.text;
  }

  #logFailure(exchange: Exchange, error: unknown): void {
    exchange.markFailed();
    this.#host.log.error('Request failed', { ...describeRequest(exchange), error });
  }

  /** Lets every answer not yet begun close its connection. */
  closeRunning(): void {
    for (const exchange of this.traffic.exchanges()) exchange.closeAfterAnswer();
  }

  /** Tells running streams of removed routes to end: their clients connect again and get the new revision. */
  retireStreams(removed: ReadonlySet<CompiledRouteSet>): void {
    for (const exchange of this.traffic.exchanges()) {
      if (exchange.hit === null || !removed.has(exchange.hit.set) || !exchange.isHandlerDone) continue;
      exchange.abort(new Error('The bundle that serves this stream was replaced'));
      if (String(exchange.response.getHeader('content-type')).startsWith('text/event-stream')) exchange.response.end();
    }
  }
}

const NO_ENTRY = { generation: 0, deadline: Infinity, run: <T>(code: () => T): T => code(), end: (): void => undefined };
