/** Login and logout. */
import { reply, route, Type, type RouteDefinition, type ServiceOf } from '@sluice/sdk';
import type { Sessions } from '@sluice/customer-api';
import { problem } from '../render.js';
import { LoginBody, LoginReply, ProblemSchema } from '../schemas.js';
import type { Speaker } from '../words.js';
import { CHANNEL, tokenOf } from './authenticate.js';

/** Passwords that one route may check at once; the customer bundle has the real bound, this keeps the queue short. */
const LOGINS_AT_ONCE_MAX = 64;

/** Routes of sessions. */
export function sessionRoutes(sessions: ServiceOf<typeof Sessions>, speak: Speaker): readonly RouteDefinition[] {
  return [
    route({
      method: 'POST',
      path: '/login',
      operationId: 'login',
      summary: 'Opens a session by login name and password',
      concurrencyMax: LOGINS_AT_ONCE_MAX,
      schemas: { body: LoginBody, responses: { 200: LoginReply, 401: ProblemSchema, 423: ProblemSchema } },
      async handler(request) {
        const { body } = request;
        const result = await sessions.login({ channel: CHANNEL, login: body.login, password: body.password });
        if (result.outcome === 'opened') {
          return reply(200, { token: result.token, customer: result.customer, idleSeconds: Math.floor(result.idleMs / 1000) });
        }
        const until = result.lockedUntil === null ? {} : { lockedUntil: new Date(result.lockedUntil).toISOString() };
        return problem(speak(request), result.code === 'LOGIN_LOCKED' ? 423 : 401, result.code, until);
      },
    }),
    route({
      method: 'POST',
      path: '/logout',
      operationId: 'logout',
      summary: 'Ends the session',
      schemas: { responses: { 204: Type.Null() } },
      async handler(request) {
        const token = tokenOf(request);
        if (token !== undefined) await sessions.logout(CHANNEL, token);
        return reply(204);
      },
    }),
  ];
}
