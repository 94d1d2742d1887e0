/**
 * Serves typed routes: reads and checks the input, calls the handler, checks and writes the answer. Goes around Koa, which would add
 * nothing here but its price.
 * Always holds: a handler never sees input its schemas do not allow, and no answer leaves that its schemas do not allow.
 */
import { parse as parseQuery } from 'node:querystring';
import { pipeline, type Readable } from 'node:stream';
import { SluiceError, type HttpMethod, type RouteReply, type RouteRequest } from '@sluice/sdk';
import type { Problem } from '../domain/problem.js';
import { queryOf, traceIdOf } from '../domain/request-facts.js';
import { encodeBigints } from '../domain/schema-values.js';
import type { CompiledSchema, InputMistake } from '../domain/schema-cache.js';
import { readParams, type TypedRoute } from '../domain/typed-route.js';
import { readJson } from './body.js';
import type { Exchange } from './exchange.js';

/** What a handler is given. Signal and headers are made only when asked for. */
class TypedRequest implements RouteRequest {
  readonly method: HttpMethod;
  readonly path: string;
  readonly params: any;
  readonly query: any;
  readonly body: undefined;
  readonly requestId: string;
  readonly remoteAddress: string;
  readonly #exchange: Exchange;

  constructor(exchange: Exchange, input: { params: unknown; query: unknown; body: unknown }) {
    this.#exchange = exchange;
    this.method = exchange.method as HttpMethod;
    this.path = exchange.path;
    this.requestId = exchange.requestId;
    this.remoteAddress = exchange.remoteAddress;
    this.params = input.params;
    this.query = input.query;
    this.body = input.body as undefined;
  }

  get headers(): Readonly<Record<string, string | string[] | undefined>> {
    const { headers } = this.#exchange.request;
    if (headers['traceparent'] === undefined || traceIdOf(headers['traceparent']) !== undefined) return headers;
    // A trace context that cannot be read must be ignored, and its state with it.
    const { traceparent: _ignored, tracestate: _state, ...rest } = headers;
    return rest;
  }

  get signal(): AbortSignal {
    return this.#exchange.signal;
  }
}

/**
 * Serves one request. Resolves when the handler has returned and the answer is handed to the connection.
 * Rejects with what the handler threw, and with a `SluiceError` for an answer its schemas do not allow.
 */
export async function serveTyped(exchange: Exchange, route: TypedRoute, path: string, bodyBytesMax: number): Promise<void> {
  const mistakes: InputMistake[] = [];
  const params = decoded(route.paramsSchema, readParams(route, path), '/params', mistakes);
  const queryText = queryOf(exchange.request.url ?? '');
  const query = decoded(route.querySchema, queryText === '' ? {} : parseQuery(queryText), '/query', mistakes);
  if (route.headersSchema !== undefined) route.headersSchema.check(pick(exchange, route.headerNames), '/headers', mistakes);
  let body: unknown;
  if (route.bodySchema !== undefined) {
    const outcome = await readJson(exchange, route.definition.bodyBytesMax ?? bodyBytesMax);
    if (outcome.kind === 'gone') return;
    if (outcome.kind === 'refused') return exchange.answerProblem(outcome.problem);
    body = decoded(route.bodySchema, outcome.value, '/body', mistakes);
  }
  if (mistakes.length > 0) return exchange.answerProblem(inputProblem(mistakes));
  const reply = await route.definition.handler(new TypedRequest(exchange, { params, query, body }));
  if (!exchange.isAnswered) writeReply(exchange, route, reply);
}

function decoded(schema: CompiledSchema | undefined, value: unknown, where: string, mistakes: InputMistake[]): unknown {
  if (schema === undefined) return value;
  // Absent and wrong are different mistakes, and `undefined` has no JSON type to speak of.
  if (value === undefined) return void (schema.check(null, where, []) || mistakes.push({ path: where, message: 'is required' }));
  if (!schema.check(value, where, mistakes)) return undefined;
  return schema.decode === null ? value : schema.decode(value);
}

function pick(exchange: Exchange, names: readonly string[]): Record<string, unknown> {
  const picked: Record<string, unknown> = {};
  for (const name of names) {
    const value = exchange.request.headers[name];
    if (value !== undefined) picked[name] = value;
  }
  return picked;
}

