/** Routes in every tier through the real http bundle: bodies both ways, streams at the reader's pace, clients that go away, errors. */
import { strict as assert } from 'node:assert';
import { readFileSync } from 'node:fs';
import { Agent, request, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { EventHandler, HealthCheck, Job, RouteTable, type ManifestSection } from '@sluice/sdk';
import { TIERS } from '@sluice/kernel/model/index';
import { TestRuntime, type TestBundle } from '@sluice/kernel/testing';
import http from '../../../plugins/system/http/activator.js';
import { withVersion } from '../../support/artifacts.js';
import { ROOT } from '../../support/system.js';
import { sampleArtifact } from './tiers.js';

const MEGABYTE = 1024 * 1024;

function httpBundle(): TestBundle {
  const { sluice } = JSON.parse(readFileSync(join(ROOT, 'plugins/system/http/package.json'), 'utf8')) as { sluice: ManifestSection };
  const { sdk: _sdk, symbolicName: _name, ...manifest } = sluice;
  const limits = { ...(manifest.config?.defaults as { limits?: object } | undefined)?.limits, bodyBytesMax: 64 * MEGABYTE };
  const config = { schema: manifest.config?.schema ?? {}, defaults: { ...manifest.config?.defaults, port: 0, limits } };
  return { symbolicName: 'system.http', definition: http, manifest: { ...manifest, config } };
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

interface Facts {
  readonly producedBytes: number;
  readonly open: number;
  readonly waiting: number;
  readonly aborted: number;
  readonly seen: readonly string[];
}

for (const tier of TIERS) {
  describe(`routes in tier ${tier}`, () => {
    let runtime: TestRuntime;
    let address: string;
    let agent: Agent;

    before(async () => {
      runtime = await TestRuntime.boot({ time: 'real' });
      agent = new Agent({ keepAlive: true });
      await runtime.deploy(httpBundle());
      const outcome = await runtime.tryDeploy([await sampleArtifact('web')], { tier });
      assert.equal(outcome.outcome, 'committed', outcome.error?.message);
      [address = ''] = runtime.service(RouteTable).addresses();
    });
    after(async () => {
      agent.destroy();
      await runtime.stop();
    });

    const open = (method: string, path: string, headers: Record<string, string> = {}) =>
      request(`${address}${path}`, { method, agent, headers });

    async function ask(method: string, path: string, body?: string | Buffer, headers: Record<string, string> = {}): Promise<Answer> {
      return new Promise((resolve, reject) => {
        const asked = open(method, path, headers);
        asked.on('response', (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }));
          response.on('error', reject);
        });
        asked.on('error', reject);
        asked.end(body);
      });
    }

    const facts = async (): Promise<Facts> => JSON.parse((await ask('GET', '/web/facts')).body.toString()) as Facts;

    /** Looks again until it is so; the test's own time limit ends the wait. */
    async function until(what: (found: Facts) => boolean): Promise<Facts> {
      for (;;) {
        const found = await facts();
        if (what(found)) return found;
        await delay(10);
      }
    }

    it('passes parameters, query, body and headers, checked by the schemas', async () => {
      const json = { 'content-type': 'application/json', 'user-agent': 'suite' };
      const answer = await ask('POST', '/web/add/40?twice=true', JSON.stringify({ right: 2 }), json);
      assert.deepEqual([answer.status, JSON.parse(answer.body.toString())], [200, { sum: 84, agent: 'suite', hasId: true }]);
      assert.equal((await ask('POST', '/web/add/40', JSON.stringify({ right: 'x' }), json)).status, 422);
      assert.equal((await ask('GET', '/web/broken')).status, 500);
      assert.match((await ask('GET', '/web/openapi.json')).body.toString(), /"operationId":"add"/);
    });

    for (const path of ['/web/bytes', '/web/koa/bytes']) {
      it(`streams ${path} whole`, async () => {
        const { status, body } = await ask('GET', `${path}/${5 * MEGABYTE}`);
        assert.deepEqual([status, body.length, body[0], body.at(-1)], [200, 5 * MEGABYTE, 0x61, 0x61]);
      });

      it(`streams ${path} at the pace of the reader, and stops when the client goes away`, async () => {
        const before = await facts();
        const asked = open('GET', `${path}/${200 * MEGABYTE}`);
        const response = await new Promise<IncomingMessage>((resolve) => asked.on('response', resolve).end());
        response.pause();
        let last = -1;
        try {
          for (let now = 0; now !== last;) {
            last = now;
            await delay(100);
            now = (await facts()).producedBytes - before.producedBytes;
          }
        } finally {
          asked.destroy();
        }
        // What sockets and windows take on the way is some tens of megabytes, as the system sizes them; then it must stand still.
        assert.ok(last < 100 * MEGABYTE, `${last} bytes were produced for a reader that does not read`);
        await until(({ open: streams }) => streams === before.open);
      });
    }

    it('takes an upload at the pace of the handler', async () => {
      const { status, body, headers } = await ask('POST', '/web/koa/upload', Buffer.alloc(20 * MEGABYTE, 1), {
        'content-type': 'application/octet-stream',
      });
      assert.deepEqual([status, body.toString(), headers['x-middleware']], [201, String(20 * MEGABYTE), 'ran']);
    });

    it('answers although the body is not read', async () => {
      const { status, body } = await ask('POST', '/web/koa/ignore', 'some body');
      assert.deepEqual([status, body.toString()], [200, 'not read']);
    });

    it('tells handlers that the client went away', async () => {
      for (const path of ['/web/wait', '/web/koa/wait']) {
        const { aborted } = await facts();
        const asked = open('GET', path);
        asked.on('error', () => undefined).end();
        await until(({ waiting }) => waiting === 1);
        asked.destroy();
        await until((found) => found.aborted === aborted + 1);
      }
    });

    it('runs a router with its middleware, parameters and names', async () => {
      const { status, body, headers } = await ask('GET', '/web/koa/hello/you?a=1');
      assert.equal(status, 200);
      assert.deepEqual(JSON.parse(body.toString()), { hello: 'you', query: { a: '1' }, path: '/web/koa/hello/you', ip: '127.0.0.1' });
      assert.equal(headers['x-middleware'], 'ran');
      assert.match(headers['content-type'] ?? '', /application\/json/);
      assert.equal((await ask('HEAD', '/web/koa/hello/you')).body.length, 0);
      assert.equal((await ask('GET', '/web/koa/empty')).status, 204);
    });

    it('answers errors and unknown paths as inline', async () => {
      const conflict = await ask('GET', '/web/koa/conflict');
      assert.deepEqual([conflict.status, (JSON.parse(conflict.body.toString()) as { code: string }).code], [409, 'SAMPLE_CONFLICT']);
      const fault = await ask('GET', '/web/koa/fault');
      assert.deepEqual([fault.status, fault.body.includes('nobody shall see')], [500, false]);
      assert.equal((await ask('GET', '/web/koa/nothing')).status, 404);
      assert.equal((await ask('GET', '/web/koa/unknown')).status, 404);
      assert.equal((await ask('DELETE', '/web/koa/empty')).status, 405);
    });

    it('handles events, runs jobs with an abort signal, is checked for health', async () => {
      const [handler] = [...runtime.services(EventHandler)];
      const event = { id: '1', topic: 'sample/happened', key: 'k', payload: { what: 'good' }, at: 0 };
      assert.deepEqual([handler?.topic, handler?.name, handler?.delivery], ['sample/happened', 'sample', 'transient']);
      await handler?.handle(event);
      await assert.rejects(async () => handler?.handle({ ...event, payload: { what: 'bad' } }), /refused as asked/);
      const [job] = [...runtime.services(Job)];
      assert.deepEqual(job?.schedule, { cron: '0 3 * * *' });
      const abort = new AbortController();
      const running = job?.run({ scheduledAt: 3, signal: abort.signal });
      await until(({ seen }) => seen.includes('job of 3'));
      abort.abort();
      await running;
      assert.deepEqual((await facts()).seen, ['k: good', 'job of 3', 'job aborted']);
      const [check] = [...runtime.services(HealthCheck)].filter(({ name }) => name === 'sample');
      assert.deepEqual(await check?.check(AbortSignal.timeout(1_000)), { status: 'OK', message: '3 seen' });
    });

    it('is swapped under load without a failed request', async () => {
      const traffic = { over: false, failed: 0, served: 0 };
      const client = async (): Promise<void> => {
        while (!traffic.over) {
          const { status, body } = await ask('GET', '/web/koa/hello/you');
          traffic.served += 1;
          if (status !== 200 || body.length === 0) traffic.failed += 1;
        }
      };
      const clients = Promise.all([client(), client(), client(), client()]);
      for (const version of ['1.1.0', '1.2.0', '1.3.0']) {
        const outcome = await runtime.tryDeploy([withVersion(await sampleArtifact('web'), version)]);
        assert.equal(outcome.outcome, 'committed', outcome.error?.message);
      }
      while (traffic.served < 20) await delay(5);
      traffic.over = true;
      await clients;
      assert.equal(traffic.failed, 0);
    });
  });
}
