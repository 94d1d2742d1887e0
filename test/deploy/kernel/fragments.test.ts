/** Fragments in a running kernel: what they give their host, and that a host takes them in by a swap, not by a stop. */
import { strict as assert } from 'node:assert';
import { contract, defineBundle, method, Type } from '@sluice/sdk';
import { TestRuntime, type TestBundle } from '@sluice/kernel/testing';

const Shop = contract('test.Shop', '1.0.0', { look: method([], Type.Unknown()) });

const shop: TestBundle = {
  symbolicName: 'test.shop',
  manifest: {
    config: {
      schema: {
        type: 'object',
        additionalProperties: false,
        properties: { title: { type: 'string', default: 'Shop' }, limit: { type: 'integer' } },
      },
      defaults: { limit: 1 },
    },
  },
  entries: { 'public/en.txt': 'hello' },
  definition: defineBundle({
    provides: [Shop],
    activate(context) {
      const text = (path: string): string => Buffer.from(context.resource(path) ?? '').toString();
      const look = () => Promise.resolve({ texts: context.resources('public/').map((path) => `${path}=${text(path)}`), ...context.config });
      context.register(Shop, { look });
    },
  }),
};

function fragment(
  name: string,
  text: string,
  more: Partial<NonNullable<NonNullable<TestBundle['manifest']>['fragment']>> = {},
  version = '1.0.0',
): TestBundle {
  return {
    symbolicName: name,
    version,
    manifest: { fragment: { host: 'test.shop', range: '^1.0.0', ...more } },
    entries: { 'public/de.txt': text, 'public/en.txt': 'not this one' },
  };
}

