/** The compiled router must do exactly what @koa/router's own dispatch does, for any router and any path. */
import { strict as assert } from 'node:assert';
import { Router, type RouterOptions } from '@koa/router';
import fc from 'fast-check';
import { compileRouter, type RouterContext } from '../../../plugins/system/http/domain/router-match.js';

interface RouteStep {
  readonly kind: 'route' | 'use' | 'bare' | 'regexp' | 'nested';
  readonly method: 'get' | 'post' | 'all' | 'head' | 'delete';
  readonly path: string;
  readonly passes: boolean;
  readonly name: string | undefined;
}

const segment = fc.constantFrom('a', 'B', 'users', 'me', ':id', ':x', ':a-:b', ':file.json', 'v:major', 'a.b', 'a~c', '%41', 'é');
const patternTail = fc.constantFrom('', '', '', '', '/', '/*rest', '{/:opt}', '{/more}/end');
const pattern = fc.tuple(fc.array(segment, { maxLength: 3 }), patternTail).map(([segments, tail]) => {
  // A parameter may occur once in a path.
  const seen = new Set<string>();
  const kept = segments.filter((text) => (text.match(/:\w+/g) ?? []).every((name) => !seen.has(name) && seen.add(name)));
  return `${kept.map((text) => `/${text}`).join('')}${tail}` || '/';
});

const step: fc.Arbitrary<RouteStep> = fc.record({
  kind: fc.oneof(
    { weight: 8, arbitrary: fc.constant('route' as const) },
    { weight: 3, arbitrary: fc.constantFrom('use', 'bare', 'regexp', 'nested') },
  ),
  method: fc.constantFrom('get', 'post', 'all', 'head', 'delete'),
  path: pattern,
  passes: fc.boolean(),
  name: fc.option(fc.constantFrom('first', 'second'), { nil: undefined }),
});

const routerOptions = fc.record(
  {
    prefix: fc.constantFrom('/api', '/Api/v1', '/t/:tenant'),
    strict: fc.boolean(),
    sensitive: fc.boolean(),
  },
  { requiredKeys: [] },
);

const pathSegment = fc.constantFrom(
  'a',
  'A',
  'b',
  'users',
  'USERS',
  'me',
  '1-2',
  'x.json',
  'v2',
  'a.b',
  '%41',
  '%e4%b8%ad',
  '%zz',
  'a~c',
  'é',
  '',
  'more',
  'end',
  'api',
  'v1',
  't',
);
const requestPath = fc
  .tuple(fc.array(pathSegment, { maxLength: 5 }), fc.constantFrom('', '', '/', '//'))
  .map(([segments, tail]) => `${segments.map((text) => `/${text}`).join('')}${tail}` || '/');
const requestMethod = fc.constantFrom('GET', 'HEAD', 'POST', 'OPTIONS', 'DELETE', 'PATCH');

type Trace = Record<string, unknown>[];

function build(steps: readonly RouteStep[], options: RouterOptions, traceOf: () => Trace): Router {
  const router = new Router(options);
  steps.forEach((current, index) => {
    const handler =
      (part: string) =>
      (context: RouterContext, next: () => Promise<unknown>): unknown => {
        const { params, captures, routerPath, routerName, _matchedRoute, _matchedRouteName, routeMatched } = context;
        traceOf().push({
          index,
          part,
          params: { ...params },
          captures: [...(captures ?? [])],
          routerPath,
          routerName,
          _matchedRoute,
          _matchedRouteName,
          routeMatched,
        });
        return current.passes || part === 'first' ? next() : undefined;
      };
    const stack = [handler('first'), handler('second')] as never[];
    const { kind, method, path, name } = current;
    if (kind === 'use') router.use(path, ...stack);
    else if (kind === 'bare') router.use(...stack);
    else if (kind === 'regexp') router[method](/^\/(a|users)\/?(.*)$/i, ...stack);
    else if (kind === 'nested') router.use(path, new Router().get('/inner', ...stack).routes() as never);
    else if (name !== undefined) router[method](name, path, ...stack);
    else router[method](path, ...stack);
  });
  return router;
}

interface Outcome {
  readonly trace: Trace;
  readonly fellThrough: boolean;
  readonly routed: unknown;
  readonly methods: readonly string[];
  readonly error: string | undefined;
}

async function outcomeOf(trace: Trace, context: RouterContext, run: (next: () => Promise<unknown>) => unknown): Promise<Outcome> {
  let fellThrough = false;
  let error: string | undefined;
  try {
    await run(() => {
      fellThrough = true;
      return Promise.resolve();
    });
  } catch (thrown) {
    error = String(thrown);
  }
  return { trace, fellThrough, routed: context.routeMatched, methods: (context.matched ?? []).flatMap((layer) => layer.methods), error };
}

describe('compiled router', () => {
  it('does what the router does, for any stack, path and method', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 8 }),
        routerOptions,
        fc.array(fc.tuple(requestPath, requestMethod), { minLength: 1, maxLength: 12 }),
        async (steps, options, requests) => {
          let trace: Trace = [];
          let router: Router;
          try {
            router = build(steps, options as RouterOptions, () => trace);
          } catch {
            // Not a path the router accepts.
            fc.pre(false);
            return;
          }
          const compiled = compileRouter(router);
          assert.ok(compiled !== null);
          for (const [path, method] of requests) {
            trace = [];
            const theirs = { method, path, request: {} } as unknown as RouterContext;
            const expected = await outcomeOf(trace, theirs, (next) => router.routes()(theirs as never, next));
            trace = [];
            const ours = { method, path, request: {} } as unknown as RouterContext;
            const match = compiled.match(path, method);
            const found = await outcomeOf(trace, ours, (next) => {
              if (match.routed) return compiled.dispatch(ours, match, next);
              // Without a route the router only notes what it saw.
              ours.matched = match.matched;
              ours.routeMatched = false;
              return next();
            });
            assert.deepEqual(found, expected, `${method} ${path}`);
          }
        },
      ),
      { numRuns: 400 },
    );
  });
});
