/** Answers, whatever others do. */
import { defineBundle, reply, route, Routes, serveRoutes, Type } from '@sluice/sdk';

export default defineBundle({
  provides: [Routes],

  activate(context) {
    let ticks = 0;
    // The same period as a timer that is ended in the middle: Node keeps timers of one period in one list.
    setInterval(() => (ticks += 1), 7);
    serveRoutes(context, {
      routes: [
        route({
          method: 'GET',
          path: '/ping',
          operationId: 'ping',
          summary: 'Answers',
          schemas: {
            responses: { 200: Type.Object({ ticks: Type.Integer(), mapped: Type.Array(Type.Integer()), parsed: Type.Unknown() }) },
          },
          handler: () => reply(200, { ticks, mapped: [1, 2].map((n) => n * 2), parsed: JSON.parse('{"a":1}') as unknown }),
        }),
      ],
    });
  },
});
