/** Routes that bundles declare on an @koa/router: equal to Koa with the router itself, but for the form of errors. */
import { strict as assert } from 'node:assert';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { Router } from '@koa/router';
import Koa from 'koa';
import { SluiceError } from '@sluice/sdk';
import { HttpBench } from './http-bench.js';

function sampleRouter(): Router {
  const router = new Router();
  router.use(async (context, next) => {
    context.set('x-middleware', 'seen');
    await next();
  });
  router.get('/users/:id', (context) => {
    context.body = { id: context.params['id'], query: context.query };
  });
  router.get('named', '/users/:id/notes/*rest', (context) => {
    context.body = `${String(context['_matchedRouteName'])} ${context.params['rest']}`;
  });
  router.post('/users', (context) => {
    context.status = 201;
    context.set('location', '/users/1');
    context.body = null;
  });
  router.put('/users/:id', () => undefined);
  router.get(/^\/files\/(\d+)$/, (context) => {
    context.body = context['captures'] as unknown;
  });
  router.all('/any', (context) => {
    context.body = context.method;
  });
  router.redirect('/old', '/users/1', 302);
  return router;
}

const REQUESTS: readonly (readonly [string, string])[] = [
  ['GET', '/users/7?a=1&a=2'],
  ['GET', '/USERS/7/'],
  ['GET', '/users/%E4%B8%AD'],
  ['GET', '/users/%zz'],
  ['HEAD', '/users/7'],
  ['GET', '/users/7/notes/a/b%20c'],
  ['POST', '/users'],
  ['PUT', '/users/7'],
  ['DELETE', '/users/7'],
  ['OPTIONS', '/users/7'],
  ['OPTIONS', '/nowhere'],
  ['GET', '/nowhere'],
  ['GET', '/files/12'],
  ['GET', '/files/x'],
  ['PATCH', '/any'],
  ['GET', '/old'],
  ['GET', '/'],
  ['GET', '/users//'],
];

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | null>>;
  readonly body: string | null;
}

async function ask(base: string, method: string, path: string): Promise<Answer> {
  const response = await fetch(`${base}${path}`, { method, redirect: 'manual', headers: { connection: 'close' } });
  const text = await response.text();
  const names = [
    'allow',
    'location',
    'x-middleware',
    ...(response.status < 400 ? ['content-length'] : []),
    ...(response.ok && text !== '' ? ['content-type'] : []),
  ];
  const headers = Object.fromEntries(names.map((name) => [name, response.headers.get(name)]));
  // Errors are problem documents here and plain text there; their status and headers are what must be equal.
  return { status: response.status, headers, body: response.status < 400 ? text : null };
}

