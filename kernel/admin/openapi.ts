/** The admin protocol as an OpenAPI 3.1 document, made of the endpoints and their schemas. Pure. */
import {
  ARTIFACTS_MEDIA_TYPE,
  ENDPOINTS,
  PROBLEM_MEDIA_TYPE,
  STREAM_MEDIA_TYPE,
  TARBALL_MEDIA_TYPES,
  type Endpoint,
  type EndpointName,
} from './contract.js';
import { AdminProblemSchema, BackupSchema, ChangeLineSchema, ConfigPatchSchema, RESULT_SCHEMAS, StartLevelSchema } from './schemas.js';
import { DEMANDS } from './access.js';
import { TRUST_BODIES } from './trust-schemas.js';

const JSON_BODIES: Readonly<Partial<Record<EndpointName, unknown>>> = {
  configSet: ConfigPatchSchema,
  setStartLevel: StartLevelSchema,
  backup: BackupSchema,
  ...TRUST_BODIES,
};

/** The document. */
export function openApiDocument(version: string): Readonly<Record<string, unknown>> {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const [name, endpoint] of Object.entries(ENDPOINTS) as [EndpointName, Endpoint][]) {
    const path = (paths[endpoint.path] ??= {});
    path[endpoint.method.toLowerCase()] = operation(name, endpoint);
  }
  const document = {
    openapi: '3.1.0',
    info: {
      title: 'Sluice admin interface',
      version,
      description:
        'Served on a Unix socket in the data folder and, when asked for, on TCP with bearer tokens. Errors are RFC 9457 documents with a stable `code`.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: 'http://localhost', description: 'the Unix socket <data>/admin.sock' }],
    paths,
    components: { schemas: { Problem: AdminProblemSchema, ChangeLine: ChangeLineSchema } },
  };
  // Schemas carry symbols of their builder; the document is plain JSON.
  return JSON.parse(JSON.stringify(document)) as Record<string, unknown>;
}

function operation(name: EndpointName, endpoint: Endpoint): unknown {
  const parameters = [
    ...(endpoint.path.includes('{bundle}')
      ? [{ name: 'bundle', in: 'path', required: true, description: 'symbolic name of the bundle', schema: { type: 'string' } }]
      : []),
    ...Object.entries(endpoint.query).map(([key, parameter]) => ({
      name: key,
      in: 'query',
      description: parameter.summary,
      schema: { type: parameter.type },
    })),
  ];
  return {
    operationId: name,
    summary: endpoint.summary,
    'x-rights': DEMANDS[name]?.rights ?? ['administer'],
    ...(parameters.length === 0 ? {} : { parameters }),
    ...bodyOf(name, endpoint),
    responses: {
      ...answersOf(name, endpoint),
      default: {
        description: 'Refused or failed',
        content: { [PROBLEM_MEDIA_TYPE]: { schema: { $ref: '#/components/schemas/Problem' } } },
      },
    },
  };
}

function bodyOf(name: EndpointName, endpoint: Endpoint): object {
  const binary = { schema: { type: 'string', format: 'binary' } };
  if (endpoint.body === 'json') {
    return { requestBody: { required: true, content: { 'application/json': { schema: JSON_BODIES[name] ?? {} } } } };
  }
  if (endpoint.body === 'none') return {};
  if (endpoint.body === 'release') return { requestBody: { required: true, content: { [ARTIFACTS_MEDIA_TYPE]: binary } } };
  const types = [...TARBALL_MEDIA_TYPES, ...(endpoint.body === 'artifacts' ? [ARTIFACTS_MEDIA_TYPE] : [])];
  return { requestBody: { required: true, content: Object.fromEntries(types.map((type) => [type, binary])) } };
}

function answersOf(name: EndpointName, endpoint: Endpoint): object {
  const schema = RESULT_SCHEMAS[name];
  if (endpoint.answer === 'json') return { 200: { description: 'Done', content: { 'application/json': { schema } } } };
  if (endpoint.answer === 'follow') {
    return { 200: { description: 'One line per value', content: { [STREAM_MEDIA_TYPE]: { schema } } } };
  }
  const stream = { [STREAM_MEDIA_TYPE]: { schema: { $ref: '#/components/schemas/ChangeLine' } } };
  const outcome = { 'application/json': { schema } };
  return {
    200: { description: 'Planned or committed; a stream is always answered with 200', content: { ...outcome, ...stream } },
    409: { description: 'Refused because of another change', content: outcome },
    422: { description: 'Refused, or rolled back', content: outcome },
  };
}
