/** Every bound on clients and bundles, each seen to hold. */
import { strict as assert } from 'node:assert';
import { reply, Type, type RouteDefinition } from '@sluice/sdk';
import { HttpBench } from './http-bench.js';

interface Held {
  readonly route: RouteDefinition;
  /** Requests inside the handler, oldest first; each is let go by calling it. */
  readonly inside: (() => void)[];
  /** Resolves when so many are inside. */
  entered(count: number): Promise<void>;
}

/** A route whose requests stay inside until the test lets them go. */
function holding(extra: Partial<RouteDefinition> = {}): Held {
  const inside: (() => void)[] = [];
  let changed: () => void = () => undefined;
  return {
    inside,
    entered: async (count) => {
      while (inside.length < count) await new Promise<void>((resolve) => (changed = resolve));
    },
    route: {
      method: 'GET',
      path: '/held',
      operationId: 'held',
      summary: 'Waits',
      schemas: { responses: { 200: Type.Any() } },
      handler: async () => {
        await new Promise<void>((release) => {
          inside.push(release);
          changed();
        });
        return reply(200, 'done');
      },
      ...extra,
    },
  };
}

async function statusAndCode(response: Response): Promise<unknown> {
  const body = (await response.json()) as { code?: string };
  return [response.status, response.status < 400 ? body : body.code, response.headers.get('retry-after')];
}

