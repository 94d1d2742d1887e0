/** `GET /metrics` in the text format of Prometheus. */
import { reply, route, SluiceError, Type, type RouteDefinition, type SystemFigures } from '@sluice/sdk';
import { renderMetrics, type LoopDelay } from './exposition.js';

/** @param mayRead decides by client address and `Authorization` header. */
export function metricsRoute(
  figures: () => SystemFigures,
  delay: () => LoopDelay,
  mayRead: (address: string, authorization: string | undefined) => boolean,
): RouteDefinition {
  return route({
    method: 'GET',
    path: '/',
    operationId: 'metrics',
    summary: 'Figures of the system and of each bundle for Prometheus; 403 for who is not allowed',
    schemas: { responses: { 200: Type.String() } },
    concurrencyMax: 4,
    handler: async ({ remoteAddress, headers }) => {
      const { authorization } = headers;
      if (!mayRead(remoteAddress, typeof authorization === 'string' ? authorization : undefined)) {
        throw new SluiceError('METRICS_REFUSED', 'The metrics are not for everybody', {
          remedy: "Name the address in 'allowFrom' of system.metrics, and send its token where one is set.",
          httpStatus: 403,
        });
      }
      const { contentType, text } = await renderMetrics(figures(), delay());
      return reply(200, text, { 'content-type': contentType, 'cache-control': 'no-store' });
    },
  });
}
