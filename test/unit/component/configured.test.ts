/** Configurations of components (OSGi Compendium 8, 112.7 and 104): a part of the bundle's, factories, policies, shown properties. */
import assert from 'node:assert/strict';
import {
  Activate,
  Component,
  Context,
  Deactivate,
  Modified,
  type BundleContext,
  type ComponentConfigurationOptions,
  type Constructor,
} from '@sluice/sdk';
import { ComponentFixture, Greeter } from './fixture.js';

type Rail = { readonly url?: string; readonly currency?: string };

/** A component that logs what it gets. */
function rail(
  fixture: ComponentFixture,
  configuration: ComponentConfigurationOptions,
  more: { modified?: boolean; failing?: string } = {},
): Constructor {
  @Component({ name: 'rail', provides: Greeter, configuration })
  class RailComponent {
    constructor(@Context() readonly context: BundleContext<Rail>) {}
    @Activate()
    activate(): void {
      if (more.failing !== undefined && this.context.config.url === more.failing) throw new Error('no such rail');
      fixture.log.push(`+${this.context.config.url ?? ''}`);
    }
    @Deactivate()
    deactivate(): void {
      fixture.log.push(`-${this.context.config.url ?? ''}`);
    }
    greet(): string {
      return this.context.config.url ?? '';
    }
  }
  if (more.modified === true) {
    Object.assign(RailComponent.prototype, {
      changed: ({ url }: Rail) => {
        if (url === more.failing) throw new Error('no such rail');
        fixture.log.push(`~${url ?? ''}`);
      },
    });
    Modified()(RailComponent.prototype, 'changed');
  }
  return RailComponent;
}

const fast = { 'rails~fast': { url: 'f' } };
const slow = { 'rails~slow': { url: 's' } };
const lines = (fixture: ComponentFixture): readonly string[] => fixture.take().filter((line) => !line.startsWith('scope'));

