/** The metrics bundle in the real kernel, read over real HTTP. */
import { deepStrictEqual as equal, ok } from 'node:assert';
import { defineBundle, reply, route, Routes, RouteTable, serveRoutes, Type } from '@sluice/sdk';
import { TestRuntime, type TestBundle } from '@sluice/kernel/testing';
import httpBundle from '../../../plugins/system/http/activator.js';
import metricsBundle from '../../../plugins/system/metrics/activator.js';
import { systemBundle } from '../system/system-bundle.js';

const TOKEN = 'a-token-of-some-length';

function shop(version: string): TestBundle {
  const schemas = { responses: { 200: Type.String() } };
  const definition = defineBundle({
    provides: [Routes],
    activate: (context) => {
      const good = route({ method: 'GET', path: '/', operationId: 'good', summary: 'x', schemas, handler: () => reply(200, version) });
      const handler = (): never => {
        throw new Error('planted');
      };
      serveRoutes(context, { routes: [good, route({ method: 'GET', path: '/bad', operationId: 'bad', summary: 'x', schemas, handler })] });
      context.clock.setInterval(() => undefined, 3_600_000);
    },
  });
  return { symbolicName: 'test.shop', version, definition, manifest: { http: { mount: '/shop' } } };
}

describe('system.metrics', () => {
  let runtime: TestRuntime;
  let base: string;
  beforeEach(async () => {
    runtime = await TestRuntime.boot({ time: 'real' });
    await runtime.deploy(systemBundle('http', httpBundle, { port: 0, host: '127.0.0.1' }), shop('1.0.0'));
    base = runtime.service(RouteTable).addresses()[0] as string;
  });
  afterEach(() => runtime.stop());

  const get = async (path: string, headers: Record<string, string> = {}): Promise<{ status: number; text: string }> => {
    const response = await fetch(`${base}${path}`, { headers: { connection: 'close', ...headers } });
    return { status: response.status, text: await response.text() };
  };
  /** Series by name and labels, as the text says them. */
  const series = async (): Promise<ReadonlyMap<string, number>> => {
    const { text } = await get('/metrics');
    const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]));
  };
  const deployMetrics = (config: Record<string, unknown> = {}): Promise<unknown> =>
    runtime.deploy(systemBundle('metrics', metricsBundle, config));

  it('counts requests by bundle through a swap, and forgets a bundle that is gone', async () => {
    await deployMetrics();
    const requests = ['/shop', '/shop', '/shop/bad', '/shop'];
    for (const path of requests) await get(path);
    await runtime.deploy(shop('1.1.0'));
    await get('/shop');
    const found = await series();
    const labels = 'bundle="test.shop",kind="request"';
    const inf = found.get(`sluice_entry_duration_seconds_bucket{${labels},le="+Inf"}`);
    equal(
      {
        ok: found.get(`sluice_entries_total{${labels},outcome="ok"}`),
        failed: found.get(`sluice_entries_total{${labels},outcome="failed"}`),
        inf,
        count: found.get(`sluice_entry_duration_seconds_count{${labels}}`),
        longest: found.get(`sluice_entry_duration_seconds_bucket{${labels},le="16.777216"}`),
        info: found.get('sluice_bundle_info{bundle="test.shop",version="1.1.0",state="ACTIVE",tier="inline",family="other"}'),
        services: found.get('sluice_bundle_services{bundle="test.shop"}'),
        timers: found.get('sluice_bundle_timers{bundle="test.shop"}'),
        inFlight: found.get('sluice_bundle_in_flight{bundle="system.metrics"}'),
        deploys: found.get('sluice_changes_total{kind="deploy",outcome="committed"}'),
        generation: found.get('sluice_generation'),
      },
      { ok: 4, failed: 1, inf: 5, count: 5, longest: 5, info: 1, services: 1, timers: 1, inFlight: 1, deploys: 3, generation: 3 },
    );
    ok((found.get(`sluice_entry_duration_seconds_sum{${labels}}`) ?? 0) > 0);
    ok((found.get('process_resident_memory_bytes') ?? 0) > 10_000_000);
    await runtime.kernel.uninstall('test.shop', { actor: 'test' });
    equal(
      [...(await series()).keys()].filter((name) => name.includes('test.shop')),
      [],
    );
  });

  it('keeps its counts when it is swapped itself, since it keeps none', async () => {
    await deployMetrics();
    await get('/shop');
    await runtime.deploy(systemBundle('metrics', metricsBundle, {}, '1.0.1'));
    equal((await series()).get('sluice_entries_total{bundle="test.shop",kind="request",outcome="ok"}'), 1);
  });

  it('refuses who is not named, and who has no token where one is set', async () => {
    await deployMetrics({ allowFrom: ['10.0.0.0/8', 'nonsense', '127.0.0.1/40'] });
    equal(((await get('/metrics')).text.match(/METRICS_REFUSED/) ?? [])[0], 'METRICS_REFUSED');
    await runtime.deploy(systemBundle('metrics', metricsBundle, { allowFrom: ['127.0.0.0/8'], token: TOKEN }, '1.0.1'));
    const answers = [await get('/metrics'), await get('/metrics', { authorization: 'Bearer another-token-of-it' })];
    equal([...answers.map(({ status }) => status), (await get('/metrics', { authorization: `Bearer ${TOKEN}` })).status], [403, 403, 200]);
  });
});
