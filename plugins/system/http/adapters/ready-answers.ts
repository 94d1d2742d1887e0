/** Answers that need no bundle code: static files, OpenAPI documents, preflights, and what is said where nothing is served. They begin no entry. */
import { RETRY_AFTER_SECONDS, type Problem } from '../domain/problem.js';
import { isOriginAllowed, preflightHeaders } from '../domain/request-facts.js';
import type { RouteTable } from '../domain/route-table.js';
import type { CorsConfig } from '../domain/settings.js';
import { isUnchanged, type StaticFile } from '../domain/static-files.js';
import type { Exchange } from './exchange.js';

/** Answers a file, or that the client's copy is still good. */
export function answerFile(exchange: Exchange, file: StaticFile): void {
  const { response, request } = exchange;
  response.setHeader('etag', file.etag);
  // Asked again each time, answered with 304: a swap shows at once and costs next to nothing.
  response.setHeader('cache-control', 'no-cache');
  if (isUnchanged(file, request.headers['if-none-match'])) {
    response.statusCode = 304;
    response.end();
    return;
  }
  response.statusCode = 200;
  response.setHeader('content-type', file.contentType);
  response.setHeader('content-length', file.bytes.byteLength);
  response.end(exchange.method === 'HEAD' ? undefined : file.bytes);
}

/** Answers an OpenAPI document. */
export function answerDocument(exchange: Exchange, text: string): void {
  const { response } = exchange;
  response.statusCode = 200;
  response.setHeader('cache-control', 'no-cache');
  response.setHeader('content-type', 'application/json; charset=utf-8');
  response.setHeader('content-length', Buffer.byteLength(text));
  response.end(exchange.method === 'HEAD' ? undefined : text);
}

/** Answers the question a browser asks before a script of another origin may go on. False when this is no such question. */
export function answerPreflight(exchange: Exchange, cors: CorsConfig, allowed: readonly string[]): boolean {
  const { response } = exchange;
  const { origin, 'access-control-request-method': wanted } = exchange.request.headers;
  if (origin === undefined || wanted === undefined || allowed.length === 0 || !isOriginAllowed(cors, origin)) return false;
  for (const [name, value] of preflightHeaders(cors, allowed)) response.setHeader(name, value);
  response.statusCode = 204;
  response.end();
  return true;
}

const IMPLEMENTED: ReadonlySet<string> = new Set(['HEAD', 'OPTIONS', 'GET', 'PUT', 'PATCH', 'POST', 'DELETE']);

/**
 * What @koa/router's allowedMethods() says where no route answered, as a problem document.
 * @param allowed methods the path can be asked with.
 * @param isComplete false while the system starts or stops.
 * @returns null when OPTIONS was answered.
 */
export function unansweredProblem(exchange: Exchange, table: RouteTable, allowed: readonly string[], isComplete = true): Problem | null {
  const { method, path, response } = exchange;
  const allow = { allow: allowed.join(', ') };
  if (!IMPLEMENTED.has(method)) {
    return { status: 501, code: 'METHOD_UNKNOWN', detail: `Method ${method} is not implemented`, headers: allow };
  }
  if (allowed.length > 0 && method === 'OPTIONS') {
    response.statusCode = 200;
    response.setHeader('allow', allow.allow);
    response.setHeader('content-length', 0);
    response.end();
    return null;
  }
  if (allowed.length > 0 && !allowed.includes(method)) {
    const detail = `${path} cannot be asked with ${method}`;
    return { status: 405, code: 'METHOD_NOT_ALLOWED', detail, details: { allowed }, headers: allow };
  }
  // A handler that was asked and left the answer open: what it looked for does not exist.
  if (allowed.length > 0) return { status: 404, code: 'NOT_FOUND', detail: `Nothing was found at ${path}` };
  return unknownProblem(path, table, isComplete);
}

function unknownProblem(path: string, table: RouteTable, isComplete: boolean): Problem {
  // While bundles are brought up or down, what is not served now is not unknown.
  if (table.isEmpty || !isComplete) {
    const headers = { 'retry-after': String(RETRY_AFTER_SECONDS) };
    return { status: 503, code: 'NOTHING_SERVED', detail: 'No bundle serves routes now: the system is starting or stopping', headers };
  }
  const nearest = table.nearest(path);
  return {
    status: 404,
    code: 'ROUTE_UNKNOWN',
    detail: `Nothing is served at ${path}`,
    ...(nearest === undefined ? {} : { details: { nearest }, remedy: `Did you mean '${nearest}'?` }),
  };
}
