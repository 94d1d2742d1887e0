/** A set of routes as it is told to the host: typed routes as data with their handlers, an @koa/router as its paths and one function. */
import type { KoaRouterLike, RouteSet } from '@sluice/sdk';
import type { TunnelHead, TunnelReply } from '../http-tunnel.js';

/** A router as it is told to the host. */
export interface ExportedRouter {
  readonly layers: readonly {
    readonly path: string | RegExp;
    readonly methods: readonly string[];
    readonly name: string | null;
    readonly sensitive: boolean;
    readonly strict: boolean;
  }[];
  serve(head: TunnelHead, body: NodeJS.ReadableStream | null, signal: AbortSignal): Promise<TunnelReply | null>;
}

interface LayerLike {
  readonly path: string | RegExp;
  readonly methods: readonly string[];
  readonly name?: string | null;
  readonly opts?: { readonly sensitive?: boolean; readonly strict?: boolean };
}

/** Makes what the host registers as `Routes` in the bundle's name. */
export function exportedRoutes({ routes = [], staticFiles, title, router }: RouteSet): Record<string, unknown> {
  return {
    routes: routes.map((route) => ({ ...route, handler: (request: never) => route.handler(request) })),
    ...(router === undefined ? {} : { router: exportedRouter(router) }),
    ...(staticFiles === undefined ? {} : { staticFiles }),
    ...(title === undefined ? {} : { title }),
  };
}

function exportedRouter(router: KoaRouterLike): ExportedRouter {
  // Koa is loaded by the bundles that need it only: it costs a guest some 20 ms.
  const { tunnelServer } = require('./tunnel-server.js') as typeof import('./tunnel-server.js');
  const routed = (router.stack as readonly LayerLike[]).filter(({ methods }) => methods.length > 0);
  return {
    layers: routed.map(({ path, methods, name, opts }) => ({
      path,
      methods: [...methods],
      name: name ?? null,
      sensitive: opts?.sensitive === true,
      strict: opts?.strict === true,
    })),
    serve: tunnelServer(router),
  };
}
