/** Configuration plugins (OSGi Compendium 8, 104.9): order, targets, failures, what is shown. */
import { deepStrictEqual as equal } from 'node:assert';
import type { ConfigPluginService, ServiceView } from '@sluice/sdk';
import { PluginChain } from '../../../../plugins/system/config/domain/plugin-chain.js';

const view = (id: number, properties: object = {}) => ({ id, bundle: 'test.vault', properties }) as unknown as ServiceView;

function setup() {
  const warnings: string[] = [];
  const chain = new PluginChain({ log: { warn: (text) => void warnings.push(text) }, limit: (_what, work) => work() });
  const calls: unknown[] = [];
  const plugin = (name: string, changes: object): ConfigPluginService => ({
    name,
    modify: (_bundle, values) => {
      calls.push([name, values]);
      return changes as Record<string, unknown>;
    },
  });
  const add = (id: number, name: string, changes: object, properties: object = {}) =>
    chain.add(plugin(name, changes), view(id, properties), () => undefined);
  return { chain, warnings, calls, add };
}

describe('configuration plugins', () => {
  it('run by ascending ranking, each on the values so far; the highest has the last word', async () => {
    const { chain, calls, add } = setup();
    add(1, 'high', { a: 'high' }, { 'config.ranking': 10 });
    add(2, 'low', { a: 'low', b: 'low' }, { 'config.ranking': -1 });
    add(3, 'odd', { c: 'odd' }, { 'config.ranking': '99' });
    equal(await chain.layer('core.ledger', { a: 'file' }), {
      layer: 'plugin',
      values: { a: 'high', b: 'low', c: 'odd' },
      stored: { a: { $plugin: 'high' }, b: { $plugin: 'low' }, c: { $plugin: 'odd' } },
    });
    equal(calls, [
      ['low', { a: 'file' }],
      ['odd', { a: 'low', b: 'low' }],
      ['high', { a: 'low', b: 'low', c: 'odd' }],
    ]);
  });

  it('are asked only for the bundles they are for', async () => {
    const { chain, calls, add } = setup();
    add(1, 'one', {}, { 'config.target': 'core.ledger' });
    add(2, 'two', {}, { 'config.target': ['core.cards', 'core.ledger'] });
    add(3, 'all', {});
    await chain.layer('core.ledger', {});
    await chain.layer('core.other', {});
    equal(
      calls.map((call) => (call as string[])[0]),
      ['one', 'two', 'all', 'all'],
    );
  });

  it('that give nothing lay over nothing; one that fails is reported, without values, and passed over', async () => {
    const { chain, warnings, add } = setup();
    add(1, 'silent', {});
    equal(await chain.layer('x', { a: 1 }), undefined);
    chain.add({ name: 'broken', modify: () => Promise.reject(new Error('vault is sealed')) }, view(2), () => undefined);
    add(3, 'good', { a: 2 });
    equal((await chain.layer('x', { a: 's3cret' }))?.values, { a: 2 });
    equal(warnings, ["Configuration plugin 'broken' of 'test.vault' failed for 'x' and was passed over: vault is sealed"]);
  });

  it('follow changes of their properties, are watched while they are there, and are gone when they are gone', async () => {
    const { chain } = setup();
    const told: string[] = [];
    let change: (bundle: string) => void = () => undefined;
    let undone = 0;
    const watch = (changed: (bundle: string) => void) => {
      change = changed;
      return () => void (undone += 1);
    };
    chain.add({ name: 'vault', modify: () => ({ a: 1 }), watch }, view(1, { 'config.target': 'x' }), (bundle) => told.push(bundle));
    change('x');
    chain.modify(view(1, { 'config.target': 'y' }));
    equal([told, await chain.layer('x', {}), (await chain.layer('y', {}))?.values], [['x'], undefined, { a: 1 }]);
    chain.remove(view(1));
    equal([undone, await chain.layer('y', {})], [1, undefined]);
  });
});
