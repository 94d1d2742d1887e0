/** What a client of a typed route can rely on, over real HTTP. */
import { strict as assert } from 'node:assert';
import { Readable } from 'node:stream';
import { bigintText, MoneySchema, reply, route, SluiceError, Type, type RouteDefinition } from '@sluice/sdk';
import { HttpBench } from './http-bench.js';

const transfer = route({
  method: 'POST',
  path: '/transfers/:id',
  operationId: 'transfer',
  summary: 'Transfers money',
  schemas: {
    params: Type.Object({ id: Type.Integer({ minimum: 1 }) }),
    query: Type.Object({ dryRun: Type.Optional(Type.Boolean()), tag: Type.Optional(Type.Array(Type.String())) }),
    body: Type.Object(
      { amount: MoneySchema, legs: Type.Array(Type.Object({ minor: bigintText() })), note: Type.Optional(Type.String({ maxLength: 5 })) },
      { additionalProperties: false },
    ),
    responses: {
      200: Type.Object({
        kinds: Type.Array(Type.String()),
        total: bigintText(),
        nested: Type.Array(MoneySchema),
        dryRun: Type.Boolean(),
        tags: Type.Array(Type.String()),
      }),
    },
  },
  handler: ({ params, query, body }) =>
    reply(200, {
      kinds: [typeof params.id, typeof body.amount.minor],
      total: body.legs.reduce((sum, leg) => sum + leg.minor, 0n),
      nested: [{ minor: body.amount.minor * 2n, currency: body.amount.currency }],
      dryRun: query.dryRun ?? false,
      tags: query.tag ?? [],
    }),
});

function get(
  path: string,
  handler: RouteDefinition['handler'],
  responses: RouteDefinition['schemas']['responses'] = { 200: Type.Any() },
): RouteDefinition {
  return { method: 'GET', path, operationId: `get ${path}`, summary: 'Reads', schemas: { responses }, handler };
}

async function post(bench: HttpBench, path: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return bench.fetch(path, {
    method: 'POST',
    body: typeof body === 'string' ? body : JSON.stringify(body),
    headers: { 'content-type': 'application/json', ...headers },
  });
}

async function json(response: Response): Promise<any> {
  return (await response.json()) as unknown;
}

