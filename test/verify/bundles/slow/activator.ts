/** A bundle whose capacity is known: each request takes 50 ms and no processor. */
import { defineBundle, reply, route, Routes, serveRoutes, Type } from '@sluice/sdk';

const WORK_MS = 50;

export default defineBundle({
  provides: [Routes],
  activate(context) {
    const work = route({
      method: 'GET',
      path: '/work',
      operationId: 'work',
      summary: 'Works for 50 ms',
      schemas: { responses: { 200: Type.Object({ done: Type.Boolean() }) } },
      async handler() {
        await context.clock.sleep(WORK_MS);
        return reply(200, { done: true });
      },
    });
    serveRoutes(context, { title: 'Slow', routes: [work] });
  },
});
