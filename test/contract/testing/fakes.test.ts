/** The stand-ins of the test kit and the system bundles they stand for, held to one suite each. */
import { deepStrictEqual as equal, ok, rejects } from 'node:assert';
import { codeOf, defineBundle, EventHandler, Events, Job, reply, route, Routes, serveRoutes, Type } from '@sluice/sdk';
import { fakeConfig, fakeEvents, fakeScheduler, serveHttp, settle, TestRuntime, type TestBundle } from '@sluice/kernel/testing';
import configBundle from '../../../plugins/system/config/activator.js';
import eventsBundle from '../../../plugins/system/events/activator.js';
import schedulerBundle from '../../../plugins/system/scheduler/activator.js';
import { systemBundle } from '../system/system-bundle.js';

const CONTENDERS = ['the real one', 'the stand-in'] as const;

describe('test kit', () => {
  let runtime: TestRuntime;
  afterEach(() => runtime.stop());

  for (const which of CONTENDERS) {
    const isReal = which === 'the real one';

    describe(`events, ${which}`, () => {
      const seen: string[] = [];
      const handler = (topic: string, name: string, handle: (text: string) => void): TestBundle => ({
        symbolicName: `business.${name}`,
        definition: defineBundle({
          provides: [EventHandler],
          activate: (context) =>
            void context.register(EventHandler, {
              topic,
              name,
              delivery: 'transient',
              handle: ({ topic: of, key, payload }) => handle(`${name} ${of} ${key} ${JSON.stringify(payload)}`),
            }),
        }),
      });

      beforeEach(async () => {
        seen.length = 0;
        runtime = await TestRuntime.boot();
        await runtime.deploy(isReal ? systemBundle('events', eventsBundle) : fakeEvents().bundle);
      });

      it('go to every handler whose topic fits, and publish waits for them', async () => {
        await runtime.deploy(
          handler('bank/transfer', 'exact', (text) => seen.push(text)),
          handler('bank/*', 'below', (text) => seen.push(text)),
          handler('*', 'all', (text) => seen.push(text)),
          handler('shop/*', 'other', (text) => seen.push(text)),
        );
        await runtime.service(Events).publish('bank/transfer', 'a', { n: 1 });
        equal(seen.sort(), ['all bank/transfer a {"n":1}', 'below bank/transfer a {"n":1}', 'exact bank/transfer a {"n":1}']);
      });

      it('do not reach who has gone, and one failing handler does not harm the others', async () => {
        await runtime.deploy(
          handler('bank/*', 'failing', () => {
            throw new Error('broken');
          }),
          handler('bank/*', 'good', (text) => seen.push(text)),
        );
        await runtime.service(Events).publish('bank/x', 'a', 1);
        await runtime.kernel.stop('business.good', { actor: 'test' });
        await runtime.service(Events).publish('bank/x', 'a', 2);
        equal(seen, ['good bank/x a 1']);
      });

      it('refuse a topic that is none', async () => {
        await rejects(runtime.service(Events).publish('no topic!', 'a', 1), { code: 'EVENT_TOPIC_INVALID' });
      });
    });

    describe(`configuration, ${which}`, () => {
      const schema = { type: 'object', additionalProperties: false, properties: { limit: { type: 'integer' } } };
      const got: unknown[] = [];
      const reader: TestBundle = {
        symbolicName: 'core.reader',
        manifest: { config: { schema, defaults: { limit: 1 } } },
        definition: defineBundle({
          activate(context) {
            got.push(context.config);
            context.onConfigChange((config) => void got.push(config));
          },
        }),
      };

      beforeEach(async () => {
        got.length = 0;
        runtime = await TestRuntime.boot({ time: 'real' });
        await runtime.deploy(isReal ? systemBundle('config', configBundle, { watch: false }) : fakeConfig().bundle, reader);
      });

      it('reaches the bundle, is recorded, and is refused by the schema', async () => {
        await runtime.kernel.configSet('core.reader', { limit: 2 }, 'anna');
        await rejects(runtime.kernel.configSet('core.reader', { limit: 'many' }, 'anna'), (error: unknown) => {
          equal(codeOf(error), 'CONFIG_INVALID');
          return true;
        });
        equal(got, [{ limit: 1 }, { limit: 2 }]);
        const history = await runtime.kernel.configHistory('core.reader');
        equal(
          history.map(({ actor, key, layer, before, after }) => [actor, key, layer, before, after]),
          [['anna', 'limit', 'runtime', undefined, 2]],
        );
      });
    });

    describe(`jobs, ${which}`, () => {
      it('run, and not any more once their bundle has stopped', async () => {
        runtime = await TestRuntime.boot();
        const fake = fakeScheduler();
        await runtime.deploy(isReal ? systemBundle('scheduler', schedulerBundle) : fake.bundle);
        let runs = 0;
        const definition = defineBundle({
          provides: [Job],
          activate: (context) => void context.register(Job, { name: 'tick', schedule: { everyMs: 1_000 }, run: () => void (runs += 1) }),
        });
        await runtime.deploy({ symbolicName: 'business.ticker', definition });
        const due = async (): Promise<void> => {
          if (isReal) await runtime.virtual.advance(1_000);
          else await fake.run('business.ticker/tick').catch((error: unknown) => equal(codeOf(error), 'JOB_UNKNOWN'));
          await settle();
        };
        await due();
        const before = runs;
        await runtime.kernel.stop('business.ticker', { actor: 'test' });
        await due();
        equal([before, runs], [1, 1]);
      });
    });
  }

  it('serves real HTTP on a free port', async () => {
    runtime = await TestRuntime.boot({ time: 'real' });
    const address = await serveHttp(runtime);
    const hello = route({
      method: 'GET',
      path: '/',
      operationId: 'hello',
      summary: 'Greets',
      schemas: { responses: { 200: Type.Object({ message: Type.String() }) } },
      handler: () => reply(200, { message: 'Hello!' }),
    });
    const definition = defineBundle({
      provides: [Routes],
      activate: (context) => void serveRoutes(context, { title: 'Hello', routes: [hello] }),
    });
    await runtime.deploy({ symbolicName: 'business.hello', definition, manifest: { http: { mount: '/hello' } } });
    const answer = await fetch(`${address}/hello`);
    equal([answer.status, await answer.json()], [200, { message: 'Hello!' }]);
    ok(!address.endsWith(':8080'));
  });
});
