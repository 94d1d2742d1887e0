/**
 * State belongs in the database. What must move in memory is exported by the old revision and imported by the new one before the switch;
 * the importing side learns the version of the state and may refuse it, which keeps the old revision.
 */
import { defineBundle, reply, route, Routes, serveRoutes, Type } from '@sluice/sdk';

// A variable of the module: each revision has its own.
let visits = 0;

export default defineBundle({
  provides: [Routes],
  state: {
    exportState: () => ({ visits }),
    importState: (state) => void ({ visits } = state as { visits: number }),
  },

  activate(context) {
    const visit = route({
      method: 'POST',
      path: '/visits',
      operationId: 'visit',
      summary: 'Counts a visit',
      schemas: { responses: { 200: Type.Object({ visits: Type.Integer(), version: Type.String() }) } },
      handler: () => reply(200, { visits: (visits += 1), version: context.bundle.version }),
    });
    serveRoutes(context, { title: 'Counter', routes: [visit] });
  },
});
