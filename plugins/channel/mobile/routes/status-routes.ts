/** Public routes without a session: is it up, and which versions serve. */
import { reply, route, Type, type RouteDefinition, type ServiceOf } from '@sluice/sdk';
import type { Transfers } from '@sluice/product-api';
import { VersionReply } from '../schemas.js';

/** Routes of the status. `channel` is bundle and version of this channel. */
export function statusRoutes(channel: string, transfers: ServiceOf<typeof Transfers>): readonly RouteDefinition[] {
  return [
    route({
      method: 'GET',
      path: '/status',
      operationId: 'status',
      summary: 'Says that the channel is up',
      selfTest: true,
      schemas: { responses: { 200: Type.Object({ status: Type.Literal('up'), channel: Type.String() }, { additionalProperties: false }) } },
      handler: () => reply(200, { status: 'up', channel }),
    }),
    route({
      method: 'GET',
      path: '/version',
      operationId: 'version',
      summary: 'Versions that serve this request; the transfer bundle is asked twice and must answer the same',
      schemas: { responses: { 200: VersionReply } },
      async handler() {
        const transfer = await transfers.version();
        return reply(200, { channel, transfer, transferAgain: await transfers.version() });
      },
    }),
  ];
}
