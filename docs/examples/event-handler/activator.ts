/**
 * Events decouple: whoever publishes does not know who listens. This one is transient: it reaches whoever listens now. What must not be
 * lost is emitted within a unit of work and handled with `delivery: 'durable'`.
 */
import { defineBundle, EventHandler, Events, handleEvents, reply, route, Routes, serveRoutes, topic, Type } from '@sluice/sdk';

const CustomerOpened = topic('example/customer/opened', Type.Object({ name: Type.String() }));

export default defineBundle({
  provides: [Routes, EventHandler],
  requires: [Events],

  activate(context) {
    const events = context.reference(Events);
    const welcomed: string[] = [];
    handleEvents(context, CustomerOpened, {
      name: 'welcome',
      handle: (event) => void welcomed.push(event.payload.name),
    });
    const open = route({
      method: 'POST',
      path: '/customers',
      operationId: 'openCustomer',
      summary: 'Opens a customer',
      schemas: { body: Type.Object({ name: Type.String({ minLength: 1, maxLength: 40 }) }), responses: { 201: Type.Object({}) } },
      handler: async ({ body }) => {
        await events.publish(CustomerOpened.name, body.name, body);
        return reply(201, {});
      },
    });
    const list = route({
      method: 'GET',
      path: '/welcomed',
      operationId: 'welcomed',
      summary: 'Who was welcomed',
      schemas: { responses: { 200: Type.Object({ names: Type.Array(Type.String()) }) } },
      handler: () => reply(200, { names: welcomed }),
    });
    serveRoutes(context, { title: 'Welcome', routes: [open, list] });
  },
});
