/**
 * The routes of one registered `Routes` service, compiled. Immutable; made in `prepare`, given back when it is removed or abandoned.
 * Answers which route a method and path meet, in this order: typed routes (text before parameter), the router (in the order of its
 * stack), the OpenAPI document, static files.
 */
import type { HttpMethod, KoaRouterLike, RouteSet, RouteSummary } from '@sluice/sdk';
import { documentOf } from './openapi.js';
import { joinPath, trimEnd } from './path.js';
import { compileRouter, type CompiledRouter, type RouterMatch } from './router-match.js';
import type { SchemaCache } from './schema-cache.js';
import { SegmentTree } from './segment-tree.js';
import { StaticFiles, type StaticFile } from './static-files.js';
import type { TypedRoute } from './typed-route.js';

/** Whose routes these are and where they hang. */
export interface RouteSetIdentity {
  readonly serviceId: number;
  readonly bundle: string;
  readonly version: string;
  /** In normal form. */
  readonly mount: string;
  /** The component that declared them and which of its instances; absent for routes of an activator. */
  readonly component?: { readonly name: string; readonly id: number };
}

/** True for routes of two instances of one component: while it is built anew, the younger instance declares what the older one still serves. */
export function areRebuilt(one: RouteSetIdentity, other: RouteSetIdentity): boolean {
  const [left, right] = [one.component, other.component];
  if (left === undefined || right === undefined || left.id === right.id) return false;
  return left.name === right.name && one.bundle === other.bundle && one.version === other.version;
}

/** What a request met. */
export type Hit =
  | { readonly kind: 'typed'; readonly set: CompiledRouteSet; readonly route: TypedRoute; readonly path: string }
  | { readonly kind: 'router'; readonly set: CompiledRouteSet; readonly router: CompiledRouter; readonly match: RouterMatch }
  | { readonly kind: 'opaque'; readonly set: CompiledRouteSet; readonly router: KoaRouterLike; readonly path: string }
  | { readonly kind: 'document'; readonly set: CompiledRouteSet }
  | { readonly kind: 'file'; readonly set: CompiledRouteSet; readonly file: StaticFile };

/** Where the OpenAPI document of a bundle is, below its mount. */
export const DOCUMENT_PATH = '/openapi.json';

const found: TypedRoute[] = [];

/** Compiled routes of one service. */
export class CompiledRouteSet {
  readonly identity: RouteSetIdentity;
  readonly title: string;
  readonly typed: readonly TypedRoute[];
  readonly router: CompiledRouter | null;
  readonly files: StaticFiles;
  readonly #opaque: KoaRouterLike | null;
  readonly #tree = new SegmentTree<TypedRoute>();
  readonly #hasDocument: boolean;
  #summaries: readonly RouteSummary[] | undefined;
  #document: string | undefined;

  constructor(identity: RouteSetIdentity, source: RouteSet, typed: readonly TypedRoute[]) {
    this.identity = identity;
    this.title = source.title ?? identity.bundle;
    this.typed = typed;
    for (const route of typed) this.#tree.add(route.pattern, route);
    this.router = source.router === undefined ? null : compileRouter(source.router);
    this.#opaque = source.router !== undefined && this.router === null ? source.router : null;
    this.files = new StaticFiles(source.staticFiles ?? new Map());
    this.#hasDocument = typed.length > 0;
  }

  /** @param path below the mount, as it came. */
  find(path: string, method: string): Hit | null {
    if (this.typed.length > 0) {
      const route = this.#findTyped(path, method);
      if (route !== undefined) return { kind: 'typed', set: this, route, path };
    }
    if (this.router !== null) {
      const match = this.router.match(path, method);
      if (match.routed) return { kind: 'router', set: this, router: this.router, match };
    }
    if (method === 'GET' || method === 'HEAD') {
      if (this.#hasDocument && path === DOCUMENT_PATH) return { kind: 'document', set: this };
      const file = this.files.find(path);
      if (file !== undefined) return { kind: 'file', set: this, file };
    }
    return this.#opaque === null ? null : { kind: 'opaque', set: this, router: this.#opaque, path };
  }

  #findTyped(path: string, method: string): TypedRoute | undefined {
    // One slash at the end is forgiven, as the router does; more are another path.
    if (path.endsWith('//')) return undefined;
    this.#tree.collect(trimEnd(path).toLowerCase(), found);
    let fallback: TypedRoute | undefined;
    let exact: TypedRoute | undefined;
    for (const route of found) {
      if (route.definition.method === method) {
        exact = route;
        break;
      }
      if (method === 'HEAD' && route.definition.method === 'GET') fallback ??= route;
    }
    found.length = 0;
    return exact ?? fallback;
  }

  /** Methods this path can be asked with, in the order of declaration, as `Allow` lists them. */
  allowed(path: string): readonly string[] {
    const methods = new Set<string>();
    if (!path.endsWith('//')) {
      const routes: TypedRoute[] = [];
      this.#tree.collect(trimEnd(path).toLowerCase(), routes);
      for (const route of routes) addMethod(methods, route.definition.method);
    }
    for (const layer of this.router?.match(path, 'OPTIONS').matched ?? []) for (const method of layer.methods) methods.add(method);
    if ((this.#hasDocument && path === DOCUMENT_PATH) || this.files.find(path) !== undefined) addMethod(methods, 'GET');
    return [...methods];
  }

  /** One line per route, for listings. */
  summaries(): readonly RouteSummary[] {
    return (this.#summaries ??= this.#summarise());
  }

  #summarise(): readonly RouteSummary[] {
    const { bundle, version, mount } = this.identity;
    const typed = this.typed.map(({ definition: { method, path, operationId } }) => ({
      method,
      path: joinPath(mount, path),
      bundle,
      version,
      operationId,
    }));
    const layers = (this.router?.layers ?? []).flatMap((layer) =>
      layer.methods
        .filter((method) => method !== 'HEAD' || !layer.methods.includes('GET'))
        .map((method) => ({
          method,
          path: typeof layer.path === 'string' ? joinPath(mount, layer.path) : `${mount} ${String(layer.path)}`,
          bundle,
          version,
          ...(layer.name === undefined ? {} : { operationId: layer.name }),
        })),
    );
    const opaque = this.#opaque === null ? [] : [{ method: '*', path: joinPath(mount, '/*'), bundle, version }];
    const files = this.files.paths().map((path) => ({ method: 'GET', path: joinPath(mount, path), bundle, version }));
    return [...typed, ...layers, ...opaque, ...files];
  }

  /** The OpenAPI document as text, made at the first request for it. */
  document(): string {
    return (this.#document ??= JSON.stringify(documentOf(this)));
  }

  /** Gives the shared validators back. */
  release(cache: SchemaCache): void {
    for (const route of this.typed) for (const schema of route.schemas) cache.release(schema);
  }
}

function addMethod(methods: Set<string>, method: HttpMethod): void {
  if (method === 'GET') methods.add('HEAD');
  methods.add(method);
}
