/**
 * The one Koa application. It has one permanent middleware, and is never built anew: what a request runs was decided by the route table
 * before Koa saw it. Serves the routes that bundles declare on an @koa/router.
 */
import type { IncomingMessage } from 'node:http';
import Koa from 'koa';
import { PROBLEM_TYPE, problemOf, problemText, type Problem } from '../domain/problem.js';
import type { RouterContext, RouterLayer } from '../domain/router-match.js';
import { hasBody, limitChunkedBody, refuseBody } from './body.js';
import type { Exchange } from './exchange.js';

const EXCHANGE = Symbol('exchange');

interface Carrier extends IncomingMessage {
  [EXCHANGE]?: Exchange;
}

type Context = Koa.Context & RouterContext & { matched?: readonly RouterLayer[] };

/** What the application needs from outside. */
export interface KoaHooks {
  /** An error that did not come from a handler's decision; told once. */
  failed(exchange: Exchange, error: unknown): void;
  /** The problem for a path that a router did not answer after all. */
  unanswered(exchange: Exchange, allowed: readonly string[]): Problem | null;
}

/** Serves an exchange whose hit is a router, and tells it when the handlers have returned. */
export type ServeKoa = (exchange: Exchange, bodyBytesMax: number) => void;

/** Makes the application. */
export function createKoa(hooks: KoaHooks): ServeKoa {
  const app = new Koa();
  describeClient(app);
  app.use((context) => permanent(context as Context, hooks));
  // Koa comes here for what fails after the middleware: a body that cannot be written as JSON, a stream that breaks.
  const onerror = function (this: Koa.Context, error: unknown): void {
    if (error === null || error === undefined) return;
    const exchange = exchangeOf(this);
    if (!this.res.destroyed) hooks.failed(exchange, error);
    exchange.answerProblem(problemOf(error).problem);
  };
  Object.defineProperty(app.context, 'onerror', { value: onerror });
  const callback = app.callback();
  return (exchange, bodyBytesMax) => {
    const { request, response } = exchange;
    if (hasBody(request)) {
      const refusal = refuseBody(exchange, bodyBytesMax);
      if (refusal !== null) {
        exchange.answerProblem(refusal);
        exchange.handlerDone();
        return;
      }
      limitChunkedBody(exchange, bodyBytesMax);
    }
    (request as Carrier)[EXCHANGE] = exchange;
    // Never rejects: Koa brings every error to `onerror` above.
    void callback(request, response);
  };
}

function exchangeOf(context: Koa.Context): Exchange {
  return (context.req as Carrier)[EXCHANGE] as Exchange;
}

// What handlers ask about a client must respect the trusted proxies of the configuration, which Koa knows nothing of.
function describeClient(app: Koa): void {
  const ofRequest = (read: (exchange: Exchange) => unknown): PropertyDescriptor => ({
    configurable: true,
    get(this: Koa.Request) {
      return read(exchangeOf(this.ctx));
    },
  });
  Object.defineProperties(app.request, {
    ip: ofRequest((exchange) => exchange.remoteAddress),
    ips: ofRequest((exchange) => [exchange.remoteAddress]),
    protocol: ofRequest((exchange) => (exchange.isSecure ? 'https' : 'http')),
  });
  const ofContext = (read: (exchange: Exchange) => unknown): PropertyDescriptor => ({
    configurable: true,
    get(this: Koa.Context) {
      return read(exchangeOf(this));
    },
  });
  Object.defineProperties(app.context, {
    requestId: ofContext((exchange) => exchange.requestId),
    signal: ofContext((exchange) => exchange.signal),
  });
}

function permanent(context: Context, hooks: KoaHooks): Promise<void> {
  const exchange = exchangeOf(context);
  return dispatch(context, exchange).then(
    () => {
      answerIfUnanswered(context, exchange, hooks);
      exchange.handlerDone();
    },
    (error: unknown) => {
      const { problem, hidden } = problemOf(error);
      if (hidden) hooks.failed(exchange, error);
      exchange.dropHandlerHeaders();
      writeProblem(context, exchange, problem);
      exchange.handlerDone();
    },
  );
}

const noNext = (): Promise<undefined> => Promise.resolve(undefined);

function dispatch(context: Context, exchange: Exchange): Promise<unknown> {
  const { hit } = exchange;
  if (hit?.kind === 'router') return hit.router.dispatch(context as RouterContext, hit.match, noNext);
  if (hit?.kind !== 'opaque') return noNext();
  context.newRouterPath = hit.path === '' ? '/' : hit.path;
  try {
    return Promise.resolve(hit.router.routes()(context, noNext));
  } catch (error) {
    return Promise.reject(error as Error);
  }
}

function answerIfUnanswered(context: Context, exchange: Exchange, hooks: KoaHooks): void {
  // The first question is for the many: asking Koa costs several property look-ups.
  if (exchange.response.statusCode !== 404 || context.respond === false || (context.body !== null && context.body !== undefined)) return;
  const methods = (context.matched ?? []).flatMap((layer) => layer.methods);
  const problem = hooks.unanswered(exchange, [...new Set(methods)]);
  if (problem !== null) writeProblem(context, exchange, problem);
}

function writeProblem(context: Context, exchange: Exchange, problem: Problem): void {
  if (exchange.isAnswered) return exchange.answerProblem(problem);
  context.status = problem.status;
  context.set({ ...problem.headers });
  context.type = PROBLEM_TYPE;
  context.body = problemText(problem, exchange.requestId);
}
