/** A set of routes as it is told to the host: typed routes as data with their handlers. */
import { SluiceError, type RouteSet } from '@sluice/sdk';

/** Makes what the host registers as `Routes` in the bundle's name. */
export function exportedRoutes(set: RouteSet): Record<string, unknown> {
  const { routes = [], staticFiles, title, router } = set;
  if (router !== undefined) {
    throw new SluiceError('ISOLATION_ROUTER_REFUSED', 'An @koa/router cannot be served from another isolation tier yet', {
      remedy: 'Declare the routes with `route()`.',
    });
  }
  return {
    routes: routes.map((route) => ({ ...route, handler: (request: never) => route.handler(request) })),
    ...(staticFiles === undefined ? {} : { staticFiles }),
    ...(title === undefined ? {} : { title }),
  };
}
