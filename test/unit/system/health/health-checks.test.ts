/** Promises of health reports: worst status, time limits, shared runs, grace, and what the routes answer. */
import { deepStrictEqual as equal, rejects } from 'node:assert';
import type { HealthCheckService, HealthResult, HealthStatus, RouteReply, RouteRequest, ServiceView } from '@sluice/sdk';
import fc from 'fast-check';
import { settle, VirtualClock } from '@sluice/kernel/testing/virtual-clock';
import { healthRoutes } from '../../../../plugins/system/health/adapters/health-routes.js';
import { HealthChecks } from '../../../../plugins/system/health/domain/health-checks.js';
import { isAlive, isFailure, isReady, worstOf } from '../../../../plugins/system/health/domain/statuses.js';

const ORDER: readonly HealthStatus[] = ['OK', 'WARN', 'TEMPORARILY_UNAVAILABLE', 'CRITICAL', 'HEALTH_CHECK_ERROR'];
let nextId = 1;
const viewOf = (bundle: string): ServiceView => ({
  id: nextId++,
  contractId: 'sluice.health.Check',
  contractVersion: '1.0.0',
  bundle,
  bundleVersion: '1.0.0',
  ranking: 0,
  properties: {},
});

function setup() {
  const clock = new VirtualClock();
  const checks = new HealthChecks(clock, 2_000);
  const add = (bundle: string, name: string, check: HealthCheckService['check'], more: Partial<HealthCheckService> = {}): ServiceView => {
    const view = viewOf(bundle);
    checks.add({ name, check, ...more }, view);
    return view;
  };
  const statuses = async (): Promise<HealthStatus[]> => (await checks.report()).checks.map((check) => check.status);
  return { clock, checks, add, statuses };
}

describe('system.health statuses', () => {
  it('takes the worst, and nothing for fine', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...ORDER)), (statuses) => {
        equal(ORDER.indexOf(worstOf(statuses)), Math.max(0, ...statuses.map((status) => ORDER.indexOf(status))));
      }),
    );
    equal(
      ORDER.map((status) => [isFailure(status), isReady(status), isAlive(status)]),
      [
        [false, true, true],
        [false, true, true],
        [true, false, true],
        [true, false, false],
        [true, false, false],
      ],
    );
  });
});

describe('system.health reports', () => {
  it('selects by tag and bundle, sorts, and adds who was asked', async () => {
    const { checks, add } = setup();
    add('core.ledger', 'store', () => ({ status: 'OK', message: 'fine', details: { rows: 1 } }));
    add('core.ledger', 'memory', () => ({ status: 'WARN' }), { tags: ['liveness', 'readiness'] });
    const gone = add('business.fees', 'table', () => ({ status: 'CRITICAL' }));
    equal((await checks.report()).status, 'CRITICAL');
    checks.remove(gone);
    equal(await checks.report({ bundle: 'core.ledger' }), {
      status: 'WARN',
      checks: [
        { status: 'WARN', bundle: 'core.ledger', name: 'memory', tags: ['liveness', 'readiness'], durationMs: 0 },
        { status: 'OK', message: 'fine', details: { rows: 1 }, bundle: 'core.ledger', name: 'store', tags: ['readiness'], durationMs: 0 },
      ],
    });
    equal(
      (await checks.report({ tag: 'liveness' })).checks.map((check) => check.name),
      ['memory'],
    );
    equal(await checks.report({ bundle: 'none' }), { status: 'OK', checks: [] });
  });

  it('takes a check that throws, or answers nonsense, for broken', async () => {
    const { checks, add } = setup();
    add('a', 'rejects', () => Promise.reject(new Error('no route')));
    add('a', 'throws', () => {
      throw new Error('x'.repeat(1_000));
    });
    add('a', 'unknown', () => ({ status: 'GREEN' }) as unknown as HealthResult);
    add('a', 'nothing', () => undefined as unknown as HealthResult);
    const { checks: entries } = await checks.report();
    equal(
      entries.map(({ name, status, message }) => [name, status, message?.length]),
      [
        ['nothing', 'HEALTH_CHECK_ERROR', entries[0]?.message?.length],
        ['rejects', 'HEALTH_CHECK_ERROR', 8],
        ['throws', 'HEALTH_CHECK_ERROR', 500],
        ['unknown', 'HEALTH_CHECK_ERROR', "answered with unknown status 'GREEN'".length],
      ],
    );
  });

  it('answers in time whatever a check does, aborts it, and does not run it again until it has ended', async () => {
    const { clock, checks, add } = setup();
    const runs: { signal: AbortSignal; end: (result: HealthResult) => void }[] = [];
    add('a', 'hangs', (signal) => new Promise((end) => runs.push({ signal, end })), { timeoutMs: 500 });
    add('a', 'quick', () => ({ status: 'OK' }));
    const first = checks.report();
    await settle();
    await clock.advance(500);
    equal(
      (await first).checks.map(({ status, message, durationMs }) => [status, message, durationMs]),
      [
        ['HEALTH_CHECK_ERROR', 'did not answer within 500 ms', 500],
        ['OK', undefined, 0],
      ],
    );
    equal(runs[0]?.signal.aborted, true);
    await clock.advance(1_000);
    equal((await checks.report()).checks[0]?.message, 'its run of 1500 ms ago has not ended');
    equal(runs.length, 1);
    runs[0]?.end({ status: 'OK' });
    await settle();
    const third = checks.report();
    runs[1]?.end({ status: 'OK' });
    equal((await third).status, 'OK');
    equal(clock.pending, 0);
  });

  it('shares one run between all who ask at the same time', async () => {
    const { checks, add } = setup();
    let runs = 0;
    let end: (result: HealthResult) => void = () => undefined;
    add('a', 'slow', () => new Promise<HealthResult>((resolve) => (runs++, (end = resolve))));
    const reports = [checks.report(), checks.report({ tag: 'readiness' }), checks.report({ bundle: 'a' })];
    end({ status: 'WARN' });
    equal([(await Promise.all(reports)).map((report) => report.status), runs], [['WARN', 'WARN', 'WARN'], 1]);
    const next = checks.report();
    end({ status: 'OK' });
    equal([(await next).status, runs], ['OK', 2]);
  });
});

