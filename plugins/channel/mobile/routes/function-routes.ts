/** Functions of the bank as data: what a client builds its forms from. */
import { reply, route, type RouteDefinition, type ServiceList } from '@sluice/sdk';
import type { FunctionDescriptor } from '@sluice/channel-api';
import { functionBody } from '../render.js';
import { FunctionsReply } from '../schemas.js';
import type { Speaker } from '../words.js';

/** Routes of functions. They need no session: a form is no secret. */
export function functionRoutes(functions: ServiceList<FunctionDescriptor>, speak: Speaker): readonly RouteDefinition[] {
  return [
    route({
      method: 'GET',
      path: '/functions',
      operationId: 'listFunctions',
      summary: 'Functions with their steps and fields, in the words of the client',
      schemas: { responses: { 200: FunctionsReply } },
      handler(request) {
        const say = speak(request);
        const bodies = [...functions].map((descriptor) => functionBody(say, descriptor));
        return reply(200, { functions: bodies.sort((one, other) => (one.function < other.function ? -1 : 1)) });
      },
    }),
  ];
}