function inputProblem(mistakes: readonly InputMistake[]): Problem {
  return {
    status: 422,
    code: 'INPUT_INVALID',
    detail: mistakes.length === 1 ? 'The request has a mistake' : `The request has ${mistakes.length} mistakes`,
    errors: mistakes,
  };
}

function writeReply(exchange: Exchange, route: TypedRoute, reply: RouteReply): void {
  const { response } = exchange;
  const schema = route.replies.get(reply.status);
  if (schema === undefined) throw undeclared(route, reply.status);
  const payload = payloadOf(route, schema, reply);
  response.statusCode = reply.status;
  if (reply.headers !== undefined) for (const [name, value] of Object.entries(reply.headers)) response.setHeader(name, value);
  if (payload === null) {
    if (reply.status !== 204 && reply.status !== 304) response.setHeader('content-length', 0);
    response.end();
    return;
  }
  if (!response.hasHeader('content-type')) response.setHeader('content-type', payload.contentType);
  if (payload.kind === 'stream') {
    if (exchange.method === 'HEAD') {
      payload.stream.destroy();
      response.end();
      return;
    }
    // The client of an event stream waits for the head, which may be long before the first event.
    response.flushHeaders();
    pipeline(payload.stream, response, (error) => error && cutStream(exchange, error));
    return;
  }
  response.setHeader('content-length', Buffer.byteLength(payload.content));
  response.end(exchange.method === 'HEAD' ? undefined : payload.content);
}

type Payload =
  | { readonly kind: 'content'; readonly content: string | Uint8Array; readonly contentType: string }
  | { readonly kind: 'stream'; readonly stream: Readable; readonly contentType: string };

const JSON_CONTENT = 'application/json; charset=utf-8';
const BYTES_CONTENT = 'application/octet-stream';

function payloadOf(route: TypedRoute, schema: CompiledSchema, reply: RouteReply): Payload | null {
  const { body } = reply;
  if (body instanceof Uint8Array) return { kind: 'content', content: body, contentType: BYTES_CONTENT };
  if (isStream(body)) return { kind: 'stream', stream: body, contentType: BYTES_CONTENT };
  const value = schema.hasBigint ? encodeBigints(body) : body;
  const mistakes: InputMistake[] = [];
  if (!schema.check(value === undefined ? null : value, '/body', mistakes)) throw invalid(route, reply.status, mistakes);
  if (value === undefined || reply.status === 204 || reply.status === 304) return null;
  const declared = typeof value === 'string' ? contentTypeOf(reply) : undefined;
  if (declared !== undefined && !declared.includes('json')) return { kind: 'content', content: value as string, contentType: declared };
  return { kind: 'content', content: JSON.stringify(value), contentType: JSON_CONTENT };
}

function contentTypeOf(reply: RouteReply): string | undefined {
  return Object.entries(reply.headers ?? {}).find(([name]) => name.toLowerCase() === 'content-type')?.[1];
}

function isStream(value: unknown): value is Readable {
  return typeof value === 'object' && value !== null && typeof (value as { pipe?: unknown }).pipe === 'function';
}

// The client going away ends a stream early, and is nobody's fault.
function cutStream(exchange: Exchange, error: NodeJS.ErrnoException): void {
  if (error.code !== 'ERR_STREAM_PREMATURE_CLOSE') exchange.markFailed();
  exchange.response.destroy();
}

function undeclared(route: TypedRoute, status: number): SluiceError {
  const { operationId } = route.definition;
  return new SluiceError('ROUTE_REPLY_UNDECLARED', `Route '${operationId}' answered ${status}, which its schemas do not list`, {
    details: { operationId, status, declared: [...route.replies.keys()] },
    remedy: `Add ${status} to schemas.responses of the route.`,
  });
}

function invalid(route: TypedRoute, status: number, mistakes: readonly InputMistake[]): SluiceError {
  const { operationId } = route.definition;
  const [first] = mistakes;
  return new SluiceError(
    'ROUTE_REPLY_INVALID',
    `Route '${operationId}' answered ${status} with a body its schema does not allow: ${first?.path ?? '/body'} ${first?.message ?? ''}`,
    { details: { operationId, status, mistakes }, remedy: 'Correct the handler, or the schema in schemas.responses.' },
  );
}