describe('system.health grace', () => {
  it('is temporary until the grace has passed, then critical, and begins anew after a success', async () => {
    const { clock, add, statuses } = setup();
    let status: HealthStatus = 'CRITICAL';
    add('a', 'link', () => ({ status }), { graceMs: 10_000 });
    const seen: HealthStatus[] = [];
    for (const next of [
      'CRITICAL',
      'TEMPORARILY_UNAVAILABLE',
      'HEALTH_CHECK_ERROR',
      'TEMPORARILY_UNAVAILABLE',
      'WARN',
      'CRITICAL',
    ] as const) {
      status = next;
      seen.push(...(await statuses()));
      await clock.advance(5_000);
    }
    equal(seen, [
      'TEMPORARILY_UNAVAILABLE',
      'TEMPORARILY_UNAVAILABLE',
      'HEALTH_CHECK_ERROR',
      'CRITICAL',
      'WARN',
      'TEMPORARILY_UNAVAILABLE',
    ]);
  });

  it('takes a check without grace at its word', async () => {
    const { clock, add, statuses } = setup();
    add('a', 'link', () => ({ status: 'TEMPORARILY_UNAVAILABLE' }));
    add('b', 'disk', () => ({ status: 'CRITICAL' }));
    await statuses();
    await clock.advance(3_600_000);
    equal(await statuses(), ['TEMPORARILY_UNAVAILABLE', 'CRITICAL']);
  });

  it('does not carry the failures of one revision over to the next', async () => {
    const { clock, add, statuses, checks } = setup();
    const old = add('a', 'link', () => ({ status: 'CRITICAL' }), { graceMs: 10_000 });
    await statuses();
    await clock.advance(20_000);
    checks.remove(old);
    add('a', 'link', () => ({ status: 'CRITICAL' }), { graceMs: 10_000 });
    equal(await statuses(), ['TEMPORARILY_UNAVAILABLE']);
  });
});

describe('system.health routes', () => {
  async function answers(status: HealthStatus, showDetails = false, isServing = true): Promise<Record<string, RouteReply>> {
    const { checks, add } = setup();
    add('core.ledger', 'store', () => ({ status, message: 'inside' }), { tags: ['liveness', 'readiness'] });
    const result: Record<string, RouteReply> = {};
    for (const { path, handler } of healthRoutes(
      checks,
      () => showDetails,
      () => isServing,
    )) {
      result[path] = await handler({ params: { name: 'core.ledger' } } as unknown as RouteRequest);
    }
    return result;
  }

  it('answers 503 when not ready, and for liveness only when a restart may help', async () => {
    const table: Record<string, number[]> = {};
    for (const status of ORDER) table[status] = Object.values(await answers(status)).map((reply) => reply.status);
    equal(table, {
      OK: [200, 200, 200, 200],
      WARN: [200, 200, 200, 200],
      TEMPORARILY_UNAVAILABLE: [503, 200, 503, 503],
      CRITICAL: [503, 503, 503, 503],
      HEALTH_CHECK_ERROR: [503, 503, 503, 503],
    });
  });

  it('is alive but not ready while the system starts or stops', async () => {
    const stopping = await answers('OK', false, false);
    equal(
      Object.values(stopping).map((reply) => reply.status),
      [200, 200, 503, 200],
    );
  });

  it('tells messages only when configured to', async () => {
    const entry = { bundle: 'core.ledger', name: 'store', tags: ['liveness', 'readiness'], status: 'OK', durationMs: 0 };
    equal((await answers('OK'))['/']?.body, { status: 'OK', checks: [entry] });
    equal((await answers('OK', true))['/']?.body, { status: 'OK', checks: [{ ...entry, message: 'inside' }] });
  });

  it('answers 404 for a bundle without checks', async () => {
    const { checks } = setup();
    const route = healthRoutes(
      checks,
      () => false,
      () => true,
    ).at(-1);
    await rejects(async () => route?.handler({ params: { name: 'none' } } as unknown as RouteRequest), {
      code: 'HEALTH_BUNDLE_UNKNOWN',
      httpStatus: 404,
    });
  });
});
