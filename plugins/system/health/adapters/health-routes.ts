/**
 * The health of the system over HTTP. Answers 200 or 503, so that a load balancer needs no more than the status.
 */
import { reply, route, SluiceError, Type, type HealthStatus, type RouteDefinition, type RouteReply } from '@sluice/sdk';
import type { HealthChecks, Report } from '../domain/health-checks.js';
import { isAlive, isReady } from '../domain/statuses.js';

const Status = Type.Union(
  (['OK', 'WARN', 'TEMPORARILY_UNAVAILABLE', 'CRITICAL', 'HEALTH_CHECK_ERROR'] as const).map((status) => Type.Literal(status)),
);
const Answer = Type.Object(
  {
    status: Status,
    checks: Type.Array(
      Type.Object({
        bundle: Type.String(),
        name: Type.String(),
        tags: Type.Array(Type.String()),
        status: Status,
        durationMs: Type.Number(),
        message: Type.Optional(Type.String()),
        details: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
      }),
    ),
  },
  { description: 'The worst status, and each check' },
);
const responses = { 200: Answer, 503: Answer };

/**
 * The routes, below `/health`. Both functions are asked at each answer.
 * @param isServing false while the system starts or stops: it is alive then, and should get no traffic.
 */
export function healthRoutes(
  checks: Pick<HealthChecks, 'report'>,
  showDetails: () => boolean,
  isServing: () => boolean,
): readonly RouteDefinition[] {
  const answer = (report: Report, isGood: (status: HealthStatus) => boolean): RouteReply =>
    reply(isGood(report.status) ? 200 : 503, showDetails() ? report : withoutDetails(report), { 'cache-control': 'no-store' });
  return [
    route({
      method: 'GET',
      path: '/',
      operationId: 'health',
      summary: 'All checks; 503 when one is worse than WARN',
      schemas: { responses },
      handler: async () => answer(await checks.report(), isReady),
    }),
    route({
      method: 'GET',
      path: '/live',
      operationId: 'liveness',
      summary: 'Checks tagged liveness; 503 when the process should be replaced, which a failure within its grace is not yet',
      schemas: { responses },
      handler: async () => answer(await checks.report({ tag: 'liveness' }), isAlive),
    }),
    route({
      method: 'GET',
      path: '/ready',
      operationId: 'readiness',
      summary: 'Checks tagged readiness; 503 when the process should get no traffic, as while it starts or stops',
      schemas: { responses },
      handler: async () => {
        const report = await checks.report({ tag: 'readiness' });
        return answer(isServing() || !isReady(report.status) ? report : { ...report, status: 'TEMPORARILY_UNAVAILABLE' }, isReady);
      },
    }),
    route({
      method: 'GET',
      path: '/bundles/:name',
      operationId: 'bundleHealth',
      summary: 'Checks of one bundle; 404 when it has none',
      schemas: { params: Type.Object({ name: Type.String({ maxLength: 100 }) }), responses },
      handler: async ({ params }) => {
        const report = await checks.report({ bundle: params.name });
        if (report.checks.length === 0) throw unknownBundle(params.name);
        return answer(report, isReady);
      },
    }),
  ];
}

function withoutDetails(report: Report): Report {
  return {
    status: report.status,
    checks: report.checks.map(({ bundle, name, tags, status, durationMs }) => ({ bundle, name, tags, status, durationMs })),
  };
}

function unknownBundle(name: string): SluiceError {
  return new SluiceError('HEALTH_BUNDLE_UNKNOWN', `No bundle '${name}' has health checks`, {
    details: { bundle: name },
    remedy: "Look at GET /health for the names of those that have, and at 'sluice ls' for all bundles.",
    httpStatus: 404,
  });
}
