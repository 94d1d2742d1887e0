/**
 * Serves requests that come through the link with a bundle's @koa/router and a real Koa application, over Node's own request and
 * response classes without a socket: what a handler writes goes into a stream to the host, which sets the pace.
 */
import { IncomingMessage, ServerResponse, type OutgoingHttpHeaders } from 'node:http';
import { Socket } from 'node:net';
import { PassThrough, type Readable } from 'node:stream';
import type { KoaRouterLike } from '@sluice/sdk';
import Koa from 'koa';
import type { TunnelHead, TunnelReply } from '../http-tunnel.js';
import type { ExportedRouter } from './exported-routes.js';

type Settle = { resolve(reply: TunnelReply | null): void; reject(error: unknown): void };

/** What is kept of a request beside Node's objects. */
interface Carrier extends IncomingMessage {
  facts?: TunnelHead;
  abortSignal?: AbortSignal;
}

/** Makes the function that serves the requests of one router. A reply of null: the router has no answer to this path. */
export function tunnelServer(router: KoaRouterLike): ExportedRouter['serve'] {
  const app = new Koa();
  describeClient(app);
  const settles = new WeakMap<ServerResponse, Settle>();
  // What fails after the answer has begun; before, the error goes to the host.
  app.on('error', () => undefined);
  const dispatch = router.routes();
  app.use(async (context) => {
    const settle = settles.get(context.res) as Settle;
    (context as { newRouterPath?: string | undefined }).newRouterPath = (context.req as Carrier).facts?.routerPath;
    try {
      await dispatch(context, () => Promise.resolve());
    } catch (error) {
      context.respond = false;
      if (context.res.headersSent) context.res.destroy();
      else settle.reject(error);
      return;
    }
    if (context.status !== 404 || (context.body !== null && context.body !== undefined) || context.res.headersSent) return;
    context.respond = false;
    settle.resolve(null);
  });
  const callback = app.callback();
  return (head, body, signal) =>
    new Promise((resolve, reject) => {
      const request = incoming(head, body as Readable | null, signal);
      const response = new TunnelResponse(request, resolve, signal);
      settles.set(response, { resolve, reject });
      void callback(request, response);
    });
}

function incoming(head: TunnelHead, body: Readable | null, signal: AbortSignal): IncomingMessage {
  const request: Carrier = new IncomingMessage(new Socket());
  request.method = head.method;
  request.url = head.url;
  request.httpVersion = '1.1';
  request.httpVersionMajor = 1;
  request.httpVersionMinor = 1;
  Object.assign(request.headers, head.headers);
  request.facts = head;
  request.abortSignal = signal;
  (request as { originalUrl?: string }).originalUrl = head.originalUrl;
  if (body === null) {
    request.push(null);
    return request;
  }
  // Node's class reads nothing by itself; the source follows its pace.
  request._read = () => void body.resume();
  body.on('data', (chunk: Buffer) => {
    if (!request.push(chunk)) body.pause();
  });
  body.once('end', () => {
    request.complete = true;
    request.push(null);
  });
  body.once('error', (error) => request.destroy(error));
  request.once('close', () => body.destroy());
  return request;
}

/** A response whose head and body go to the host. */
class TunnelResponse extends ServerResponse {
  readonly #told: (reply: TunnelReply) => void;
  #stream: PassThrough | null = null;
  #isTold = false;

  constructor(request: IncomingMessage, told: (reply: TunnelReply) => void, signal: AbortSignal) {
    super(request);
    this.#told = told;
    this.sendDate = false;
    signal.addEventListener('abort', () => this.destroy(), { once: true });
  }

  override write(chunk: unknown, encoding?: unknown, callback?: unknown): boolean {
    const stream = this.#begin();
    const done = typeof encoding === 'function' ? encoding : callback;
    return stream.write(bytesOf(chunk, encoding), done as () => void);
  }

  override end(chunk?: unknown, encoding?: unknown, callback?: unknown): this {
    if (this.finished) return this;
    const done = [chunk, encoding, callback].find((one) => typeof one === 'function') as (() => void) | undefined;
    const last = chunk === undefined || chunk === null || typeof chunk === 'function' ? null : bytesOf(chunk, encoding);
    this.finished = true;
    const finish = (): void => {
      this.emit('finish');
      this.emit('close');
      done?.();
    };
    if (this.#isTold) {
      this.#stream?.once('finish', finish);
      if (last === null) this.#stream?.end();
      else this.#stream?.end(last);
      return this;
    }
    this.#tell(last);
    queueMicrotask(finish);
    return this;
  }

  override flushHeaders(): void {
    this.#begin();
  }

  override destroy(error?: Error): this {
    this.destroyed = true;
    this.#stream?.destroy(error ?? new Error('the answer was cut'));
    this.emit('close');
    return this;
  }

  #begin(): PassThrough {
    if (this.#stream !== null) return this.#stream;
    const stream = new PassThrough();
    this.#stream = stream;
    stream.on('drain', () => this.emit('drain'));
    // The host gave the stream up: the client went away.
    stream.once('close', () => {
      if (!this.finished) this.emit('close');
    });
    this.#tell(stream);
    return stream;
  }

  #tell(body: Uint8Array | Readable | null): void {
    this.#isTold = true;
    if (!this.headersSent) this.writeHead(this.statusCode);
    this.#told({ status: this.statusCode, statusMessage: this.statusMessage, headers: textsOf(this.getHeaders()), body });
  }
}

function bytesOf(chunk: unknown, encoding: unknown): Uint8Array {
  return typeof chunk === 'string'
    ? Buffer.from(chunk, typeof encoding === 'string' ? (encoding as BufferEncoding) : 'utf8')
    : (chunk as Uint8Array);
}

function textsOf(headers: OutgoingHttpHeaders): Record<string, string | string[]> {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) => (value === undefined ? [] : [[name, Array.isArray(value) ? value : String(value)]])),
  );
}

// As the http bundle tells handlers of inline bundles.
function describeClient(app: Koa): void {
  const ofRequest = (read: (carrier: Carrier) => unknown): PropertyDescriptor => ({
    configurable: true,
    get(this: { req: Carrier }) {
      return read(this.req);
    },
  });
  Object.defineProperties(app.request, {
    ip: ofRequest(({ facts }) => facts?.remoteAddress),
    ips: ofRequest(({ facts }) => [facts?.remoteAddress]),
    protocol: ofRequest(({ facts }) => (facts?.isSecure === true ? 'https' : 'http')),
  });
  Object.defineProperties(app.context, {
    requestId: ofRequest(({ facts }) => facts?.requestId),
    signal: ofRequest(({ abortSignal }) => abortSignal),
  });
}
