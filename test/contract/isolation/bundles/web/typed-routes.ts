/** Typed routes of the sample. */
import { reply, route, Type, type RouteDefinition } from '@sluice/sdk';
import { bytes, gone, type streams as Streams } from './streams.js';

/** @param seen what event handler and job noted. */
export function typedRoutes(streams: typeof Streams, seen: readonly string[]): readonly RouteDefinition[] {
  return [
    route({
      method: 'POST',
      path: '/add/:left',
      operationId: 'add',
      summary: 'Adds',
      selfTest: false,
      schemas: {
        params: Type.Object({ left: Type.Integer() }),
        query: Type.Object({ twice: Type.Optional(Type.Boolean()) }),
        body: Type.Object({ right: Type.Integer() }),
        responses: { 200: Type.Object({ sum: Type.Integer(), agent: Type.String(), hasId: Type.Boolean() }) },
      },
      handler: ({ params, query, body, headers, requestId }) =>
        reply(200, {
          sum: (params.left + body.right) * (query.twice === true ? 2 : 1),
          agent: String(headers['user-agent'] ?? ''),
          hasId: requestId.length > 0,
        }),
    }),
    route({
      method: 'GET',
      path: '/bytes/:length',
      operationId: 'bytes',
      summary: 'Streams so many bytes',
      schemas: { params: Type.Object({ length: Type.Integer() }), responses: { 200: Type.Unknown() } },
      handler: ({ params }) => reply(200, bytes(params.length), { 'x-sample': 'typed' }),
    }),
    route({
      method: 'GET',
      path: '/wait',
      operationId: 'wait',
      summary: 'Answers when the client has gone',
      schemas: { responses: { 200: Type.Null() } },
      handler: async ({ signal }) => {
        await gone(signal);
        return reply(200, null);
      },
    }),
    route({
      method: 'GET',
      path: '/facts',
      operationId: 'facts',
      summary: 'What happened so far',
      selfTest: true,
      schemas: { responses: { 200: Type.Unknown() } },
      handler: () => reply(200, { ...streams, seen }),
    }),
    route({
      method: 'GET',
      path: '/broken',
      operationId: 'broken',
      summary: 'Answers what its schema does not allow',
      schemas: { responses: { 200: Type.Object({ fine: Type.Boolean() }) } },
      handler: () => reply(200, { fine: 'no' }),
    }),
  ];
}
