/** The server around the routes: identification, security, files, documents, change of configuration, hand-over and stop. */
import { strict as assert } from 'node:assert';
import { Agent, request } from 'node:http';
import { reply, Type, type RouteDefinition, type RouteSet } from '@sluice/sdk';
import { HttpBench } from './http-bench.js';

function get(path: string, handler: RouteDefinition['handler'], extra: Partial<RouteDefinition> = {}): RouteDefinition {
  return {
    method: 'GET',
    path,
    operationId: path.slice(1) || 'root',
    summary: 'Reads',
    schemas: { responses: { 200: Type.Any() } },
    handler,
    ...extra,
  };
}

const text = (content: string): Uint8Array => new TextEncoder().encode(content);

describe('http server', () => {
  let bench: HttpBench;

  beforeEach(async () => {
    bench = await HttpBench.open({ cors: { origins: ['https://bank.example'], credentials: true } });
  });
  afterEach(() => bench.close());

  it('identifies every answer, and takes an id only when it is safe to repeat', async () => {
    await bench.publish({ routes: [get('/id', ({ requestId }) => reply(200, requestId))] });
    const given = await bench.fetch('/test/id', { headers: { 'x-request-id': 'order-4711.a' } });
    assert.deepEqual([given.headers.get('x-request-id'), await given.json()], ['order-4711.a', 'order-4711.a']);
    const made = await bench.fetch('/nowhere', { headers: { 'x-request-id': 'not safe <script>' } });
    assert.match(made.headers.get('x-request-id') ?? '', /^[0-9a-f-]{36}$/);
  });

  it('passes on a valid trace context and drops one that is none', async () => {
    await bench.publish({
      routes: [get('/trace', ({ headers }) => reply(200, [headers['traceparent'] ?? null, headers['tracestate'] ?? null]))],
    });
    const ask = async (traceparent: string): Promise<unknown> =>
      (await bench.fetch('/test/trace', { headers: { traceparent, tracestate: 'vendor=1' } })).json();
    const valid = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    assert.deepEqual(await ask(valid), [valid, 'vendor=1']);
    assert.deepEqual(await ask('00-00000000000000000000000000000000-00f067aa0ba902b7-01'), [null, null]);
  });

  it('adds security headers to every answer, errors included', async () => {
    const { headers } = await bench.fetch('/nowhere');
    assert.deepEqual(
      ['x-content-type-options', 'x-frame-options', 'referrer-policy'].map((name) => headers.get(name)),
      ['nosniff', 'DENY', 'no-referrer'],
    );
  });

  it('lets scripts of configured origins in, and nobody else', async () => {
    await bench.publish({ routes: [get('/data', () => reply(200, 1))] });
    const preflight = (origin: string): Promise<Response> =>
      bench.fetch('/test/data', { method: 'OPTIONS', headers: { origin, 'access-control-request-method': 'GET' } });
    const allowed = await preflight('https://bank.example');
    assert.deepEqual(
      [
        allowed.status,
        ...['origin', 'credentials', 'methods', 'max-age'].map((name) =>
          allowed.headers.get(`access-control-${name === 'max-age' ? name : `allow-${name}`}`),
        ),
      ],
      [204, 'https://bank.example', 'true', 'HEAD, GET', '600'],
    );
    const refused = await preflight('https://evil.example');
    assert.deepEqual(
      [refused.status, refused.headers.get('access-control-allow-origin'), refused.headers.get('vary')],
      [200, null, 'Origin'],
    );
    const answer = await bench.fetch('/test/data', { headers: { origin: 'https://bank.example' } });
    assert.deepEqual([answer.status, answer.headers.get('access-control-allow-origin')], [200, 'https://bank.example']);
  });

  it('serves static files by name only, with a tag that spares sending them again', async () => {
    await bench.publish({
      staticFiles: new Map([
        ['public/index.html', text('<h1>hi</h1>')],
        ['public/a b.css', text('x{}')],
      ]),
    });
    const page = await bench.fetch('/test/');
    assert.deepEqual([page.status, page.headers.get('content-type'), await page.text()], [200, 'text/html; charset=utf-8', '<h1>hi</h1>']);
    const again = await bench.fetch('/test/index.html', { headers: { 'if-none-match': `"other", ${page.headers.get('etag')}` } });
    assert.deepEqual([again.status, await again.text()], [304, '']);
    assert.equal((await bench.fetch('/test/a%20b.css')).headers.get('content-type'), 'text/css; charset=utf-8');
    const client = await bench.connect();
    client.write('GET /test/../test/%2e%2e/index.html HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    assert.match(await client.untilClosed(), /^HTTP\/1\.1 404 /);
    assert.equal((await bench.fetch('/test/index.html', { method: 'POST' })).status, 405);
    assert.deepEqual(bench.outcomes, []);
  });

  it('describes the routes of each bundle, and all of them, in OpenAPI', async () => {
    await bench.publish({ title: 'Things', routes: [get('/things/:id', () => reply(200, 1))] }, { bundle: 'b.things', mount: '/things' });
    await bench.publish({ routes: [get('/', () => reply(200, 1))] }, { bundle: 'a.root', mount: '/a' });
    const own = (await (await bench.fetch('/things/openapi.json')).json()) as { info: unknown; paths: object };
    assert.deepEqual([own.info, Object.keys(own.paths)], [{ title: 'Things', version: '1.0.0' }, ['/things/things/{id}']]);
    const merged = (await (await bench.fetch('/openapi.json')).json()) as {
      openapi: string;
      tags: { name: string }[];
      paths: Record<string, any>;
    };
    assert.deepEqual(
      [merged.openapi, merged.tags.map(({ name }) => name), Object.keys(merged.paths), merged.paths['/a'].get.operationId],
      ['3.1.0', ['a.root', 'b.things'], ['/a', '/things/things/{id}'], 'a.root.root'],
    );
  });

  it('refuses WebSocket upgrades cleanly, and ignores others', async () => {
    await bench.publish({ routes: [get('/', () => reply(200, 'plain'))] });
    const socket = await bench.connect();
    socket.write(
      'GET /test HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13\r\n\r\n',
    );
    assert.match(await socket.untilClosed(), /^HTTP\/1\.1 501 [^]*UPGRADE_UNSUPPORTED/);
    const h2c = await bench.connect();
    h2c.write('GET /test HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, close\r\nUpgrade: h2c\r\n\r\n');
    assert.match(await h2c.untilClosed(), /^HTTP\/1\.1 200 [^]*"plain"/);
  });

  it('says 503 while nothing is served, and 501 for methods nobody implements', async () => {
    const empty = await bench.fetch('/anything');
    assert.deepEqual(
      [empty.status, ((await empty.json()) as { code: string }).code, empty.headers.get('retry-after')],
      [503, 'NOTHING_SERVED', '1'],
    );
    await bench.publish({ routes: [get('/', () => reply(200, 1))] });
    const client = await bench.connect();
    client.write('LOCK /test HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    assert.match(await client.untilClosed(), /^HTTP\/1\.1 501 [^]*allow: HEAD, GET/i);
  });

  it('refuses conflicts naming both bundles, and keeps serving as before', async () => {
    await bench.publish({ routes: [get('/', () => reply(200, 'first'))] }, { bundle: 'first', mount: '/shared' });
    const size = bench.cache.size;
    await assert.rejects(bench.publish({ routes: [get('/', () => reply(200, 'second'))] }, { bundle: 'second', mount: '/Shared/' }), {
      code: 'ROUTE_CONFLICT',
      message: 'Routes cannot be published: /shared of second 1.0.0 collides with first 1.0.0: both are mounted there',
    });
    assert.equal(await (await bench.fetch('/shared')).json(), 'first');
    assert.equal(bench.cache.size, size);
  });

  it('asks self-test routes through the real handlers before anybody sees them', async () => {
    const calls: string[] = [];
    const selfTest = get('/ready', ({ requestId }) => reply(200, calls.push(requestId)), { selfTest: true });
    await bench.publish({ routes: [selfTest] }, { mount: '/good' });
    assert.deepEqual(calls, ['self-test']);
    const broken = get('/ready', () => reply(200, { a: 1n }), {
      selfTest: true,
      schemas: { responses: { 200: Type.Object({ a: Type.String() }) } },
    });
    const { size } = bench.cache;
    await assert.rejects(
      bench.publish({ routes: [broken] }, { bundle: 'bad', mount: '/bad' }),
      (error: { code: string; message: string }) => {
        assert.deepEqual([error.code, error.message], ['SELF_TEST_FAILED', "Self-test of 'bad' 1.0.0 failed: route 'ready' answered 500"]);
        return true;
      },
    );
    assert.equal((await bench.fetch('/bad/ready')).status, 404);
    assert.deepEqual([bench.outcomes.length, bench.cache.size > size], [0, true]);
  });

  it('gives validators back when their last revision leaves', async () => {
    const set: RouteSet = { routes: [get('/x', () => reply(200, 1))] };
    const first = await bench.publish(set);
    assert.equal(bench.cache.size, 1);
    const second = await bench.publish(set, { version: '1.1.0', replaces: first });
    assert.equal(bench.cache.size, 1);
    bench.publisher.publish(undefined, [second]);
    assert.equal(bench.cache.size, 0);
  });

  it('takes changed settings at once: limits, address, and refuses what cannot be', async () => {
    await bench.publish({ routes: [get('/', () => reply(200, 1))] });
    const before = bench.port;
    const { settings } = bench.handler;
    await bench.listener.reconfigure({ ...settings, limits: { ...settings.limits, keepAliveTimeoutMs: 1234 } });
    const kept = await bench.fetch('/test', { headers: { connection: 'keep-alive' } });
    assert.equal(kept.headers.get('keep-alive'), 'timeout=1');
    await assert.rejects(bench.listener.reconfigure({ ...settings, host: '203.0.113.1' }), { code: 'LISTEN_FAILED' });
    await assert.rejects(bench.listener.reconfigure({ ...settings, tls: { certFile: '/none.pem', keyFile: '/none.key' } }), {
      code: 'TLS_FILES_INVALID',
    });
    assert.equal(bench.port, before);
    await bench.listener.reconfigure({ ...settings, host: '127.0.0.2' });
    assert.match(bench.url, /^http:\/\/127\.0\.0\.2:\d+$/);
    assert.equal((await bench.fetch('/test')).status, 200);
    await assert.rejects(fetch(`http://127.0.0.1:${before}/test`));
  });

  it('hands the port over without losing a request: busy and idle connections, old and new', async () => {
    const set: RouteSet = { routes: [get('/', () => reply(200, 'served'))] };
    await bench.publish(set);
    const agent = new Agent({ keepAlive: true, maxSockets: 8 });
    const address = bench.port;
    const results: { status: number; close: boolean }[] = [];
    const state = { stopped: false };
    const client = async (): Promise<void> => {
      while (!state.stopped) results.push(await askKept(agent, address, '/test'));
    };
    const clients = Array.from({ length: 8 }, client);
    while (results.length < 100) await new Promise((resolve) => setImmediate(resolve));

    const next = await bench.successor();
    await next.publish(set, { version: '2.0.0' });
    bench.listener.handOver(next.listener);
    assert.deepEqual([bench.listener.addresses(), next.port], [[], address]);
    const switched = results.length;
    while (results.length < switched + 100) await new Promise((resolve) => setImmediate(resolve));
    // And back: a revision that returns after a failed probation.
    next.listener.handOver(bench.listener);
    const back = results.length;
    while (results.length < back + 100) await new Promise((resolve) => setImmediate(resolve));
    state.stopped = true;
    await Promise.all(clients);
    agent.destroy();
    await next.close();
    assert.deepEqual([...new Set(results.map(({ status }) => status))], [200]);
    const closed = results.filter(({ close }) => close).length;
    assert.ok(closed > 0 && closed <= 16, `${closed} answers closed their connection`);
    assert.ok(next.outcomes.length > 0 && bench.outcomes.length > 0);
  });

  it('stops by accepting nothing new, letting running requests end, and cutting what does not end in time', async () => {
    let release: () => void = () => undefined;
    const entered = new Promise<void>((inside) => {
      void bench.publish({
        routes: [
          get('/slow', async () => {
            inside();
            await new Promise<void>((resolve) => {
              release = resolve;
            });
            return reply(200, 'finished');
          }),
        ],
      });
    });
    const { port } = bench;
    const slow = await bench.connect();
    const idle = await bench.connect();
    slow.write('GET /test/slow HTTP/1.1\r\nHost: x\r\n\r\n');
    await entered;
    const stopping = bench.listener.stop();
    await assert.rejects(fetch(`http://127.0.0.1:${port}/`));
    release();
    const answer = await slow.untilClosed();
    assert.match(answer, /^HTTP\/1\.1 200 [^]*connection: close[^]*"finished"/i);
    await stopping;
    assert.equal(await idle.untilClosed(), '');
    assert.deepEqual(bench.messages('warn'), []);
  });

  it('cuts what does not end in time when it stops, and says so', async () => {
    await bench.close();
    bench = await HttpBench.open({ limits: { drainMs: 20 } });
    const entered = new Promise<void>((inside) => {
      void bench.publish({ routes: [get('/stuck', () => new Promise(() => inside()))] });
    });
    const stuck = await bench.connect();
    stuck.write('GET /test/stuck HTTP/1.1\r\nHost: x\r\n\r\n');
    await entered;
    await bench.listener.stop();
    assert.equal(await stuck.untilClosed(), '');
    assert.deepEqual(bench.messages('warn'), ['Requests were cut because they did not end in time']);
  });
});

function askKept(agent: Agent, port: number, path: string): Promise<{ status: number; close: boolean }> {
  return new Promise((resolve, reject) => {
    const asked = request({ agent, port, path, host: '127.0.0.1' }, (response) => {
      response.resume();
      response.once('end', () => resolve({ status: response.statusCode ?? 0, close: response.headers.connection === 'close' }));
    });
    asked.once('error', reject);
    asked.end();
  });
}
