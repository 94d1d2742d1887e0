/** OpenAPI 3.1 documents from typed routes: one per bundle, and one of everything. Pure; made on demand, a deploy does not wait for it. */
import type { RouteSchemas } from '@sluice/sdk';
import { PROBLEM_TYPE } from './problem.js';
import { joinPath } from './path.js';
import type { CompiledRouteSet } from './route-set.js';
import { plainSchema, portableSchema } from './schema-values.js';
import { propertiesOf, type TypedRoute } from './typed-route.js';

/** An OpenAPI document. */
export interface OpenApiDocument {
  readonly openapi: '3.1.0';
  readonly info: { readonly title: string; readonly version: string };
  readonly tags: readonly { readonly name: string; readonly description: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly components: Readonly<Record<string, unknown>>;
}

const PROBLEM_SCHEMA = {
  type: 'object',
  required: ['type', 'title', 'status', 'code'],
  properties: {
    type: { type: 'string' },
    title: { type: 'string' },
    status: { type: 'integer' },
    code: { type: 'string', description: 'stable code of the error' },
    detail: { type: 'string' },
    instance: { type: 'string', description: 'contains the request id' },
    remedy: { type: 'string' },
    errors: {
      type: 'array',
      items: { type: 'object', required: ['path', 'message'], properties: { path: { type: 'string' }, message: { type: 'string' } } },
    },
  },
};

const COMPONENTS = {
  schemas: { Problem: PROBLEM_SCHEMA },
  responses: {
    Problem: {
      description: 'Problem document (RFC 9457)',
      content: { [PROBLEM_TYPE]: { schema: { $ref: '#/components/schemas/Problem' } } },
    },
  },
};

/** Document of one bundle's routes. */
export function documentOf(set: CompiledRouteSet): OpenApiDocument {
  const { bundle, version } = set.identity;
  return assemble({ title: set.title, version }, [set], (route) => route.definition.operationId, [
    { name: bundle, description: set.title },
  ]);
}

/** Document of all bundles' routes. Operation ids begin with the bundle, since they are unique only inside one. */
export function mergedDocument(sets: Iterable<CompiledRouteSet>): OpenApiDocument {
  const described = [...sets].filter((set) => set.typed.length > 0);
  described.sort((left, right) => left.identity.mount.localeCompare(right.identity.mount));
  const tags = described.map((set) => ({ name: set.identity.bundle, description: `${set.title} ${set.identity.version}` }));
  return assemble(
    { title: 'All bundles', version: '1.0.0' },
    described,
    (route, set) => `${set.identity.bundle}.${route.definition.operationId}`,
    tags,
  );
}

function assemble(
  info: OpenApiDocument['info'],
  sets: readonly CompiledRouteSet[],
  idOf: (route: TypedRoute, set: CompiledRouteSet) => string,
  tags: OpenApiDocument['tags'],
): OpenApiDocument {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const set of sets) {
    for (const route of set.typed) {
      const path = joinPath(set.identity.mount, route.definition.path).replaceAll(/:([\w$]+)/g, '{$1}');
      (paths[path] ??= {})[route.definition.method.toLowerCase()] = operationOf(route, idOf(route, set), set.identity.bundle);
    }
  }
  return { openapi: '3.1.0', info, tags, paths, components: COMPONENTS };
}

function operationOf(route: TypedRoute, operationId: string, tag: string): Readonly<Record<string, unknown>> {
  const { summary, schemas } = route.definition;
  const { params, query, headers, body, responses } = schemas as RouteSchemas;
  const pathParameters = route.params.map(({ name }) => ({
    name,
    in: 'path',
    required: true,
    schema: published(propertiesOf(params)[name] ?? { type: 'string' }),
  }));
  const parameters = [...pathParameters, ...parametersOf(query, 'query'), ...parametersOf(headers, 'header')];
  const answers = Object.entries(responses).map(([status, schema]) => [status, answerOf(status, schema)] as const);
  return {
    operationId,
    summary,
    tags: [tag],
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined ? {} : { requestBody: { required: true, content: { 'application/json': { schema: published(body) } } } }),
    responses: { ...Object.fromEntries(answers), default: { $ref: '#/components/responses/Problem' } },
  };
}

function parametersOf(schema: unknown, place: 'query' | 'header'): readonly unknown[] {
  const required = (schema as { required?: readonly string[] } | undefined)?.required ?? [];
  return Object.entries(propertiesOf(schema)).map(([name, property]) => ({
    name,
    in: place,
    required: required.includes(name),
    schema: published(property),
  }));
}

function answerOf(status: string, schema: unknown): Readonly<Record<string, unknown>> {
  const shown = published(schema);
  const description = typeof shown['description'] === 'string' ? shown['description'] : `Answer ${status}`;
  return shown['type'] === 'null' ? { description } : { description, content: { 'application/json': { schema: shown } } };
}

function published(schema: unknown): Readonly<Record<string, unknown>> {
  return portableSchema(plainSchema(schema), true);
}
