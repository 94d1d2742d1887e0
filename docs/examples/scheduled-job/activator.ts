/** The scheduler finds jobs by their registration. After a swap only the new revision's job begins; a run under way ends in peace. */
import { defineBundle, Job, reply, route, Routes, serveRoutes, Type } from '@sluice/sdk';

export default defineBundle({
  provides: [Routes, Job],

  activate(context) {
    let runs = 0;
    context.register(Job, { name: 'tick', schedule: { everyMs: 50 }, run: () => void (runs += 1) });
    const count = route({
      method: 'GET',
      path: '/runs',
      operationId: 'runs',
      summary: 'How often the job has run in this revision',
      schemas: { responses: { 200: Type.Object({ runs: Type.Integer(), version: Type.String() }) } },
      handler: () => reply(200, { runs, version: context.bundle.version }),
    });
    serveRoutes(context, { title: 'Ticker', routes: [count] });
  },
});
