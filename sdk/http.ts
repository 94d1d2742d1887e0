/**
 * Routes after the whiteboard pattern: a bundle registers a {@link RouteSet} as a service, the http bundle serves it.
 * Routes with schemas are validated in and out and described in the bundle's OpenAPI document.
 */
import type { Static, TSchema } from './schema.js';
import { localContract } from './contract.js';
import type { BundleContext } from './context.js';
import type { Registration } from './service.js';

/** HTTP methods a route may have. */
export type HttpMethod = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'HEAD' | 'OPTIONS';

/** The schemas of a route. Bodies are JSON. */
export interface RouteSchemas {
  readonly params?: TSchema;
  readonly query?: TSchema;
  readonly headers?: TSchema;
  readonly body?: TSchema;
  /** Schemas of the answers by status. An answer with a status not listed here is refused as a fault of the bundle. */
  readonly responses: Readonly<Record<number, TSchema>>;
}

type PartOf<S, K extends keyof RouteSchemas> = S extends { readonly [P in K]: infer T extends TSchema } ? Static<T> : undefined;

/** What a typed handler receives: everything already parsed and checked. */
export interface RouteRequest<S extends RouteSchemas = RouteSchemas> {
  readonly method: HttpMethod;
  /** Path with the mount, without the query. */
  readonly path: string;
  readonly params: PartOf<S, 'params'> extends undefined ? Readonly<Record<string, string>> : PartOf<S, 'params'>;
  readonly query: PartOf<S, 'query'> extends undefined ? Readonly<Record<string, string | string[] | undefined>> : PartOf<S, 'query'>;
  readonly body: PartOf<S, 'body'>;
  /** All request headers in lower case, as Node gives them. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly requestId: string;
  /** Address of the client, after trusted proxies. */
  readonly remoteAddress: string;
  /** Aborted when the client goes away or the time limit passes. */
  readonly signal: AbortSignal;
}

/** An answer of a typed handler. */
export interface RouteReply {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** One route with schemas. */
export interface RouteDefinition<S extends RouteSchemas = any> {
  readonly method: HttpMethod;
  /** Path below the bundle's mount, with `:name` parameters. */
  readonly path: string;
  /** Unique in the bundle; also the OpenAPI operationId. */
  readonly operationId: string;
  readonly summary: string;
  readonly schemas: S;
  /** Time limit in milliseconds; default: the http bundle's. */
  readonly timeoutMs?: number;
  /** Largest body in bytes; default: the http bundle's. */
  readonly bodyBytesMax?: number;
  /** Requests at once in this route; more are refused with 503. Default: unlimited within the bundle's limit. */
  readonly concurrencyMax?: number;
  /** True: requested once with an empty body, through the whole handler chain, before a new revision is switched in. Only for safe GETs. */
  readonly selfTest?: boolean;
  handler(request: RouteRequest<S>): Promise<RouteReply> | RouteReply;
}

/** Declares a route; the handler's types follow from the schemas. */
export function route<S extends RouteSchemas>(definition: RouteDefinition<S>): RouteDefinition<S> {
  return definition;
}

/** Makes an answer. */
export function reply(status: number, body?: unknown, headers?: Readonly<Record<string, string>>): RouteReply {
  return { status, ...(body === undefined ? {} : { body }), ...(headers === undefined ? {} : { headers }) };
}

/** What the http bundle needs of an @koa/router instance. Kept structural so that any copy of the package fits. */
export interface KoaRouterLike {
  readonly stack: readonly unknown[];
  routes(): (context: any, next: () => Promise<unknown>) => unknown;
}

/** All routes of one bundle, registered as one service. */
export interface RouteSet {
  readonly routes?: readonly RouteDefinition[];
  /** An @koa/router of the bundle, for what typed routes cannot say. */
  readonly router?: KoaRouterLike;
  /** Serve the artifact's `public/` entries below the mount. */
  readonly staticFiles?: ReadonlyMap<string, Uint8Array>;
  readonly title?: string;
}

/** Contract of the whiteboard service. Property `http.mount` overrides the manifest's `http.mount`. */
export const Routes = localContract<RouteSet>('sluice.http.Routes', '1.0.0', []);

/** One route as the http bundle serves it now. */
export interface RouteSummary {
  readonly method: string;
  /** Full path with the mount, parameters as `:name`. */
  readonly path: string;
  readonly bundle: string;
  readonly version: string;
  readonly operationId?: string;
}

/** What the http bundle tells about itself. */
export interface RouteTableService {
  list(): readonly RouteSummary[];
  /** Base addresses it listens on, for example `http://127.0.0.1:8080`. */
  addresses(): readonly string[];
  /** Requests being served now, by symbolic name of the bundle. */
  inFlight(): Readonly<Record<string, number>>;
}

/** Contract of the http bundle's view of its routes. */
export const RouteTable = localContract<RouteTableService>('sluice.http.RouteTable', '1.0.0', ['list', 'addresses', 'inFlight']);

/** Registers the routes of a bundle (declare `Routes` in `provides`). */
export function serveRoutes(context: BundleContext<any>, routes: RouteSet, mount?: string): Registration {
  return context.register(Routes, routes, mount === undefined ? {} : { 'http.mount': mount });
}

/** RFC 9457 problem document, as every error of a route is answered. */
export interface ProblemDocument {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail?: string;
  readonly instance?: string;
  /** Stable code of the error. */
  readonly code: string;
  /** Each mistake found in the input: where, what was found, what was expected. */
  readonly errors?: readonly { readonly path: string; readonly message: string }[];
  readonly [extension: string]: unknown;
}
