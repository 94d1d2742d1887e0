/** One route. Input and output are checked against the schemas, and `/hello/openapi.json` is made of them. */
import { defineBundle, reply, route, Routes, serveRoutes, Type } from '@sluice/sdk';

const hello = route({
  method: 'GET',
  path: '/:name',
  operationId: 'hello',
  summary: 'Greets somebody by name',
  schemas: {
    params: Type.Object({ name: Type.String({ minLength: 1, maxLength: 40 }) }),
    responses: { 200: Type.Object({ message: Type.String() }) },
  },
  handler: ({ params }) => reply(200, { message: `Hello, ${params.name}!` }),
});

export default defineBundle({
  provides: [Routes],
  activate: (context) => void serveRoutes(context, { title: 'Hello', routes: [hello] }),
});
