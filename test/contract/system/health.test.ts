/** The health bundle in the real kernel, asked over real HTTP. */
import { deepStrictEqual as equal } from 'node:assert';
import { defineBundle, HealthCheck, RouteTable, type HealthStatus } from '@sluice/sdk';
import { TestRuntime, type TestBundle } from '@sluice/kernel/testing';
import healthBundle from '../../../plugins/system/health/activator.js';
import httpBundle from '../../../plugins/system/http/activator.js';
import { systemBundle } from './system-bundle.js';

function patient(version: string, status: () => HealthStatus): TestBundle {
  const definition = defineBundle({
    provides: [HealthCheck],
    activate: (context) =>
      void context.register(HealthCheck, {
        name: 'pulse',
        tags: ['liveness', 'readiness'],
        check: () => ({ status: status(), message: 'inside' }),
      }),
  });
  return { symbolicName: 'core.patient', version, definition };
}

describe('system.health over HTTP', () => {
  let runtime: TestRuntime;
  let base: string;
  beforeEach(async () => {
    runtime = await TestRuntime.boot({ time: 'real' });
    await runtime.deploy(systemBundle('http', httpBundle, { port: 0, host: '127.0.0.1' }), systemBundle('health', healthBundle));
    base = runtime.service(RouteTable).addresses()[0] as string;
  });
  afterEach(() => runtime.stop());

  const get = async (path: string): Promise<{ status: number; body: any }> => {
    const response = await fetch(`${base}${path}`, { headers: { connection: 'close' } });
    return { status: response.status, body: await response.json() };
  };

  it('answers by status and follows checks through swaps', async () => {
    let status: HealthStatus = 'OK';
    equal(await get('/health'), { status: 200, body: { status: 'OK', checks: [] } });
    await runtime.deploy(patient('1.0.0', () => status));
    status = 'CRITICAL';
    const answers = await Promise.all(['/health', '/health/live', '/health/ready', '/health/bundles/core.patient'].map(get));
    equal(
      answers.map((answer) => [answer.status, answer.body.status]),
      Array.from({ length: 4 }, () => [503, 'CRITICAL']),
    );
    const { durationMs, ...check } = answers[0]?.body.checks[0] ?? {};
    equal(
      [typeof durationMs, check],
      ['number', { bundle: 'core.patient', name: 'pulse', tags: ['liveness', 'readiness'], status: 'CRITICAL' }],
    );
    await runtime.deploy(patient('1.1.0', () => 'WARN'));
    equal([(await get('/health/ready')).status, (await get('/health/ready')).body.status], [200, 'WARN']);
    await runtime.deploy(systemBundle('health', healthBundle, { showDetails: true }, '1.1.0'));
    equal((await get('/health')).body.checks[0].message, 'inside');
    await runtime.kernel.stop('core.patient', { actor: 'test' });
    equal((await get('/health')).body.checks, []);
  });

  it('answers an unknown bundle with a problem document', async () => {
    const { status, body } = await get('/health/bundles/none');
    equal([status, body.code, body.status], [404, 'HEALTH_BUNDLE_UNKNOWN', 404]);
  });
});