describe('typed routes', () => {
  let bench: HttpBench;

  beforeEach(async () => {
    bench = await HttpBench.open({ limits: { bodyBytesMax: 200 } });
  });
  afterEach(() => bench.close());

  it('give handlers checked values, with bigint for amounts, and write bigints as text wherever they are', async () => {
    await bench.publish({ routes: [transfer] });
    const response = await post(bench, '/test/transfers/7?dryRun=true&tag=one', {
      amount: { minor: '90071992547409931', currency: 'CNY' },
      legs: [{ minor: '-5' }, { minor: '7' }],
    });
    assert.equal(response.status, 200);
    assert.deepEqual(await json(response), {
      kinds: ['number', 'bigint'],
      total: '2',
      nested: [{ minor: '180143985094819862', currency: 'CNY' }],
      dryRun: true,
      tags: ['one'],
    });
    const [outcome] = await bench.ended(1);
    const { durationMs, ...rest } = outcome as { durationMs: number };
    assert.deepEqual(rest, { kind: 'request', bundle: 'test.bundle', version: '1.0.0', generation: 2, failed: false });
    assert.ok(durationMs > 0);
  });

  it('answer every mistake of path, query and body at once', async () => {
    await bench.publish({ routes: [transfer] });
    const response = await post(
      bench,
      '/test/transfers/0?dryRun=maybe',
      { amount: { minor: 15, currency: 'cny' }, legs: {}, noet: 'x' },
      { 'x-request-id': 'r-1' },
    );
    assert.equal(response.status, 422);
    assert.equal(response.headers.get('content-type'), 'application/problem+json');
    assert.deepEqual(await json(response), {
      type: 'urn:sluice:error:INPUT_INVALID',
      title: 'Unprocessable content',
      status: 422,
      code: 'INPUT_INVALID',
      detail: 'The request has 6 mistakes',
      instance: 'urn:sluice:request:r-1',
      errors: [
        { path: '/params/id', message: 'must be >= 1' },
        { path: '/query/dryRun', message: 'must be boolean, found string' },
        { path: '/body/noet', message: "is not known here; did you mean 'note'?" },
        { path: '/body/amount/minor', message: 'must be string, found number' },
        { path: '/body/amount/currency', message: 'must match pattern "^[A-Z]{3}$"' },
        { path: '/body/legs', message: 'must be array, found object' },
      ],
    });
    assert.deepEqual(
      (await bench.ended(1)).map((outcome) => outcome.failed),
      [false],
    );
  });

  it('refuse bodies that are too large, of another type, compressed, missing or no JSON', async () => {
    await bench.publish({ routes: [transfer] });
    const refusals = [
      await post(bench, '/test/transfers/1', 'x'.repeat(201)),
      await post(bench, '/test/transfers/1', '{}', { 'content-type': 'text/plain' }),
      await post(bench, '/test/transfers/1', '{}', { 'content-encoding': 'gzip' }),
      await bench.fetch('/test/transfers/1', { method: 'POST' }),
      await post(bench, '/test/transfers/1', '{"a":'),
      await post(bench, '/test/transfers/1', '{"__proto__":{"admin":true}}'),
    ];
    const found = await Promise.all(refusals.map(async (response) => [response.status, (await json(response)).code]));
    assert.deepEqual(found, [
      [413, 'BODY_TOO_LARGE'],
      [415, 'BODY_TYPE_UNSUPPORTED'],
      [415, 'BODY_TYPE_UNSUPPORTED'],
      [422, 'INPUT_INVALID'],
      [400, 'BODY_MALFORMED'],
      [400, 'BODY_MALFORMED'],
    ]);
  });

  it('refuse a chunked body once it exceeds the limit, and close the connection', async () => {
    await bench.publish({ routes: [transfer] });
    const client = await bench.connect();
    client.write('POST /test/transfers/1 HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n');
    client.write(`${(150).toString(16)}\r\n${'x'.repeat(150)}\r\n`);
    client.write(`${(150).toString(16)}\r\n${'x'.repeat(150)}\r\n`);
    const answer = await client.untilClosed();
    assert.match(answer, /^HTTP\/1\.1 413 .*\r\n/);
    assert.match(answer, /connection: close/i);
  });

  it('let a client ask before it sends a large body', async () => {
    await bench.publish({ routes: [transfer] });
    const [small, large] = [await bench.connect(), await bench.connect()];
    const head = 'POST /test/transfers/1 HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nExpect: 100-continue\r\n';
    large.write(`${head}Content-Length: 5000\r\n\r\n`);
    assert.match(await large.untilClosed(), /^HTTP\/1\.1 413 /);
    small.write(`${head}Connection: close\r\nContent-Length: 2\r\n\r\n`);
    await small.until((received) => received.startsWith('HTTP/1.1 100 Continue\r\n\r\n'));
    small.write('{}');
    assert.match(await small.untilClosed(), /HTTP\/1\.1 422 /);
  });

  it('never let out an answer their schemas do not allow', async () => {
    await bench.publish({
      routes: [
        get('/undeclared', () => reply(201, {})),
        get('/wrong', () => reply(200, { secret: 'inside' }), { 200: Type.Object({}, { additionalProperties: false }) }),
        get('/nothing', () => reply(200), { 200: Type.Object({}) }),
        get('/empty', () => reply(204), { 204: Type.Null() }),
      ],
    });
    const answers = await Promise.all(
      ['undeclared', 'wrong', 'nothing', 'empty'].map(async (name) => {
        const response = await bench.fetch(`/test/${name}`, { headers: { 'x-request-id': name } });
        return [response.status, await response.text()];
      }),
    );
    const problem = (code: string, name: string): unknown => [
      500,
      JSON.stringify({
        type: `urn:sluice:error:${code}`,
        title: 'Internal server error',
        status: 500,
        code,
        instance: `urn:sluice:request:${name}`,
      }),
    ];
    assert.deepEqual(answers, [
      problem('ROUTE_REPLY_UNDECLARED', 'undeclared'),
      problem('ROUTE_REPLY_INVALID', 'wrong'),
      problem('ROUTE_REPLY_INVALID', 'nothing'),
      [204, ''],
    ]);
    assert.deepEqual((await bench.ended(4)).filter((outcome) => outcome.failed).length, 3);
    assert.deepEqual(bench.messages('error'), ['Request failed', 'Request failed', 'Request failed']);
  });

  it('turn errors into problem documents: ours with code, details and remedy, others without their inside', async () => {
    await bench.publish({
      routes: [
        get('/refused', () => {
          throw new SluiceError('FUNDS_INSUFFICIENT', 'Not enough money', {
            httpStatus: 409,
            details: { missing: 5n },
            remedy: 'Pay in first.',
          });
        }),
        get('/away', () => Promise.reject(new SluiceError('SERVICE_UNAVAILABLE', 'gone', { httpStatus: 503, retryable: true }))),
        get('/broken', () => {
          throw new Error('password=hunter2');
        }),
      ],
    });
    const ask = async (name: string): Promise<unknown> => {
      const response = await bench.fetch(`/test/${name}`, { headers: { 'x-request-id': name } });
      return [response.status, response.headers.get('retry-after'), await json(response)];
    };
    const instance = (name: string): object => ({ instance: `urn:sluice:request:${name}` });
    assert.deepEqual(await ask('refused'), [
      409,
      null,
      {
        type: 'urn:sluice:error:FUNDS_INSUFFICIENT',
        title: 'Conflict',
        status: 409,
        code: 'FUNDS_INSUFFICIENT',
        detail: 'Not enough money',
        ...instance('refused'),
        remedy: 'Pay in first.',
        details: { missing: '5' },
      },
    ]);
    assert.deepEqual(await ask('away'), [
      503,
      '1',
      {
        type: 'urn:sluice:error:SERVICE_UNAVAILABLE',
        title: 'Service unavailable',
        status: 503,
        code: 'SERVICE_UNAVAILABLE',
        detail: 'gone',
        ...instance('away'),
      },
    ]);
    assert.deepEqual(await ask('broken'), [
      500,
      null,
      { type: 'urn:sluice:error:UNEXPECTED', title: 'Internal server error', status: 500, code: 'UNEXPECTED', ...instance('broken') },
    ]);
    await bench.ended(3);
    const logged = bench.lines
      .filter((line) => line.level === 'error')
      .map(({ fields: { error, ...rest } }) => [(error as Error).message, rest]);
    assert.deepEqual(logged, [
      ['gone', { requestId: 'away', bundle: 'test.bundle', version: '1.0.0', method: 'GET', route: '/test/away' }],
      ['password=hunter2', { requestId: 'broken', bundle: 'test.bundle', version: '1.0.0', method: 'GET', route: '/test/broken' }],
    ]);
  });

  it('find text before parameters, whatever the case, with or without a slash at the end', async () => {
    await bench.publish({
      routes: [
        get('/users/:name', ({ params }) => reply(200, { name: (params as { name: string }).name })),
        get('/users/me', () => reply(200, 'me')),
        get('/', () => reply(200, 'root')),
      ],
      title: 'Users',
    });
    const answers = await Promise.all(
      [
        '/test/users/me',
        '/TEST/Users/ME/',
        '/test/users/J%C3%BCrg',
        '/test/users/%zz',
        '/test',
        '/test/',
        '/test/users/me//',
        '/testing',
      ].map(async (path) => {
        const response = await bench.fetch(path);
        return response.status === 200 ? await json(response) : response.status;
      }),
    );
    assert.deepEqual(answers, ['me', 'me', { name: 'Jürg' }, { name: '%zz' }, 'root', 'root', 404, 404]);
  });

  it('answer HEAD, OPTIONS, 405 and 404 as @koa/router does, and say which route was probably meant', async () => {
    await bench.publish({
      routes: [get('/things', () => reply(200, [1, 2, 3])), { ...transfer, path: '/things', schemas: { responses: { 200: Type.Any() } } }],
    });
    const head = await bench.fetch('/test/things', { method: 'HEAD' });
    assert.deepEqual([head.status, head.headers.get('content-length'), await head.text()], [200, '7', '']);
    const options = await bench.fetch('/test/things', { method: 'OPTIONS' });
    assert.deepEqual([options.status, options.headers.get('allow')], [200, 'HEAD, GET, POST']);
    const wrong = await bench.fetch('/test/things', { method: 'DELETE' });
    assert.deepEqual([wrong.status, wrong.headers.get('allow'), (await json(wrong)).code], [405, 'HEAD, GET, POST', 'METHOD_NOT_ALLOWED']);
    const missing = await bench.fetch('/test/thigns');
    const { status, code, remedy } = await json(missing);
    assert.deepEqual([status, code, remedy], [404, 'ROUTE_UNKNOWN', "Did you mean 'POST /test/things'?"]);
  });

  it('stream bodies, and end the entry only when the stream has ended', async () => {
    let push: (text: string | null) => void = () => undefined;
    const stream = new Readable({ read: () => undefined });
    push = (text) => stream.push(text);
    await bench.publish({ routes: [get('/events', () => reply(200, stream, { 'content-type': 'text/event-stream' }))] });
    const response = await bench.fetch('/test/events');
    const reader = response.body?.getReader();
    push('data: 1\n\n');
    assert.equal(Buffer.from((await reader?.read())?.value ?? []).toString(), 'data: 1\n\n');
    assert.deepEqual([bench.entries.total, bench.handler.traffic.counts()], [1, { 'test.bundle': 1 }]);
    push(null);
    assert.equal((await reader?.read())?.done, true);
    await bench.ended(1);
    assert.deepEqual([bench.entries.total, bench.handler.traffic.counts()], [0, {}]);
  });

  it('end event streams of a replaced revision, so that clients come back to the new one', async () => {
    const stream = new Readable({ read: () => undefined });
    stream.push('data: old\n\n');
    const old = await bench.publish({ routes: [get('/events', () => reply(200, stream, { 'content-type': 'text/event-stream' }))] });
    const response = await bench.fetch('/test/events');
    const text = response.text();
    await bench.publish({ routes: [get('/events', () => reply(200, 'new'))] }, { version: '1.1.0', replaces: old });
    assert.equal(await text, 'data: old\n\n');
    assert.deepEqual(
      (await bench.ended(1)).map(({ version, failed }) => [version, failed]),
      [['1.0.0', false]],
    );
  });

  it('tell a handler that its client went away, and wait for it before the entry ends', async () => {
    let finish: () => void = () => undefined;
    const aborted = new Promise<void>((resolve) => {
      void bench.publish({
        routes: [
          get('/slow', async ({ signal }) => {
            await new Promise<void>((gone) => signal.addEventListener('abort', () => gone()));
            resolve();
            await new Promise<void>((done) => {
              finish = done;
            });
            return reply(200);
          }),
        ],
      });
    });
    const client = await bench.connect();
    client.write('GET /test/slow HTTP/1.1\r\nHost: x\r\n\r\n');
    client.socket.end();
    client.socket.destroy();
    await aborted;
    assert.equal(bench.entries.total, 1);
    finish();
    assert.deepEqual(
      (await bench.ended(1)).map((outcome) => outcome.failed),
      [false],
    );
  });
});
