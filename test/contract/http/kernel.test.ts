/** The http bundle in the real kernel: its own swap under load, swaps of bundles it serves, and what is left after the stop. */
import { strict as assert } from 'node:assert';
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { Router } from '@koa/router';
import { defineBundle, reply, route, Routes, RouteTable, serveRoutes, Type, type ManifestSection, type RouteSet } from '@sluice/sdk';
import { TestRuntime, type TestBundle } from '@sluice/kernel/testing';
import http from '../../../plugins/system/http/activator.js';

const source = JSON.parse(readFileSync(join(process.cwd(), 'plugins/system/http/package.json'), 'utf8')) as { sluice: ManifestSection };

function httpBundle(version: string): TestBundle {
  const { sdk: _sdk, symbolicName: _name, ...manifest } = source.sluice;
  const config = { ...manifest.config, schema: manifest.config?.schema ?? {}, defaults: { ...manifest.config?.defaults, port: 0 } };
  return { symbolicName: 'system.http', version, definition: http, manifest: { ...manifest, config } };
}

function serving(symbolicName: string, version: string, mount: string, routes: RouteSet): TestBundle {
  return {
    symbolicName,
    version,
    definition: defineBundle({
      provides: [Routes],
      activate(context) {
        serveRoutes(context, routes, mount);
      },
    }),
  };
}

function typed(answer: string, more: object = {}): RouteSet {
  return {
    routes: [
      route({
        method: 'GET',
        path: '/version',
        operationId: 'version',
        summary: 'Says its version',
        schemas: { responses: { 200: Type.String() } },
        handler: () => reply(200, answer),
        ...more,
      }),
    ],
  };
}

function routed(answer: string): RouteSet {
  return {
    router: new Router().get('/version', (context) => {
      context.body = answer;
    }),
  };
}

describe('http bundle in the kernel', () => {
  let runtime: TestRuntime;
  let agent: Agent;

  beforeEach(async () => {
    runtime = await TestRuntime.boot({ time: 'real' });
    agent = new Agent({ keepAlive: true, maxSockets: 4 });
  });
  afterEach(async () => {
    agent.destroy();
    await runtime.stop();
  });

  const base = (): string => runtime.service(RouteTable).addresses()[0] ?? '';

  function ask(path: string): Promise<{ status: number; body: string }> {
    return new Promise((resolve, reject) => {
      const asked = request(`${base()}${path}`, { agent }, (response) => {
        let body = '';
        response.on('data', (chunk: Buffer) => (body += chunk.toString()));
        response.once('end', () => resolve({ status: response.statusCode ?? 0, body }));
      });
      asked.once('error', reject);
      asked.end();
    });
  }

  /** Asks without a pause until told to stop; answers everything that came back. */
  function load(path: string): () => Promise<{ status: number; body: string }[]> {
    const answers: { status: number; body: string }[] = [];
    const state = { stopped: false };
    const client = async (): Promise<void> => {
      while (!state.stopped) answers.push(await ask(path));
    };
    const clients = Array.from({ length: 4 }, client);
    return async () => {
      state.stopped = true;
      await Promise.all(clients);
      return answers;
    };
  }

  it('serves routes of bundles, and lists them', async () => {
    await runtime.deploy(
      httpBundle('1.0.0'),
      serving('bank.a', '1.0.0', '/a', typed('a1')),
      serving('bank.b', '1.0.0', '/b', routed('b1')),
    );
    assert.deepEqual(
      [await ask('/a/version'), await ask('/b/version')],
      [
        { status: 200, body: '"a1"' },
        { status: 200, body: 'b1' },
      ],
    );
    assert.deepEqual(runtime.service(RouteTable).list(), [
      { method: 'GET', path: '/a/version', bundle: 'bank.a', version: '1.0.0', operationId: 'version' },
      { method: 'GET', path: '/b/version', bundle: 'bank.b', version: '1.0.0' },
    ]);
  });

  it('swaps a served bundle under load: every request is answered, by the old or the new, never by the old after the new', async () => {
    await runtime.deploy(httpBundle('1.0.0'), serving('bank.a', '1.0.0', '/a', typed('1.0.0')));
    const end = load('/a/version');
    await ask('/a/version');
    await runtime.deploy(serving('bank.a', '1.1.0', '/a', typed('1.1.0')));
    await ask('/a/version');
    const answers = await end();
    assert.deepEqual(
      answers.filter(({ status }) => status !== 200),
      [],
    );
    assert.deepEqual(new Set(answers.map(({ body }) => body)), new Set(['"1.0.0"', '"1.1.0"']));
  });

  it('is swapped itself under load without losing a request, there and back', async () => {
    await runtime.deploy(httpBundle('1.0.0'), serving('bank.a', '1.0.0', '/a', typed('served')));
    const before = base();
    const end = load('/a/version');
    await ask('/a/version');
    await runtime.deploy(httpBundle('1.1.0'));
    await ask('/a/version');
    const back = await runtime.kernel.rollback('system.http', { actor: 'test' });
    assert.equal(back.outcome, 'committed');
    await ask('/a/version');
    const answers = await end();
    assert.deepEqual(
      answers.filter(({ status }) => status !== 200),
      [],
    );
    assert.equal(base(), before);
    assert.deepEqual(runtime.service(RouteTable).list().length, 1);
  });

  it('comes back when its new revision, still on probation, is rolled back', async () => {
    await runtime.deploy(httpBundle('1.0.0'), serving('bank.a', '1.0.0', '/a', typed('served')));
    const before = base();
    await runtime.tryDeploy([httpBundle('1.1.0')], { watchMs: 60_000 });
    assert.deepEqual([base(), await ask('/a/version')], [before, { status: 200, body: '"served"' }]);
    await runtime.kernel.rollback('system.http', { actor: 'test' });
    assert.deepEqual([base(), await ask('/a/version')], [before, { status: 200, body: '"served"' }]);
  });

  it('refuses a deploy with a route conflict or a failing self-test, and goes on serving', async () => {
    await runtime.deploy(httpBundle('1.0.0'), serving('bank.a', '1.0.0', '/a', typed('a1')));
    const conflict = await runtime.tryDeploy([serving('bank.b', '1.0.0', '/a', routed('b1'))]);
    assert.deepEqual([conflict.outcome, conflict.error?.code], ['refused', 'ROUTE_CONFLICT']);
    const failing = await runtime.tryDeploy([
      serving('bank.a', '1.1.0', '/a', typed('broken', { selfTest: true, handler: () => Promise.reject(new Error('no')) })),
    ]);
    assert.deepEqual([failing.outcome, failing.error?.code], ['refused', 'SELF_TEST_FAILED']);
    assert.deepEqual(await ask('/a/version'), { status: 200, body: '"a1"' });
  });
});
