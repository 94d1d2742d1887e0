/**
 * Compiles typed routes: checks the declaration, prepares its validators, and takes a request's path apart.
 * Leaves calling the handler to the adapters.
 */
import type { HttpMethod, RouteDefinition, RouteSchemas } from '@sluice/sdk';
import { decodeSegment, parsePattern, type PathPattern } from './path.js';
import type { CompiledSchema, SchemaCache, SchemaMode } from './schema-cache.js';

/** A route with everything its requests need. */
export interface TypedRoute {
  readonly definition: RouteDefinition;
  readonly pattern: PathPattern;
  /** Which segment of the path each parameter is. */
  readonly params: readonly { readonly segment: number; readonly name: string }[];
  readonly paramsSchema: CompiledSchema | undefined;
  readonly querySchema: CompiledSchema | undefined;
  readonly headersSchema: CompiledSchema | undefined;
  /** Headers named in the schema; only these are checked. */
  readonly headerNames: readonly string[];
  readonly bodySchema: CompiledSchema | undefined;
  readonly replies: ReadonlyMap<number, CompiledSchema>;
  /** Every acquired schema, to give back. */
  readonly schemas: readonly CompiledSchema[];
}

const METHODS: ReadonlySet<string> = new Set<HttpMethod>(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS']);
const PARAM = /^:[A-Za-z_$][\w$]*$/;

/** What is wrong with a declaration, all at once; empty when it can be compiled. */
export function mistakesOf(definition: RouteDefinition): readonly string[] {
  const mistakes: string[] = [];
  const name = `route '${definition.operationId}'`;
  if (!METHODS.has(definition.method)) mistakes.push(`${name}: method '${definition.method}' is none of ${[...METHODS].join(', ')}`);
  if (typeof definition.handler !== 'function') mistakes.push(`${name}: handler is not a function`);
  const pattern = parsePattern(definition.path, false);
  if (pattern === undefined || pattern.open || !definition.path.startsWith('/')) {
    mistakes.push(`${name}: path '${definition.path}' must be '/text/:parameter' with plain segments; put anything else on a router`);
    return mistakes;
  }
  const segments = segmentsOf(definition.path);
  const names = segments.filter((segment) => segment.includes(':'));
  for (const segment of names)
    if (!PARAM.test(segment)) mistakes.push(`${name}: a parameter must fill a whole segment, found '${segment}'`);
  if (new Set(names).size !== names.length) mistakes.push(`${name}: path '${definition.path}' names a parameter twice`);
  const declared = Object.keys(propertiesOf(definition.schemas.params));
  for (const parameter of declared) {
    if (!names.includes(`:${parameter}`))
      mistakes.push(`${name}: schemas.params has '${parameter}', which path '${definition.path}' does not have`);
  }
  if (definition.selfTest && (definition.method !== 'GET' || names.length > 0)) {
    mistakes.push(`${name}: selfTest is only for GET routes without parameters`);
  }
  return mistakes;
}

/** Compiles a declaration without mistakes. */
export function compileTypedRoute(definition: RouteDefinition, cache: SchemaCache): TypedRoute {
  const schemas: CompiledSchema[] = [];
  const acquire = (schema: unknown, mode: SchemaMode): CompiledSchema | undefined => {
    if (schema === undefined) return undefined;
    const compiled = cache.acquire(schema, mode);
    schemas.push(compiled);
    return compiled;
  };
  try {
    const { params, query, headers, body, responses } = definition.schemas as RouteSchemas;
    const replies = new Map<number, CompiledSchema>();
    for (const [status, schema] of Object.entries(responses)) {
      const compiled = acquire(schema, 'reply');
      if (compiled !== undefined) replies.set(Number(status), compiled);
    }
    const headersSchema = headers === undefined ? undefined : lowerCaseProperties(headers);
    return {
      definition,
      pattern: parsePattern(definition.path, false) ?? { segments: [], open: false },
      params: segmentsOf(definition.path).flatMap((segment, index) =>
        segment.startsWith(':') ? [{ segment: index, name: segment.slice(1) }] : [],
      ),
      paramsSchema: acquire(params, 'text'),
      querySchema: acquire(query, 'text'),
      headersSchema: acquire(headersSchema, 'text'),
      headerNames: Object.keys(propertiesOf(headersSchema)),
      bodySchema: acquire(body, 'json'),
      replies,
      schemas,
    };
  } catch (error) {
    for (const compiled of schemas) cache.release(compiled);
    throw error;
  }
}

/** Number of schemas of a route that are not compiled yet: how much work it will be. */
export function compilesNeeded(definition: RouteDefinition, cache: SchemaCache): number {
  const { params, query, headers, body, responses } = definition.schemas as RouteSchemas;
  const wanted: [unknown, SchemaMode][] = [
    [params, 'text'],
    [query, 'text'],
    [headers === undefined ? undefined : lowerCaseProperties(headers), 'text'],
    [body, 'json'],
    ...Object.values(responses).map((schema): [unknown, SchemaMode] => [schema, 'reply']),
  ];
  return wanted.filter(([schema, mode]) => schema !== undefined && !cache.has(schema, mode)).length;
}

/** Reads the parameters of a path that the route's pattern matched. */
export function readParams(route: TypedRoute, path: string): Record<string, string> {
  const values: Record<string, string> = {};
  if (route.params.length === 0) return values;
  const segments = path.slice(1).split('/');
  for (const { segment, name } of route.params) values[name] = decodeSegment(segments[segment] ?? '');
  return values;
}

function segmentsOf(path: string): readonly string[] {
  return path.split('/').filter((segment) => segment !== '');
}

/** Properties of an object schema. */
export function propertiesOf(schema: unknown): Readonly<Record<string, unknown>> {
  return ((schema as { properties?: Record<string, unknown> } | undefined)?.properties ?? {}) as Record<string, unknown>;
}

// Node gives header names in lower case, whatever the author wrote.
function lowerCaseProperties(schema: object): object {
  const { properties, required, ...rest } = schema as { properties?: Record<string, unknown>; required?: readonly string[] };
  return {
    ...rest,
    properties: Object.fromEntries(Object.entries(properties ?? {}).map(([name, value]) => [name.toLowerCase(), value])),
    ...(required === undefined ? {} : { required: required.map((name) => name.toLowerCase()) }),
  };
}