describe('routes on a router', () => {
  let bench: HttpBench;

  beforeEach(async () => {
    bench = await HttpBench.open();
  });
  afterEach(() => bench.close());

  it('answer as Koa with the router and allowedMethods() answers', async () => {
    await bench.publish({ router: sampleRouter() }, { mount: '/' });
    const app = new Koa();
    const router = sampleRouter();
    app.use(router.routes()).use(router.allowedMethods());
    const callback = app.callback();
    const reference: Server = createServer((request, response) => void callback(request, response));
    await new Promise<void>((resolve) => reference.listen(0, '127.0.0.1', resolve));
    try {
      const base = `http://127.0.0.1:${(reference.address() as AddressInfo).port}`;
      for (const [method, path] of REQUESTS) {
        assert.deepEqual(await ask(bench.url, method, path), await ask(base, method, path), `${method} ${path}`);
      }
    } finally {
      await new Promise((resolve) => reference.close(resolve));
    }
  });

  it('see their path below the mount, and the whole path in the context', async () => {
    const router = new Router().get('/inner', (context) => {
      context.body = { path: context.path, url: context.url };
    });
    await bench.publish({ router }, { mount: '/Outer/Mount' });
    const response = await bench.fetch('/outer/mount/inner?x=1');
    assert.deepEqual(await response.json(), { path: '/outer/mount/inner', url: '/outer/mount/inner?x=1' });
  });

  it('are left to the router where it does more than its stack says', async () => {
    const router = new Router({ exclusive: true });
    router.get('/:any', (context, next) => {
      context.body = 'first';
      return next();
    });
    router.get('/two', (context) => {
      context.body = 'last wins';
    });
    await bench.publish({ router });
    const answers = await Promise.all(
      [
        ['GET', '/test/two'],
        ['GET', '/test/other'],
        ['POST', '/test/two'],
        ['GET', '/test/a/b'],
        ['OPTIONS', '/test/two'],
      ].map(async ([method = '', path = '']) => {
        const response = await bench.fetch(path, { method });
        return [response.status, response.headers.get('allow'), response.status < 400 ? await response.text() : null];
      }),
    );
    assert.deepEqual(answers, [
      [200, null, 'last wins'],
      [200, null, 'first'],
      [405, 'HEAD, GET', null],
      [404, null, null],
      [200, 'HEAD, GET', ''],
    ]);
  });

  it('get errors answered as problem documents, without the headers the failed handler set', async () => {
    const router = new Router();
    router.get('/thrown', (context) => {
      context.set('x-partial', 'yes');
      context.throw(403, 'not yours');
    });
    router.get('/ours', () => {
      throw new SluiceError('LIMIT_EXCEEDED', 'Too much', { httpStatus: 422, details: { limit: 3n } });
    });
    router.get('/broken', () => Promise.reject(new Error('inside')));
    router.get('/unwritable', (context) => {
      context.body = { amount: 1n };
    });
    router.get('/empty', () => undefined);
    await bench.publish({ router });
    const answers = await Promise.all(
      ['thrown', 'ours', 'broken', 'unwritable', 'empty'].map(async (name) => {
        const response = await bench.fetch(`/test/${name}`, { headers: { 'x-request-id': name } });
        const { status, code, detail, details, instance } = (await response.json()) as Record<string, unknown>;
        return [response.headers.get('content-type'), response.headers.get('x-partial'), status, code, detail, details, instance];
      }),
    );
    const type = 'application/problem+json';
    assert.deepEqual(answers, [
      [type, null, 403, 'HTTP_403', 'not yours', undefined, 'urn:sluice:request:thrown'],
      [type, null, 422, 'LIMIT_EXCEEDED', 'Too much', { limit: '3' }, 'urn:sluice:request:ours'],
      [type, null, 500, 'UNEXPECTED', undefined, undefined, 'urn:sluice:request:broken'],
      [type, null, 500, 'UNEXPECTED', undefined, undefined, 'urn:sluice:request:unwritable'],
      [type, null, 404, 'NOT_FOUND', 'Nothing was found at /test/empty', undefined, 'urn:sluice:request:empty'],
    ]);
    await bench.ended(5);
    assert.deepEqual(bench.outcomes.filter(({ failed }) => failed).length, 2);
    assert.deepEqual(bench.messages('error'), ['Request failed', 'Request failed']);
  });

  it('limit chunked bodies that handlers read by themselves', async () => {
    await bench.close();
    bench = await HttpBench.open({ limits: { bodyBytesMax: 10 } });
    const read: string[] = [];
    const router = new Router().post('/', async (context) => {
      for await (const chunk of context.req) read.push(String(chunk));
      context.body = 'read';
    });
    await bench.publish({ router });
    const small = await bench.connect();
    small.write('POST /test HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n');
    assert.match(await small.untilClosed(), /^HTTP\/1\.1 200 [^]*read/);
    const large = await bench.connect();
    large.write('POST /test HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n12345678\r\n8\r\n12345678\r\n');
    assert.match(await large.untilClosed(), /^HTTP\/1\.1 413 [^]*BODY_TOO_LARGE/);
    const announced = await bench.connect();
    announced.write('POST /test HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\n');
    assert.match(await announced.untilClosed(), /^HTTP\/1\.1 413 /);
    assert.equal(read.join('').includes('1234567812345678'), false);
    await bench.ended(3);
    assert.equal(bench.entries.total, 0);
  });

  it('stream, and end the entry with the stream', async () => {
    const stream = new Readable({ read: () => undefined });
    const router = new Router().get('/stream', (context) => {
      context.type = 'text/plain';
      context.body = stream;
    });
    await bench.publish({ router });
    const client = await bench.connect();
    client.write('GET /test/stream HTTP/1.1\r\nHost: x\r\n\r\n');
    stream.push('one');
    await client.until((received) => received.includes('one'));
    assert.equal(bench.entries.total, 1);
    client.socket.destroy();
    await bench.ended(1);
    assert.equal(bench.entries.total, 0);
    assert.equal(stream.destroyed, true);
  });

  it('know the client behind trusted proxies, the request id and the abort signal', async () => {
    await bench.close();
    bench = await HttpBench.open({ trustedProxies: ['127.0.0.0/8'] });
    const router = new Router().get('/who', (context) => {
      context.body = [context.ip, context.protocol, context['requestId'], (context['signal'] as AbortSignal).aborted];
    });
    await bench.publish({ router });
    const response = await bench.fetch('/test/who', {
      headers: { 'x-forwarded-for': '6.6.6.6, 203.0.113.9, 127.0.0.2', 'x-forwarded-proto': 'https', 'x-request-id': 'abc-1' },
    });
    assert.deepEqual(await response.json(), ['203.0.113.9', 'https', 'abc-1', false]);
  });
});
