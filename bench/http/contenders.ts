/** The servers that are compared. Each answers the same small JSON document at the last of its routes, on a free port. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { createServer, type RequestListener, type Server } from 'node:http';
import Koa from 'koa';
import { Router } from '@koa/router';
import { reply, route, Type, type Logger, type RouteSet, type ServiceView } from '@sluice/sdk';
import { SystemClock } from '@sluice/kernel/host/clock';
import { EntryCounter } from '@sluice/kernel/lifecycle/entries';
import { RequestHandler } from '../../plugins/system/http/adapters/request-handler.js';
import { RoutePublisher } from '../../plugins/system/http/adapters/route-publisher.js';
import { HttpListener } from '../../plugins/system/http/adapters/listener.js';
import { SchemaCache } from '../../plugins/system/http/domain/schema-cache.js';
import { readSettings } from '../../plugins/system/http/domain/settings.js';

const ANSWER = { ok: true, id: '4711', amount: '1500', currency: 'EUR' };

/** A started server. */
export interface Started {
  readonly port: number;
  /** Path of the last route. */
  readonly path: string;
}

type Start = () => Promise<Started>;

/** All contenders by name. */
export const CONTENDERS: Readonly<Record<string, Start>> = {
  bare: () => listen(bare, '/r/1'),
  koa: () => listen(koaAlone(), '/r/1'),
  'koa in async context': () => listen(inAsyncContext(koaAlone()), '/r/1'),
  'koa+router 10': () => listen(koaRouter(10), '/r/9'),
  'koa+router 100': () => listen(koaRouter(100), '/r/99'),
  'koa+router 1000': () => listen(koaRouter(1_000), '/r/999'),
  'ours router 10': () => ours({ router: routerOf(10) }, '/r/9'),
  'ours router 1000': () => ours({ router: routerOf(1_000) }, '/r/999'),
  'ours router 10000': () => ours({ router: routerOf(10_000) }, '/r/9999'),
  'ours typed 10': () => ours({ routes: typedRoutes(10) }, '/r/9'),
  'ours typed 10000': () => ours({ routes: typedRoutes(10_000) }, '/r/9999'),
  'ours 1 bundle of 10': () => oursInBundles(1, 10),
  'ours 1000 bundles of 10': () => oursInBundles(1_000, 10),
};

const bare: RequestListener = (_request, response) => {
  const text = JSON.stringify(ANSWER);
  response.writeHead(200, { 'content-type': 'application/json; charset=utf-8', 'content-length': Buffer.byteLength(text) });
  response.end(text);
};

function koaAlone(): RequestListener {
  const app = new Koa();
  app.use((context) => {
    context.body = ANSWER;
  });
  return listenerOf(app);
}

function inAsyncContext(listener: RequestListener): RequestListener {
  const context = new AsyncLocalStorage<object>();
  return (request, response) => context.run({}, () => listener(request, response));
}

function koaRouter(count: number): RequestListener {
  const app = new Koa();
  const router = routerOf(count);
  app.use(router.routes()).use(router.allowedMethods());
  return listenerOf(app);
}

function listenerOf(app: Koa): RequestListener {
  const callback = app.callback();
  return (request, response) => void callback(request, response);
}

/** A router with many routes of one kind. */
export function routerOf(count: number): Router {
  const router = new Router();
  for (let index = 0; index < count; index += 1) {
    router.get(`/r/${index}`, (context) => {
      context.body = ANSWER;
    });
  }
  return router;
}

const AnswerSchema = Type.Object({ ok: Type.Boolean(), id: Type.String(), amount: Type.String(), currency: Type.String() });

/** Typed routes that share their schemas, as the routes of one bundle usually do. */
export function typedRoutes(count: number): NonNullable<RouteSet['routes']> {
  return Array.from({ length: count }, (_, index) =>
    route({
      method: 'GET',
      path: `/r/${index}`,
      operationId: `read${index}`,
      summary: 'Reads',
      schemas: { responses: { 200: AnswerSchema } },
      handler: () => reply(200, ANSWER),
    }),
  );
}

const silent: Logger = { trace: noop, debug: noop, info: noop, warn: noop, error: noop, child: () => silent };
function noop(): void {
  // A server under load says nothing.
}

/** The http bundle's parts as the activator connects them, with the kernel's own entries (async context on). */
export function parts(): { handler: RequestHandler; publisher: RoutePublisher; clock: SystemClock } {
  const clock = new SystemClock();
  const entries = new EntryCounter(
    clock,
    () => 1,
    () => undefined,
  );
  const handler = new RequestHandler({ entries, clock, log: silent }, readSettings({ port: 0 }));
  return { handler, publisher: new RoutePublisher(handler, new SchemaCache()), clock };
}

/** View of a registered `Routes` service. */
export function viewOf(id: number, mount = '/'): ServiceView {
  const properties = { 'http.mount': mount };
  return {
    id,
    contractId: 'sluice.http.Routes',
    contractVersion: '1.0.0',
    bundle: `bundle${id}`,
    bundleVersion: '1.0.0',
    ranking: 0,
    properties,
  };
}

function ours(service: RouteSet, path: string): Promise<Started> {
  return serving([{ service, view: viewOf(1) }], path);
}

/** Many bundles, each with a mount of its own; the last one is asked. */
function oursInBundles(bundles: number, routes: number): Promise<Started> {
  const sets = Array.from({ length: bundles }, (_, index) => ({
    service: { routes: typedRoutes(routes) },
    view: viewOf(index + 1, `/bundle${index + 1}`),
  }));
  return serving(sets, `/bundle${bundles}/r/${routes - 1}`);
}

async function serving(sets: readonly { readonly service: RouteSet; readonly view: ServiceView }[], path: string): Promise<Started> {
  const { handler, publisher, clock } = parts();
  publisher.publish(await publisher.prepare(sets, []), []);
  const listener = await HttpListener.create(handler, readSettings({ port: 0 }), { log: silent, clock });
  await listener.open();
  return { port: Number(new URL(listener.addresses()[0] ?? '').port), path };
}

async function listen(listener: RequestListener, path: string): Promise<Started> {
  const server: Server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return { port: typeof address === 'object' && address !== null ? address.port : 0, path };
}
