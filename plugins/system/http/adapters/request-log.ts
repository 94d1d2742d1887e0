/** What may be logged of a request: the route, never the path, which may hold an account number. */
import { joinPath } from '../domain/path.js';
import { traceIdOf } from '../domain/request-facts.js';
import type { Exchange } from './exchange.js';

/** Fields of a log record about a request. */
export function describeRequest(exchange: Exchange): Record<string, unknown> {
  const { hit, method, requestId, request } = exchange;
  const traceId = traceIdOf(request.headers['traceparent']);
  const identity = { requestId, ...(traceId === undefined ? {} : { traceId }), method };
  if (hit === null) return identity;
  const { bundle, version } = hit.set.identity;
  return { ...identity, bundle, version, route: routeOf(exchange) };
}

function routeOf({ hit }: Exchange): string {
  if (hit === null) return '';
  const { mount } = hit.set.identity;
  if (hit.kind === 'typed') return joinPath(mount, hit.route.definition.path);
  const layer = hit.kind === 'router' ? hit.match.matched.findLast(({ methods }) => methods.length > 0) : undefined;
  return layer === undefined ? joinPath(mount, '/') : joinPath(mount, String(layer.path));
}
