/** A changed setting on its way through the real kernel: kept only when the bundle took it, and routes follow a component built anew. */
import 'reflect-metadata';
import { strict as assert } from 'node:assert';
import { readFileSync } from 'node:fs';
import {
  Activate,
  codeOf,
  Component,
  defineBundle,
  reply,
  route,
  Routes,
  RouteTable,
  serveRoutes,
  Type,
  type BundleContext,
  type BundleDefinition,
} from '@sluice/sdk';
import { TestRuntime, type TestBundle } from '@sluice/kernel/testing';
import config from '../../../plugins/system/config/activator.js';
import http from '../../../plugins/system/http/activator.js';
import { dataPath, systemBundle } from './system-bundle.js';

const SCHEMA = { type: 'object', properties: { greeting: { type: 'string' } } };

function bundleOf(definition: BundleDefinition): TestBundle {
  const manifest = { http: { mount: '/hello' }, config: { schema: SCHEMA, defaults: { greeting: 'Hello' } } };
  return { symbolicName: 'hello', definition, manifest };
}

describe('a changed setting', () => {
  let runtime: TestRuntime;

  beforeEach(async () => {
    runtime = await TestRuntime.boot({ time: 'real' });
    await runtime.deploy(systemBundle('config', config, { watch: false }), systemBundle('http', http, { port: 0 }));
  });
  afterEach(() => runtime.stop());

  /** The code of the refusal, 'taken' without one. */
  const set = (bundle: string, values: Record<string, unknown>): Promise<string> =>
    runtime.kernel.configSet(bundle, values, 'an-officer').then(() => 'taken', codeOf);

  async function atRunTime(bundle: string): Promise<Readonly<Record<string, unknown>>> {
    const values = await runtime.kernel.configOf(bundle);
    return Object.fromEntries(values.filter(({ layer }) => layer === 'runtime').map(({ key, value }) => [key, value]));
  }

  it('that the running bundle refuses is not kept, and the history tells both', async () => {
    await set('system.http', { limits: { perBundleMax: 7 } });
    const tls = { certFile: '/missing/cert.pem', keyFile: '/missing/key.pem' };
    assert.equal(await set('system.http', { tls, limits: { perBundleMax: 8 } }), 'TLS_FILES_INVALID');
    await assert.rejects(runtime.kernel.configSet('system.http', { tls }, 'an-officer'), { httpStatus: 422 });
    assert.deepEqual(await atRunTime('system.http'), { limits: { perBundleMax: 7 } });
    const file = dataPath(runtime, 'config', 'runtime', 'system.http.json');
    assert.deepEqual(JSON.parse(readFileSync(file, 'utf8')), { limits: { perBundleMax: 7 } });
    assert.deepEqual(
      (await runtime.kernel.configHistory('system.http')).filter(({ key }) => key === 'tls').map(({ actor, after }) => [actor, after]),
      [
        ['an-officer', tls],
        ['kernel', undefined],
        ['an-officer', tls],
        ['kernel', undefined],
      ],
    );
  });

  it('starts a bundle that failed before, whatever it failed with', async () => {
    const definition = defineBundle<{ greeting: string }>({
      activate({ config: { greeting } }) {
        if (greeting !== 'Welcome') throw new Error(`cannot say '${greeting}'`);
      },
    });
    const { manifest, ...hello } = bundleOf(definition);
    const actor = { actor: 'an-officer' };
    const state = (): string | undefined => runtime.kernel.bundles().find(({ symbolicName }) => symbolicName === 'hello')?.state;
    await runtime.kernel.setStartLevel(10, actor);
    await runtime.deploy({ ...hello, manifest: { ...manifest, startLevel: 20 } });
    await runtime.kernel.setStartLevel(30, actor);
    const states = [state()];
    for (const greeting of ['Hi', 'Welcome']) states.push(await set('hello', { greeting }), state());
    assert.deepEqual(states, ['RESOLVED', 'taken', 'RESOLVED', 'taken', 'ACTIVE']);
  });

  it('is given back by the listeners that had taken it', async () => {
    const seen: string[] = [];
    const definition = defineBundle<{ greeting: string }>({
      activate(context) {
        context.onConfigChange(({ greeting }) => void seen.push(`first ${greeting}`));
        context.onConfigChange(({ greeting }) => {
          if (greeting === 'no') throw new Error('never');
          seen.push(`second ${greeting}`);
        });
      },
    });
    await runtime.deploy(bundleOf(definition));
    await set('hello', { greeting: 'yes' });
    await set('hello', { greeting: 'no' });
    assert.deepEqual([seen, await atRunTime('hello')], [['first yes', 'second yes', 'first no', 'first yes'], { greeting: 'yes' }]);
  });

  it('reaches the routes of a component that is built anew for it, and its older routes go', async () => {
    @Component()
    class GreetingRoutes {
      @Activate()
      start(context: BundleContext<{ greeting: string }>): void {
        const { greeting } = context.config;
        if (greeting === 'no') throw new Error('never');
        const schemas = { responses: { 200: Type.String() } };
        const greet = { method: 'GET', path: '/', operationId: 'greet', summary: 'Greets', schemas } as const;
        serveRoutes(context, { routes: [route({ ...greet, handler: () => reply(200, greeting) })] });
      }
    }
    await runtime.deploy(bundleOf(defineBundle({ components: [GreetingRoutes], provides: [Routes] })));
    const table = runtime.service(RouteTable);
    const answer = async (): Promise<unknown> => (await fetch(`${table.addresses()[0]}/hello`)).json();
    const answers = [await answer()];
    for (const greeting of ['Welcome', 'no', 'Hi']) {
      const code = await set('hello', { greeting });
      answers.push([code, await answer(), table.list().length]);
    }
    assert.deepEqual(answers, ['Hello', ['taken', 'Welcome', 1], ['COMPONENT_FAILED', 'Welcome', 1], ['taken', 'Hi', 1]]);
  });
});
