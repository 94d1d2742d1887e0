/**
 * Compiles the stack of an @koa/router into a segment tree that answers exactly as the router's own dispatch would: the tree only
 * narrows the stack to a few layers, whose own expressions then decide, in the order of the stack.
 * What a tree cannot say (RegExp paths, groups, bare `use`) is tried on every request; a router that uses features beyond its stack
 * (hosts, exclusive matching, its own events) is left to dispatch itself.
 */
import type { KoaRouterLike } from '@sluice/sdk';
import { compose, type Middleware } from './compose.js';
import { decodeSegment, parsePattern, trimEnd } from './path.js';
import { SegmentTree } from './segment-tree.js';

/** What is used of a layer of @koa/router 15. */
export interface RouterLayer {
  readonly path: string | RegExp;
  readonly name: string | undefined;
  readonly methods: readonly string[];
  readonly stack: readonly Middleware[];
  readonly regexp: RegExp;
  readonly paramNames: readonly { readonly name: string; readonly type?: string }[];
  readonly opts: {
    readonly end?: boolean;
    readonly ignoreCaptures?: boolean | undefined;
    readonly ignoreWildcardParameter?: string | undefined;
  };
}

interface CompiledLayer {
  readonly order: number;
  readonly layer: RouterLayer;
  readonly run: (context: unknown, next: () => Promise<unknown>) => Promise<unknown>;
}

interface LayerMatch {
  readonly compiled: CompiledLayer;
  readonly captures: readonly (string | undefined)[];
}

/** What a path and a method meet in a router. */
export interface RouterMatch {
  /** Layers whose path fits, whatever the method, in stack order: `context.matched`. */
  readonly matched: readonly RouterLayer[];
  /** Layers to run, in stack order. */
  readonly run: readonly LayerMatch[];
  /** True when a route, and not only middleware, is among them. */
  readonly routed: boolean;
}

// Filled and emptied inside one synchronous call.
const found: CompiledLayer[] = [];

/** A router whose stack is in a tree. */
export class CompiledRouter {
  readonly #router: KoaRouterLike;
  readonly #tree = new SegmentTree<CompiledLayer>();
  readonly #everywhere: CompiledLayer[] = [];
  readonly layers: readonly RouterLayer[];

  constructor(router: KoaRouterLike, layers: readonly RouterLayer[]) {
    this.#router = router;
    this.layers = layers;
    layers.forEach((layer, order) => {
      const compiled = { order, layer, run: compose(layer.stack) };
      const pattern = typeof layer.path === 'string' ? parsePattern(layer.path, layer.opts.end === false) : undefined;
      if (pattern === undefined) this.#everywhere.push(compiled);
      else this.#tree.add(pattern, compiled);
    });
  }

  /** @param path below the mount, as it came; `''` counts as `/`. */
  match(path: string, method: string): RouterMatch {
    const subject = path === '' ? '/' : path;
    this.#tree.collect(trimEnd(subject).toLowerCase(), found);
    for (const compiled of this.#everywhere) found.push(compiled);
    if (found.length > 1) found.sort(byOrder);
    const matched: RouterLayer[] = [];
    const run: LayerMatch[] = [];
    let routed = false;
    for (const compiled of found) {
      const { layer } = compiled;
      const result = layer.regexp.exec(subject);
      if (result === null) continue;
      matched.push(layer);
      const isRoute = layer.methods.length > 0;
      if (isRoute && !layer.methods.includes(method)) continue;
      routed ||= isRoute;
      run.push({ compiled, captures: layer.opts.ignoreCaptures ? [] : result.slice(1) });
    }
    found.length = 0;
    return { matched, run, routed };
  }

  /** Runs the matched layers as the router would, setting the same properties on the context. */
  dispatch(context: RouterContext, match: RouterMatch, next: () => Promise<unknown>): Promise<unknown> {
    context.matched = context.matched === undefined ? [...match.matched] : [...context.matched, ...match.matched];
    context.router = this.#router;
    context.routeMatched = match.routed;
    const { run } = match;
    const route = run.findLast((entry) => entry.compiled.layer.methods.length > 0)?.compiled.layer;
    if (route?.name) context._matchedRouteName = route.name;
    const step = (index: number): Promise<unknown> => {
      const entry = run[index];
      if (entry === undefined) return next();
      enterLayer(context, entry);
      return entry.compiled.run(context, () => step(index + 1));
    };
    return step(0);
  }
}

function byOrder(left: CompiledLayer, right: CompiledLayer): number {
  return left.order - right.order;
}

/** The properties the router leaves on a context. */
export interface RouterContext {
  request: { params?: Record<string, string> };
  params?: Record<string, string>;
  captures?: readonly (string | undefined)[];
  matched?: readonly RouterLayer[];
  router?: KoaRouterLike;
  routeMatched?: boolean;
  routerPath?: unknown;
  routerName?: string | undefined;
  newRouterPath?: string;
  _matchedRoute?: unknown;
  _matchedRouteName?: string;
}

function enterLayer(context: RouterContext, { compiled: { layer }, captures }: LayerMatch): void {
  context.captures = captures;
  context.params = context.request.params = paramsOf(layer, captures, context.params);
  context.routerPath = layer.path;
  context.routerName = layer.name || undefined;
  context._matchedRoute = layer.path;
  if (layer.name) context._matchedRouteName = layer.name;
}

function paramsOf(
  layer: RouterLayer,
  captures: readonly (string | undefined)[],
  outer: Record<string, string> | undefined,
): Record<string, string> {
  const params: Record<string, string> = { ...outer };
  for (let index = 0; index < captures.length; index += 1) {
    const definition = layer.paramNames[index];
    const captured = captures[index];
    if (definition === undefined || captured === undefined || captured === '') continue;
    if (definition.type === 'wildcard' && layer.opts.ignoreWildcardParameter === definition.name) continue;
    params[definition.name] = decodeSegment(captured);
  }
  return params;
}

/** Compiles a router, or answers null when only the router itself can dispatch. */
export function compileRouter(router: KoaRouterLike): CompiledRouter | null {
  const inner = router as unknown as {
    readonly host?: unknown;
    readonly exclusive?: unknown;
    readonly opts?: { readonly routerPath?: unknown };
    readonly _events?: { readonly _handlers?: { readonly size: number } };
  };
  const own =
    Boolean(inner.host) || Boolean(inner.exclusive) || Boolean(inner.opts?.routerPath) || (inner._events?._handlers?.size ?? 0) > 0;
  if (own || !router.stack.every(isLayer)) return null;
  return new CompiledRouter(router, router.stack as readonly RouterLayer[]);
}

function isLayer(value: unknown): value is RouterLayer {
  const layer = value as Partial<RouterLayer> | null;
  if (typeof layer !== 'object' || layer === null || !(layer.regexp instanceof RegExp)) return false;
  // A sticky or global expression remembers where it stopped: only the router knows what its author meant by that.
  if (layer.regexp.global || layer.regexp.sticky) return false;
  return Array.isArray(layer.methods) && Array.isArray(layer.stack) && Array.isArray(layer.paramNames) && typeof layer.opts === 'object';
}
