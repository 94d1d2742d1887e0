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

interface Answer {
  readonly status: number;
  readonly body: string;
}

interface Load {
  /** Resolves when every client has asked and been answered again. */
  progress(): Promise<void>;
  /** Everything that came back, by client. */
  end(): Promise<readonly (readonly Answer[])[]>;
}

describe('http bundle in the kernel', () => {
  let runtime: TestRuntime;
  let agent: Agent;

  beforeEach(async () => {
    runtime = await TestRuntime.boot({ time: 'real' });
    agent = new Agent({ keepAlive: true, maxSockets: 8 });
  });
  afterEach(async () => {
    agent.destroy();
    await runtime.stop();
  });

  const base = (): string => runtime.service(RouteTable).addresses()[0] ?? '';

  function ask(path: string): Promise<Answer> {
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

  /** Four clients that ask without a pause. */
  function load(path: string): Load {
    const state = { stopped: false };
    const answers: Answer[][] = [[], [], [], []];
    const clients = answers.map(async (own) => {
      while (!state.stopped) own.push(await ask(path));
    });
    return {
      async progress() {
        // The first answer may have been asked for before.
        const wanted = answers.map((own) => own.length + 2);
        while (answers.some((own, index) => own.length < (wanted[index] ?? 0))) await new Promise((resolve) => setImmediate(resolve));
      },
      async end() {
        state.stopped = true;
        await Promise.all(clients);
        return answers;
      },
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

  it('swaps a served bundle under load: every request is answered, and who saw the new never sees the old again', async () => {
    await runtime.deploy(httpBundle('1.0.0'), serving('bank.a', '1.0.0', '/a', typed('1.0.0')));
    const clients = load('/a/version');
    await clients.progress();
    await runtime.deploy(serving('bank.a', '1.1.0', '/a', typed('1.1.0')));
    await clients.progress();
    for (const answers of await clients.end()) {
      const bodies = answers.map(({ status, body }) => (status === 200 ? body : String(status)));
      const old = bodies.filter((body) => body === '"1.0.0"');
      assert.deepEqual(bodies, [...old, ...bodies.slice(old.length).map(() => '"1.1.0"')]);
      assert.ok(old.length > 0 && old.length < bodies.length);
    }
  });

  it('is swapped itself under load without losing a request, there and back', async () => {
    await runtime.deploy(httpBundle('1.0.0'), serving('bank.a', '1.0.0', '/a', typed('served')));
    const before = base();
    const clients = load('/a/version');
    await clients.progress();
    await runtime.deploy(httpBundle('1.1.0'));
    await clients.progress();
    const back = await runtime.kernel.rollback('system.http', { actor: 'test' });
    assert.equal(back.outcome, 'committed');
    await clients.progress();
    const answers = (await clients.end()).flat();
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

  it('logs what a handler threw once, as text with its stack, and the route instead of the path', async () => {
    const failing = typed('', {
      path: '/accounts/:number',
      handler: () => {
        throw new TypeError('wrong');
      },
    });
    await runtime.deploy(httpBundle('1.0.0'), serving('bank.a', '1.0.0', '/a', failing));
    assert.equal((await ask('/a/accounts/6222021234567890')).status, 500);
    const lines = runtime.kernel.logs({ level: 'error' });
    assert.equal(lines.length, 1);
    const { error, requestId, ...fields } = lines[0]?.fields ?? {};
    assert.match(String(error), /^TypeError: wrong\n +at /);
    assert.match(String(requestId), /^[0-9a-f-]{36}$/);
    assert.deepEqual(fields, { method: 'GET', bundle: 'bank.a', version: '1.0.0', route: '/a/accounts/:number' });
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