describe('fragments', () => {
  let runtime: TestRuntime;
  beforeEach(async () => {
    runtime = await TestRuntime.boot();
  });
  afterEach(() => runtime.stop());

  const states = () => runtime.kernel.bundles().map(({ symbolicName, state, revision }) => `${symbolicName} ${state} ${revision}`);

  it('add files and configuration to a running host by a swap, in install order, and take them away again', async () => {
    await runtime.deploy(shop);
    const service = runtime.service(Shop);
    assert.deepEqual(await service.look(), { texts: ['public/en.txt=hello'], title: 'Shop', limit: 1 });
    const outcome = await runtime.deploy(fragment('test.german', 'hallo', { config: { limit: 2 } }));
    assert.deepEqual(
      { restarts: outcome.plan.restarts, states: states(), look: await service.look() },
      {
        restarts: ['test.shop'],
        states: ['test.shop ACTIVE 2', 'test.german RESOLVED 1'],
        look: { texts: ['public/de.txt=hallo', 'public/en.txt=hello'], title: 'Shop', limit: 2 },
      },
    );
    // The first installed comes first, in files and in configuration.
    await runtime.deploy(fragment('test.second', 'servus', { config: { limit: 3, title: 'Laden' } }));
    assert.deepEqual(await service.look(), { texts: ['public/de.txt=hallo', 'public/en.txt=hello'], title: 'Laden', limit: 2 });
    await runtime.deploy(fragment('test.german', 'gruezi', {}, '1.1.0'));
    assert.deepEqual(await service.look(), { texts: ['public/de.txt=gruezi', 'public/en.txt=hello'], title: 'Laden', limit: 3 });
    await runtime.kernel.uninstall('test.second', { actor: 'test' });
    await runtime.kernel.uninstall('test.german', { actor: 'test' });
    assert.deepEqual(
      [await service.look(), states()],
      [{ texts: ['public/en.txt=hello'], title: 'Shop', limit: 1 }, ['test.shop ACTIVE 6']],
    );
  });

  it('wait for their host, say so, and cannot be started', async () => {
    await runtime.deploy(fragment('test.german', 'hallo'));
    const waiting = { states: states(), why: (await runtime.kernel.why('test.german')).map(({ statement }) => statement).slice(0, 2) };
    await assert.rejects(runtime.kernel.start('test.german', { actor: 'test' }), { code: 'FRAGMENT_NOT_STARTABLE' });
    await runtime.deploy(shop);
    const attached = { states: states(), why: (await runtime.kernel.why('test.german')).map(({ statement }) => statement).slice(0, 2) };
    assert.match(waiting.why[1] ?? '', /needs bundle 'test\.shop' in \^1\.0\.0/);
    assert.deepEqual(
      [waiting.states, attached.states, attached.why],
      [
        ['test.german INSTALLED 1'],
        ['test.german RESOLVED 1', 'test.shop ACTIVE 1'],
        ['is RESOLVED', "is a fragment and attached to 'test.shop@1.0.0#1'"],
      ],
    );
    assert.deepEqual(((await runtime.service(Shop).look()) as { texts: unknown }).texts, ['public/de.txt=hallo', 'public/en.txt=hello']);
  });

  it('whose configuration the host cannot read refuse their deploy, and the host goes on as it was', async () => {
    await runtime.deploy(shop);
    const outcome = await runtime.tryDeploy([fragment('test.german', 'hallo', { config: { limit: 'many' } })]);
    assert.deepEqual(
      [outcome.outcome, outcome.error?.code, states(), await runtime.service(Shop).look()],
      ['refused', 'CONFIG_INVALID', ['test.shop ACTIVE 2'], { texts: ['public/en.txt=hello'], title: 'Shop', limit: 1 }],
    );
  });

  it('are told: the fragment is installed and resolved, its host refreshed and never stopped', async () => {
    await runtime.deploy(shop);
    const events: string[] = [];
    runtime.kernel.followEvents(({ kind, subject }) => events.push(`${kind} ${subject}`));
    await runtime.deploy(fragment('test.german', 'hallo'));
    await runtime.deploy(fragment('test.german', 'servus', {}, '1.1.0'));
    const swapped = ['REGISTERED test.Shop', 'UNREGISTERING test.Shop'];
    assert.deepEqual(
      events.filter((event) => !event.startsWith('GENERATION')),
      [
        ...['INSTALLED test.german', ...swapped, 'REFRESHED test.shop', 'RESOLVED test.german'],
        ...[...swapped, 'UPDATED test.german', 'REFRESHED test.shop'],
      ],
    );
    // What has nothing to do with it leaves the host alone.
    const before = states();
    await runtime.deploy({ symbolicName: 'test.other', definition: defineBundle({}) });
    assert.deepEqual(states(), [...before, 'test.other ACTIVE 1']);
  });

  it('are there again after everything was stopped and started', async () => {
    await runtime.deploy(shop);
    await runtime.deploy(fragment('test.german', 'hallo'));
    for (const level of [0, 60]) await runtime.kernel.setStartLevel(level, { actor: 'test' });
    assert.deepEqual(states(), ['test.shop ACTIVE 3', 'test.german RESOLVED 1']);
    assert.deepEqual(((await runtime.service(Shop).look()) as { texts: unknown }).texts, ['public/de.txt=hallo', 'public/en.txt=hello']);
  });

  it('are confirmed at once: what they did to their host is undone by deploying the one before', async () => {
    await runtime.deploy(shop);
    const outcome = await runtime.tryDeploy([fragment('test.german', 'hallo')], { watchMs: 1_000 });
    assert.deepEqual([outcome.outcome, outcome.onTrial, runtime.kernel.status().trial], ['committed', false, null]);
  });

  it('leave a host that no longer is in their range, and it goes on without them', async () => {
    await runtime.deploy(shop);
    await runtime.deploy(fragment('test.german', 'hallo'));
    await runtime.deploy({ ...shop, version: '2.0.0' });
    assert.deepEqual(states(), ['test.shop ACTIVE 3', 'test.german INSTALLED 1']);
    assert.deepEqual(((await runtime.service(Shop).look()) as { texts: unknown }).texts, ['public/en.txt=hello']);
  });
});