describe('limits', () => {
  let bench: HttpBench;

  afterEach(() => bench.close());

  it('a bundle at its limit queues, in order, and refuses when the queue is full', async () => {
    bench = await HttpBench.open({ limits: { perBundleMax: 1, queueMax: 1, queueWaitMs: 60_000 } });
    const held = holding();
    await bench.publish({ routes: [held.route] });
    const first = bench.fetch('/test/held');
    await held.entered(1);
    const second = bench.fetch('/test/held');
    // The refusal proves that the one before stands in the queue; which of the two that is does not matter.
    const third = bench.fetch('/test/held');
    const refused = await Promise.race([second, third]);
    assert.deepEqual(await statusAndCode(refused), [503, 'BUNDLE_BUSY', '1']);
    assert.deepEqual(bench.handler.traffic.counts(), { 'test.bundle': 1 });
    held.inside[0]?.();
    assert.deepEqual(await statusAndCode(await first), [200, 'done', null]);
    await held.entered(2);
    held.inside[1]?.();
    const statuses = (await Promise.all([second, third])).map((response) => response.status);
    assert.deepEqual(new Set(statuses), new Set([200, 503]));
    await bench.ended(2);
  });

  it('a request that waits too long is refused, and one whose client leaves makes room', async () => {
    bench = await HttpBench.open({ limits: { perBundleMax: 1, queueMax: 1, queueWaitMs: 30 } });
    const held = holding();
    await bench.publish({ routes: [held.route] });
    const first = bench.fetch('/test/held');
    await held.entered(1);
    assert.deepEqual(await statusAndCode(await bench.fetch('/test/held')), [503, 'BUNDLE_BUSY', '1']);
    assert.equal(bench.handler.traffic.bundle('test.bundle').gate.waiting, 0);
    held.inside[0]?.();
    await first;
    await bench.ended(1);
  });

  it('a route has a limit of its own beside its bundle', async () => {
    bench = await HttpBench.open({ limits: { queueMax: 0 } });
    const held = holding({ concurrencyMax: 1 });
    const free = { ...holding().route, path: '/free', operationId: 'free', handler: () => reply(200, 'free') };
    await bench.publish({ routes: [held.route, free] });
    const first = bench.fetch('/test/held');
    await held.entered(1);
    assert.deepEqual(await statusAndCode(await bench.fetch('/test/held')), [503, 'BUNDLE_BUSY', '1']);
    assert.deepEqual(await statusAndCode(await bench.fetch('/test/free')), [200, 'free', null]);
    held.inside[0]?.();
    await first;
    await bench.ended(2);
  });

  it('a queued request finds its route anew when it is let in', async () => {
    bench = await HttpBench.open({ limits: { perBundleMax: 1, queueMax: 1, queueWaitMs: 60_000 } });
    const held = holding();
    const old = await bench.publish({ routes: [held.route] });
    const first = bench.fetch('/test/held');
    await held.entered(1);
    const queued = bench.fetch('/test/held');
    const { gate } = bench.handler.traffic.bundle('test.bundle');
    while (gate.waiting === 0) await new Promise((resolve) => setImmediate(resolve));
    await bench.publish({ routes: [{ ...held.route, handler: () => reply(200, 'new') }] }, { version: '2.0.0', replaces: old });
    held.inside[0]?.();
    assert.deepEqual(await statusAndCode(await first), [200, 'done', null]);
    assert.deepEqual(await statusAndCode(await queued), [200, 'new', null]);
    const outcomes = await bench.ended(2);
    assert.deepEqual(
      outcomes.map(({ version, generation }) => [version, generation]),
      [
        ['1.0.0', 2],
        ['2.0.0', 3],
      ],
    );
  });

  it('a handler that takes too long is given up: 503 naming the bundle, signal aborted, entry ended as failed', async () => {
    bench = await HttpBench.open();
    let aborted = '';
    await bench.publish({
      routes: [
        {
          ...holding().route,
          timeoutMs: 20,
          handler: ({ signal }) => new Promise(() => signal.addEventListener('abort', () => (aborted = (signal.reason as Error).message))),
        },
      ],
    });
    const response = await bench.fetch('/test/held');
    const { status, code, detail, details } = (await response.json()) as Record<string, unknown>;
    assert.deepEqual(
      [status, code, detail, details, response.headers.get('retry-after')],
      [503, 'ROUTE_TIMEOUT', "'test.bundle' did not answer within 20 ms", { bundle: 'test.bundle', version: '1.0.0', limitMs: 20 }, '1'],
    );
    assert.deepEqual(
      (await bench.ended(1)).map(({ failed }) => failed),
      [true],
    );
    assert.equal(aborted, 'Time limit of 20 ms exceeded');
    assert.deepEqual([bench.handler.traffic.size, bench.handler.traffic.counts()], [0, {}]);
    assert.deepEqual(bench.messages('warn'), ['Request exceeded its time limit']);
  });

  it('heads that are too large, too slow or no HTTP are answered with problem documents', async () => {
    bench = await HttpBench.open({ limits: { headerBytesMax: 1024, headersTimeoutMs: 100, receiveTimeoutMs: 100 } });
    const ask = async (text: string): Promise<unknown> => {
      const client = await bench.connect();
      client.write(text);
      const answer = await client.untilClosed();
      return [answer.slice(9, 12), (JSON.parse(answer.slice(answer.indexOf('{'))) as { code: string }).code];
    };
    assert.deepEqual(await ask(`GET / HTTP/1.1\r\nHost: x\r\nX-Long: ${'x'.repeat(2000)}\r\n\r\n`), ['431', 'HEADERS_TOO_LARGE']);
    assert.deepEqual(await ask('NONSENSE\r\n\r\n'), ['400', 'REQUEST_MALFORMED']);
    assert.deepEqual(await ask('GET / HTTP/1.1\r\nHost: x\r\n'), ['408', 'REQUEST_INCOMPLETE']);
    assert.deepEqual(await ask('GET / HTTP/1.1\r\nConnection: close\r\n\r\n'), ['400', 'REQUEST_MALFORMED']);
  });

  it('connections above the limit are refused', async () => {
    bench = await HttpBench.open({ limits: { connectionsMax: 1 } });
    const first = await bench.connect();
    const second = await bench.connect();
    assert.equal(await second.untilClosed(), '');
    first.socket.destroy();
    await first.untilClosed();
    assert.deepEqual(bench.messages('warn'), ['Connection refused: too many are open']);
  });
});