describe('component: configurations', () => {
  describe('key and policy', () => {
    const expected: readonly (readonly [string, ComponentConfigurationOptions, object, readonly string[]])[] = [
      ['no key: one instance with all of it', {}, { url: 'all' }, ['+all']],
      ['optional, nothing there: one instance without', { key: 'rails' }, {}, ['+']],
      ['optional, one there: one instance with it', { key: 'rails' }, { url: 'x', rails: { url: 'r' } }, ['+r']],
      ['optional, a factory: one for each', { key: 'rails' }, { ...slow, ...fast }, ['+f', '+s']],
      ['require, nothing there: none', { key: 'rails', policy: 'require' }, { url: 'x' }, []],
      ['require, one there: one', { key: 'rails', policy: 'require' }, { rails: { url: 'r' } }, ['+r']],
      ['require, a factory: one for each', { key: 'rails', policy: 'require' }, { ...fast, ...slow }, ['+f', '+s']],
    ];
    for (const [what, configuration, config, log] of expected) {
      it(what, async () => {
        const fixture = new ComponentFixture();
        const runtime = fixture.runtime([rail(fixture, configuration)], { config });
        await runtime.start();
        assert.deepEqual(lines(fixture), log);
        await runtime.stop();
        assert.deepEqual(fixture.registry.forget(fixture.owner), []);
      });
    }

    it('a required configuration must be named', () => {
      const fixture = new ComponentFixture();
      assert.throws(() => fixture.runtime([rail(fixture, { policy: 'require' })]), { code: 'COMPONENT_INVALID' });
    });
  });

  it('each instance has its own name, identity and chosen properties, by which consumers select', async () => {
    const fixture = new ComponentFixture();
    const configuration = { key: 'rails', properties: ['currency', 'unset'] };
    const config = { 'rails~fast': { url: 'f', currency: 'CNY' }, 'rails~slow': { url: 's', currency: 'EUR' } };
    const runtime = fixture.runtime([rail(fixture, configuration)], { config });
    await runtime.start();
    const found = fixture.registry.find(Greeter, { filter: '(currency=EUR)' });
    assert.deepEqual(
      {
        names: runtime.describe().map(({ name }) => name),
        found: found.map(({ properties }) => [
          properties['service.pid'],
          properties['service.factoryPid'],
          properties['component.name'],
          properties['url'],
        ]),
      },
      { names: ['rail[rails~fast]', 'rail[rails~slow]'], found: [['rails~slow', 'rails', 'rail', undefined]] },
    );
    await runtime.stop();
  });

  it('a change touches only the instances whose configuration changed; new ones come before old ones go', async () => {
    const fixture = new ComponentFixture();
    const runtime = fixture.runtime([rail(fixture, { key: 'rails', policy: 'require' })], { config: { ...fast, ...slow } });
    await runtime.start();
    fixture.take();
    await runtime.configChanged({ ...fast, ...slow, other: 1 });
    assert.deepEqual(lines(fixture), []);
    await runtime.configChanged({ ...fast, 'rails~slow': { url: 's2' }, 'rails~third': { url: 't' } });
    assert.deepEqual(lines(fixture), ['+t', '+s2', '-s2']);
    await runtime.configChanged({ 'rails~third': { url: 't' } });
    assert.deepEqual([lines(fixture), runtime.describe().map(({ name }) => name)], [['-f', '-s2'], ['rail[rails~third]']]);
    await runtime.configChanged({});
    assert.deepEqual([lines(fixture), runtime.describe(), fixture.registry.counts().services], [['-t'], [], 0]);
    await runtime.stop();
  });

  it('@Modified takes a change over without a new instance, and the shown properties follow', async () => {
    const fixture = new ComponentFixture();
    const config = { 'rails~fast': { url: 'f', currency: 'CNY' } };
    const runtime = fixture.runtime([rail(fixture, { key: 'rails', properties: ['currency'] }, { modified: true })], { config });
    await runtime.start();
    fixture.take();
    await runtime.configChanged({ 'rails~fast': { url: 'f', currency: 'EUR' } });
    assert.deepEqual([lines(fixture), fixture.registry.find(Greeter).map(({ properties }) => properties['currency'])], [['~f'], ['EUR']]);
    await runtime.stop();
  });

  it('a new instance that cannot be built refuses the change, and nothing else has noticed', async () => {
    const fixture = new ComponentFixture();
    const runtime = fixture.runtime([rail(fixture, { key: 'rails' }, { failing: 'bad' })], { config: fast });
    await runtime.start();
    fixture.take();
    await assert.rejects(runtime.configChanged({ 'rails~fast': { url: 'f2' }, 'rails~bad': { url: 'bad' } }), { code: 'COMPONENT_FAILED' });
    assert.deepEqual([lines(fixture), runtime.describe().map(({ name, state }) => `${name} ${state}`)], [[], ['rail[rails~fast] active']]);
    await runtime.stop();
  });

  it('an instance that refuses its change takes back the others, and those that were new', async () => {
    const fixture = new ComponentFixture();
    const runtime = fixture.runtime([rail(fixture, { key: 'rails' }, { modified: true, failing: 'bad' })], {
      config: { ...fast, ...slow },
    });
    await runtime.start();
    fixture.take();
    const next = { 'rails~fast': { url: 'f2' }, 'rails~slow': { url: 'bad' }, 'rails~third': { url: 't' } };
    await assert.rejects(runtime.configChanged(next), { code: 'COMPONENT_FAILED' });
    await new Promise(setImmediate);
    await runtime.settled();
    assert.deepEqual(
      [
        lines(fixture),
        runtime.describe().map(({ name }) => name),
        fixture.contexts.filter(({ closed }) => !closed).map(({ config }) => config),
      ],
      [
        ['+t', '~f2', '-t', '~f'],
        ['rail[rails~fast]', 'rail[rails~slow]'],
        [{ url: 'f' }, { url: 's' }],
      ],
    );
    await runtime.stop();
  });

  it('with policy ignore no change touches the instance, and it reads the new values when it wants', async () => {
    const fixture = new ComponentFixture();
    const runtime = fixture.runtime([rail(fixture, { policy: 'ignore' })], { config: { url: 'a' } });
    await runtime.start();
    fixture.take();
    await runtime.configChanged({ url: 'b' });
    assert.deepEqual([lines(fixture), fixture.contexts.map(({ config }) => config)], [[], [{ url: 'b' }]]);
    await runtime.stop();
  });
});
