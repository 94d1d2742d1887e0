/**
 * An @koa/router of a guest as the http bundle gets it: a router with the same paths, each of which hands the whole request over. Which
 * middleware and routes run is decided by the router in the guest, once.
 */
import type { Readable } from 'node:stream';
import type { KoaRouterLike } from '@sluice/sdk';
import type { ExportedRouter } from './guest/exported-routes.js';
import type { TunnelHead } from './http-tunnel.js';

/** What is used of a Koa context. */
interface Context {
  readonly method: string;
  readonly url: string;
  readonly originalUrl: string;
  readonly protocol: string;
  readonly ip: string;
  readonly requestId: string;
  readonly signal: AbortSignal;
  readonly headers: TunnelHead['headers'];
  readonly req: Readable;
  readonly res: { statusMessage: string };
  readonly path: string;
  status: number;
  body: unknown;
  set(headers: Readonly<Record<string, string | string[]>>): void;
}

type Router = KoaRouterLike & {
  register(path: string | RegExp, methods: readonly string[], handler: (context: Context) => Promise<void>, options: object): unknown;
};

/** Makes the router. @param mount where it hangs, without a slash at the end. */
export function forwardedRouter({ layers, serve }: ExportedRouter, mount: string): KoaRouterLike {
  // Loaded when a bundle of another tier has one.
  const KoaRouter = (require('@koa/router') as { default: new () => Router }).default;
  const router = new KoaRouter();
  for (const { path, methods, name, sensitive, strict } of layers) {
    router.register(path, methods, (context) => forward(context, serve, mount), { sensitive, strict, ...(name === null ? {} : { name }) });
  }
  return router;
}

async function forward(context: Context, serve: ExportedRouter['serve'], mount: string): Promise<void> {
  const reply = await serve(headOf(context, mount), hasBody(context) ? context.req : null, context.signal);
  // No route of the guest's router answered: what is left is what an inline router leaves.
  if (reply === null) return;
  context.status = reply.status;
  if (reply.statusMessage !== '') context.res.statusMessage = reply.statusMessage;
  context.body = reply.body instanceof Uint8Array ? Buffer.from(reply.body.buffer, reply.body.byteOffset, reply.body.length) : reply.body;
  // After the body: Koa derives a type and a length from it.
  context.set(reply.headers);
}

function headOf(context: Context, mount: string): TunnelHead {
  const { method, url, originalUrl, path, headers, requestId, ip, protocol } = context;
  const routerPath = path.startsWith(mount) ? path.slice(mount.length) || '/' : path;
  return { method, url, originalUrl, routerPath, headers: { ...headers }, requestId, remoteAddress: ip, isSecure: protocol === 'https' };
}

function hasBody({ headers }: Context): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}
