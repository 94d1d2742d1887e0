/** Does on request what a bundle must not do, in the kernel's own thread. */
import { defineBundle, reply, route, Routes, serveRoutes, SluiceError, Type } from '@sluice/sdk';
import { KINDS, targeted } from './kinds.js';

export default defineBundle({
  provides: [Routes],

  activate(context) {
    serveRoutes(context, {
      routes: [
        route({
          method: 'POST',
          path: '/:how',
          operationId: 'trouble',
          summary: 'Makes trouble',
          timeoutMs: 2_000,
          schemas: { params: Type.Object({ how: Type.String() }), responses: { 200: Type.Object({ answer: Type.String() }) } },
          handler: async ({ params }) => {
            const kind = KINDS[params.how] ?? targeted(params.how);
            if (kind === undefined) throw new SluiceError('SAMPLE_KIND', `no trouble '${params.how}'`, { httpStatus: 404 });
            try {
              return reply(200, { answer: String(await kind()) });
            } catch (error) {
              return reply(200, { answer: error instanceof SluiceError ? error.code : String(error) });
            }
          },
        }),
      ],
    });
  },
});
