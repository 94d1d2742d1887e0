/** Configuration Admin and Metatype (OSGi Compendium 8, chapters 104 and 105) in the real kernel against real files. */
import { deepStrictEqual as equal, rejects } from 'node:assert';
import { writeFile } from 'node:fs/promises';
import { Activate, codeOf, Component, ConfigPlugin, Context, defineBundle, Metatype, type BundleContext } from '@sluice/sdk';
import { TestRuntime } from '@sluice/kernel/testing';
import configBundle from '../../../plugins/system/config/activator.js';
import { configured, quick, type Values } from './configured-bundle.js';
import { dataPath, systemBundle } from './system-bundle.js';

describe('configuration admin', () => {
  let runtime: TestRuntime;
  const path = (...names: string[]): string => dataPath(runtime, 'config', ...names);
  beforeEach(async () => void (runtime = await TestRuntime.boot({ time: 'real' })));
  afterEach(() => runtime.stop());

  it('gives one component instance to each configuration of a factory, checked, with defaults, and hides secrets inside', async () => {
    const rail = {
      type: 'object',
      additionalProperties: false,
      required: ['url'],
      properties: { url: { type: 'string' }, key: { type: 'string', 'x-secret': true }, retries: { type: 'integer', default: 3 } },
    };
    const seen: string[] = [];
    @Component({ name: 'rail', configuration: { key: 'rails', policy: 'require' } })
    class Rail {
      constructor(@Context() readonly context: BundleContext<{ url: string; retries: number }>) {}
      @Activate()
      activate(): void {
        seen.push(`${this.context.config.url} ${this.context.config.retries}`);
      }
    }
    const schema = { type: 'object', additionalProperties: false, properties: { rails: { ...rail, 'x-factory': true } } };
    await runtime.deploy(systemBundle('config', configBundle, quick), {
      symbolicName: 'channel.rails',
      definition: defineBundle({ components: [Rail] }),
      manifest: { config: { schema } },
    });
    const set = (values: Values) => runtime.kernel.configSet('channel.rails', values, 'anna');
    await set({ 'rails~fast': { url: 'f', key: 's3cret' } });
    await set({ 'rails~slow': { url: 's', retries: 9 } });
    await rejects(set({ 'rails~bad': { url: 1, more: 2 } }), (error: Error) => {
      equal(codeOf(error), 'CONFIG_INVALID');
      return (
        error.message.includes('/rails~bad/url must be string') &&
        error.message.includes("/rails~bad must NOT have additional properties: found 'more'")
      );
    });
    await rejects(set({ 'other~x': {} }), { code: 'CONFIG_INVALID' });
    equal(seen, ['f 3', 's 9']);
    equal(
      (await runtime.kernel.configOf('channel.rails')).map(({ key, value }) => [key, value]),
      [
        ['rails~fast', { retries: 3, url: 'f', key: '***' }],
        ['rails~slow', { retries: 9, url: 's' }],
      ],
    );
    const components = () => runtime.kernel.inspect('channel.rails').components.map(({ name }) => name);
    equal(components(), ['rail[rails~fast]', 'rail[rails~slow]']);
    await set({ 'rails~fast': null });
    equal(components(), ['rail[rails~slow]']);
    const [record] = await runtime.kernel.configHistory('channel.rails');
    equal(record?.after, { url: 'f', key: '***' });
  });

  it('a file for one version counts for that version alone, before and after a swap', async () => {
    const { bundle, seen } = configured();
    await runtime.deploy(systemBundle('config', configBundle, quick));
    await writeFile(path('core.ledger.json'), '{"limit": 3}');
    await writeFile(path('core.ledger@2.0.0.json'), '{"limit": 20}');
    await runtime.deploy(bundle);
    await runtime.deploy({ ...bundle, version: '2.0.0' });
    await runtime.kernel.rollback('core.ledger', { actor: 'anna' });
    equal(seen, [{ limit: 3 }, { limit: 20 }, { limit: 3 }]);
  });

  it('plugins lay their values over all others, also while bundles run, and only their names are shown', async () => {
    const { bundle, seen, next } = configured();
    await runtime.deploy(systemBundle('config', configBundle, quick), bundle);
    const first = next();
    const vault = defineBundle({
      provides: [ConfigPlugin],
      activate: (context) =>
        void context.register(
          ConfigPlugin,
          { name: 'vault', modify: () => ({ password: 's3cret', limit: 8 }) },
          { 'config.target': 'core.ledger' },
        ),
    });
    await runtime.deploy({ symbolicName: 'test.vault', definition: vault });
    equal(await first, { limit: 8, password: 's3cret' });
    const second = next();
    equal(
      (await runtime.kernel.configOf('core.ledger')).map(({ key, value, layer }) => [key, value, layer]),
      [
        ['limit', { $plugin: 'vault' }, 'plugin'],
        ['password', '***', 'plugin'],
      ],
    );
    await runtime.kernel.configSet('core.ledger', { limit: 4 }, 'anna');
    await runtime.kernel.stop('test.vault', { actor: 'anna' });
    equal([await second, seen], [{ limit: 4 }, [{ limit: 2 }, { limit: 8, password: 's3cret' }, { limit: 4 }]]);
  });

  it('describes the configuration of every bundle that has one', async () => {
    const { bundle } = configured();
    await runtime.deploy(systemBundle('config', configBundle, quick), bundle);
    const metatype = runtime.service(Metatype);
    equal(
      [
        metatype.bundles(),
        metatype.describe('core.ledger')?.attributes.map(({ id, type, default: fallback }) => [id, type, fallback]),
        metatype.describe('core.none'),
      ],
      [
        ['core.ledger', 'system.config'],
        [
          ['limit', 'integer', 2],
          ['password', 'password', undefined],
        ],
        undefined,
      ],
    );
  });
});
