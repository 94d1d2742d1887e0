/** Small decisions about request headers: request id, trace context, cross-origin access. Pure. */
import type { CorsConfig } from './settings.js';

type Header = string | readonly string[] | undefined;

const REQUEST_ID = /^[\w.:+/=-]{1,128}$/;
const TRACE_PARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?$/;
const ZEROS = /^0+$/;

/** The client's request id when it is one we can log and answer safely. */
export function acceptRequestId(header: Header): string | undefined {
  return typeof header === 'string' && REQUEST_ID.test(header) ? header : undefined;
}

/** Trace id of a valid W3C `traceparent` (Trace Context, section 3.2); undefined when it must be ignored. */
export function traceIdOf(traceparent: Header): string | undefined {
  if (typeof traceparent !== 'string') return undefined;
  const match = TRACE_PARENT.exec(traceparent);
  if (match === null) return undefined;
  const [, version = '', traceId = '', parentId = '', more] = match;
  if (version === 'ff' || ZEROS.test(traceId) || ZEROS.test(parentId)) return undefined;
  return version === '00' && more !== undefined ? undefined : traceId;
}

/** True when a script of this origin may use the API. */
export function isOriginAllowed(cors: CorsConfig, origin: string): boolean {
  return cors.origins.includes(origin) || cors.origins.includes('*');
}

/** Headers for an answer to a script of another origin; none when it is not allowed. */
export function corsHeaders(cors: CorsConfig, origin: string): readonly (readonly [string, string])[] {
  if (cors.origins.length === 0) return [];
  if (!isOriginAllowed(cors, origin)) return [['vary', 'Origin']];
  // With credentials a wildcard is not allowed to browsers, so the origin is always named.
  const named = cors.credentials || !cors.origins.includes('*');
  return [
    ['access-control-allow-origin', named ? origin : '*'],
    ...(named ? ([['vary', 'Origin']] as const) : []),
    ...(cors.credentials ? ([['access-control-allow-credentials', 'true']] as const) : []),
    ['access-control-expose-headers', 'X-Request-Id, Retry-After, Location'],
  ];
}

/** Further headers for the answer to a preflight request. */
export function preflightHeaders(cors: CorsConfig, methods: readonly string[]): readonly (readonly [string, string])[] {
  return [
    ['access-control-allow-methods', methods.join(', ')],
    ['access-control-allow-headers', cors.headers.join(', ')],
    ['access-control-max-age', String(cors.maxAgeSeconds)],
  ];
}

/** Path of a request target without the query. Null for what is neither a path nor an absolute http URL. */
export function pathOf(target: string): string | null {
  if (target.charCodeAt(0) === 47) {
    const query = target.indexOf('?');
    const path = query === -1 ? target : target.slice(0, query);
    const fragment = path.indexOf('#');
    return fragment === -1 ? path : path.slice(0, fragment);
  }
  if (target === '*') return target;
  const match = /^https?:\/\/[^/?#]+([^?#]*)/i.exec(target);
  return match === null ? null : match[1] || '/';
}

/** The query of a request target, without its question mark. */
export function queryOf(target: string): string {
  const query = target.indexOf('?');
  if (query === -1) return '';
  const fragment = target.indexOf('#', query);
  return target.slice(query + 1, fragment === -1 ? undefined : fragment);
}
