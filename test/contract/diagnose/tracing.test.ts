/** The tracing bundle in the real kernel with a tracer registered, as an operator does it: requests over real HTTP, changes, named work. */
import { deepStrictEqual as equal, match, rejects } from 'node:assert';
import { defineBundle, reply, route, Routes, RouteTable, serveRoutes, SluiceError, Tracing, Type } from '@sluice/sdk';
import { TestRuntime, type TestBundle } from '@sluice/kernel/testing';
import httpBundle from '../../../plugins/system/http/activator.js';
import tracingBundle from '../../../plugins/system/tracing/activator.js';
import { systemBundle } from '../system/system-bundle.js';
import { registerRecordingTracer, type RecordedSpan } from './recording-tracer.js';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const PARENT = 'b7ad6b7169203331';

function shop(version = '1.0.0'): TestBundle {
  const schemas = { responses: { 200: Type.String() } };
  const definition = defineBundle({
    provides: [Routes],
    requires: [Tracing],
    activate: (context) => {
      const tracing = context.reference(Tracing);
      const price = async (): Promise<string> => {
        await Promise.resolve();
        return tracing.traceparent() ?? 'none';
      };
      const handler = async () => reply(200, await tracing.span('price', { currency: 'CNY' }, price));
      serveRoutes(context, {
        routes: [
          route({ method: 'GET', path: '/items/:id', operationId: 'item', summary: 'x', schemas, handler }),
          route({
            method: 'GET',
            path: '/bad',
            operationId: 'bad',
            summary: 'x',
            schemas,
            handler: () => Promise.reject(new Error('planted')),
          }),
        ],
      });
    },
  });
  return { symbolicName: 'test.shop', version, definition, manifest: { http: { mount: '/shop' } } };
}

describe('system.tracing', () => {
  let runtime: TestRuntime;
  let base: string;
  beforeEach(async () => {
    runtime = await TestRuntime.boot({ time: 'real' });
    await runtime.deploy(systemBundle('tracing', tracingBundle), systemBundle('http', httpBundle, { port: 0, host: '127.0.0.1' }), shop());
    base = runtime.service(RouteTable).addresses()[0] as string;
  });
  afterEach(() => runtime.stop());

  const get = async (path: string, traceparent?: string): Promise<unknown> => {
    const headers = { connection: 'close', ...(traceparent === undefined ? {} : { traceparent }) };
    return (await fetch(`${base}${path}`, { headers })).json();
  };

  it('makes nothing while nobody has registered a tracer', async () => {
    equal(await get('/shop/items/1', `00-${TRACE}-${PARENT}-01`), 'none');
    equal(
      runtime.service(Tracing).span('work', {}, () => 7),
      7,
    );
  });

  describe('with a tracer', () => {
    const spans: RecordedSpan[] = [];
    let whenEnded: ((span: RecordedSpan) => void) | undefined;
    let tracer: { unregister(): void };
    beforeEach(() => {
      spans.length = 0;
      tracer = registerRecordingTracer((span) => {
        spans.push(span);
        whenEnded?.(span);
      });
    });
    afterEach(() => tracer.unregister());

    /** The span of a request ends with its answer, which the client may see first. */
    const ended = (name: string): Promise<RecordedSpan> =>
      new Promise((resolve) => {
        const known = spans.find((span) => span.name === name);
        if (known !== undefined) return resolve(known);
        whenEnded = (span) => span.name === name && resolve(span);
      });

    it('continues the trace of the caller, around what the bundle names, and hands it on', async () => {
      const inside = await get('/shop/items/7?x=1', `00-${TRACE}-${PARENT}-01`);
      const request = await ended('GET /shop/items/:id');
      const price = await ended('price');
      const { 'sluice.request.id': requestId, ...attributes } = request.attributes;
      match(String(requestId), /^[0-9a-f-]{36}$/);
      equal(
        { trace: request.traceId, parent: request.parent, attributes, error: request.error },
        {
          trace: TRACE,
          parent: PARENT,
          attributes: {
            'http.request.method': 'GET',
            'url.path': '/shop/items/7',
            'http.route': '/shop/items/:id',
            'http.response.status_code': 200,
            'sluice.bundle': 'test.shop',
            'sluice.bundle.version': '1.0.0',
          },
          error: undefined,
        },
      );
      equal([price.traceId, price.parent, price.attributes], [TRACE, request.spanId, { currency: 'CNY' }]);
      equal(inside, `00-${TRACE}-${price.spanId}-01`);
    });

    it('begins a trace of its own where the header is not of the form, and marks what failed', async () => {
      const wrong = ['', 'x', `ff-${TRACE}-${PARENT}-01`, `00-${'0'.repeat(32)}-${PARENT}-01`, `00-${TRACE}-${PARENT}-01-more`];
      for (const header of wrong) await get('/shop/items/1', header);
      await get('/shop/bad');
      const bad = await ended('GET /shop/bad');
      equal([bad.error, bad.attributes['http.response.status_code']], ['', 500]);
      equal(
        spans.filter(({ name }) => name === 'GET /shop/items/:id').map(({ traceId, parent }) => [traceId === TRACE, parent]),
        wrong.map(() => [false, undefined]),
      );
      const failing = () => runtime.service(Tracing).span('work', {}, () => Promise.reject(new SluiceError('PLANTED', 'customer 4711')));
      await rejects(failing, { code: 'PLANTED' });
      equal((await ended('work')).error, 'PLANTED');
    });

    it('tells a change with its phases end to end', async () => {
      await runtime.deploy(shop('1.1.0'));
      const whole = await ended('sluice deploy');
      const { 'sluice.change.id': id, ...attributes } = whole.attributes;
      match(String(id), /^[0-9a-f-]{36}$/);
      equal(attributes, {
        'sluice.change.actor': 'test',
        'sluice.change.outcome': 'committed',
        'sluice.generation': 2,
        'sluice.bundles': ['test.shop'],
      });
      const phases = spans.filter(({ parent }) => parent === whole.spanId);
      equal(
        phases.slice(0, 3).map(({ name }) => name),
        ['deploy journal', 'deploy load', 'deploy start'],
      );
      for (const [at, phase] of phases.slice(1).entries()) equal(phase.startedAt, phases[at]?.endedAt);
    });
  });
});
