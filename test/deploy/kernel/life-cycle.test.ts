/** Life cycle (OSGi Core 8, chapters 4 and 9): which events come in which order, what a failing start or stop leaves, start levels. */
import { strict as assert } from 'node:assert';
import { contract, defineBundle, method, Type, type BundleContext, type BundleDefinition } from '@sluice/sdk';
import { artifactOf, TestRuntime, type TestBundle } from '@sluice/kernel/testing';

const Greeter = contract('test.Greeter', '1.0.0', { greet: method([Type.String()], Type.String()) });
const BY = { actor: 'test' };

function greeter(version = '1.0.0', more: Partial<BundleDefinition> = {}): TestBundle {
  return {
    symbolicName: 'test.greeter',
    version,
    definition: defineBundle({
      provides: [Greeter],
      activate: (context) => void context.register(Greeter, { greet: (name) => Promise.resolve(`${version} ${name}`) }),
      ...more,
    }),
  };
}

const throwing = { activate: () => Promise.reject(new Error('no')) };

describe('life cycle', () => {
  let runtime: TestRuntime;
  let events: string[];
  beforeEach(async () => {
    runtime = await TestRuntime.boot();
    events = [];
    runtime.kernel.followEvents(({ kind, subject }) => {
      if (kind !== 'GENERATION') events.push(`${kind} ${subject.replace('test.', '')}`);
    });
  });
  afterEach(() => runtime.stop());
  const take = (): string => events.splice(0).join(', ');
  const stateOf = (name: string) => runtime.kernel.bundles().find((bundle) => bundle.symbolicName === name);

  it('tells a start: resolved, starting, services registered, started', async () => {
    await runtime.deploy(greeter());
    assert.equal(take(), 'INSTALLED greeter, RESOLVED greeter, STARTING greeter, REGISTERED Greeter, STARTED greeter');
  });

  it('tells a stop: stopping, services unregistering, stopped; the second start does not resolve again', async () => {
    await runtime.deploy(greeter());
    take();
    await runtime.kernel.stop('test.greeter', BY);
    assert.equal(take(), 'STOPPING greeter, UNREGISTERING Greeter, STOPPED greeter');
    await runtime.kernel.start('test.greeter', BY);
    assert.equal(take(), 'STARTING greeter, REGISTERED Greeter, STARTED greeter');
  });

  it('tells a swap: the new service comes before the old one goes, and the bundle is never stopped', async () => {
    await runtime.deploy(greeter());
    take();
    await runtime.deploy(greeter('1.1.0'));
    assert.equal(take(), 'REGISTERED Greeter, UNREGISTERING Greeter, UPDATED greeter');
  });

  it('tells an uninstall: stopped, unresolved, uninstalled', async () => {
    await runtime.deploy(greeter());
    take();
    await runtime.kernel.uninstall('test.greeter', BY);
    assert.equal(take(), 'STOPPING greeter, UNREGISTERING Greeter, STOPPED greeter, UNRESOLVED greeter, UNINSTALLED greeter');
  });

  it('a failing activator leaves the bundle resolved, with nothing registered and the cause told', async () => {
    const failing = (context: BundleContext): Promise<void> => {
      context.register(Greeter, { greet: (name) => Promise.resolve(name) });
      return Promise.reject(new Error('no database'));
    };
    await runtime.kernel.install([artifactOf(greeter('1.0.0', { activate: failing }))], BY);
    take();
    const outcome = await runtime.kernel.start('test.greeter', BY);
    assert.deepEqual(
      [outcome.outcome, outcome.error?.code, take(), stateOf('test.greeter')?.state, stateOf('test.greeter')?.error?.code],
      [
        'refused',
        'ACTIVATE_FAILED',
        'RESOLVED greeter, STARTING greeter, STOPPING greeter, STOPPED greeter',
        'RESOLVED',
        'ACTIVATE_FAILED',
      ],
    );
    assert.equal(runtime.optional(Greeter).get(), undefined);
  });

  it('a failing stop still ends stopped, with everything undone', async () => {
    const undone: string[] = [];
    await runtime.deploy(
      greeter('1.0.0', {
        activate: (context) => context.own('a thing', () => void undone.push('a thing')),
        deactivate: () => Promise.reject(new Error('no')),
      }),
    );
    take();
    const outcome = await runtime.kernel.stop('test.greeter', BY);
    assert.deepEqual(
      [outcome.outcome, undone, take(), stateOf('test.greeter')?.state],
      ['committed', ['a thing'], 'STOPPING greeter, STOPPED greeter', 'RESOLVED'],
    );
  });

  it('a context taken before a stop stays invalid for ever, also after the bundle was started again', async () => {
    const contexts: BundleContext[] = [];
    await runtime.deploy(greeter('1.0.0', { activate: (context) => void contexts.push(context) }));
    await runtime.kernel.stop('test.greeter', BY);
    const use = () => contexts[0]?.register(Greeter, { greet: (name) => Promise.resolve(name) });
    assert.throws(use, { code: 'CONTEXT_CLOSED' });
    await runtime.kernel.start('test.greeter', BY);
    assert.throws(use, { code: 'CONTEXT_CLOSED' });
    assert.equal(contexts.length, 2);
  });

  it('an update in place stops, replaces and starts, and keeps the id', async () => {
    await runtime.deploy(greeter());
    const { id } = stateOf('test.greeter') ?? {};
    take();
    await runtime.kernel.update(artifactOf(greeter('1.1.0')), BY);
    assert.deepEqual(
      [take(), stateOf('test.greeter')?.id, stateOf('test.greeter')?.version],
      [
        'STOPPING greeter, UNREGISTERING Greeter, STOPPED greeter, STARTING greeter, REGISTERED Greeter, UPDATED greeter, STARTED greeter',
        id,
        '1.1.0',
      ],
    );
  });

  it('an update with a broken artifact leaves the old bundle active, not stopped for a moment', async () => {
    await runtime.deploy(greeter());
    const before = stateOf('test.greeter');
    take();
    await assert.rejects(runtime.kernel.update(Buffer.from('no archive'), BY));
    assert.deepEqual([take(), stateOf('test.greeter')], ['', before]);
  });

  it('an update whose start fails starts the old content again', async () => {
    await runtime.deploy(greeter());
    take();
    const outcome = await runtime.kernel.update(artifactOf(greeter('1.1.0', throwing)), BY);
    assert.deepEqual(
      [outcome.error?.code, take(), stateOf('test.greeter')?.version, await runtime.service(Greeter).greet('x')],
      [
        'ACTIVATE_FAILED',
        'STOPPING greeter, UNREGISTERING Greeter, STOPPED greeter, STARTING greeter, STOPPING greeter, STOPPED greeter, STARTING greeter, REGISTERED Greeter, STARTED greeter',
        '1.0.0',
        '1.0.0 x',
      ],
    );
  });

  describe('start levels', () => {
    const at = (name: string, startLevel: number): TestBundle => ({
      symbolicName: `test.${name}`,
      manifest: { startLevel },
      definition: defineBundle({}),
    });

    beforeEach(async () => {
      await runtime.kernel.setStartLevel(50, BY);
      await runtime.deploy(at('a', 20), at('b', 10), at('c', 20), at('d', 90));
    });

    it('several bundles start by ascending level, in install order inside a level; one above the level waits without events', () => {
      const order = ['b', 'a', 'c'];
      const phases = ['RESOLVED', 'STARTING', 'STARTED'].map((kind) => order.map((name) => `${kind} ${name}`).join(', '));
      assert.equal(
        take().replace('STARTLEVEL_CHANGED framework, ', ''),
        ['INSTALLED a, INSTALLED b, INSTALLED c, INSTALLED d', ...phases].join(', '),
      );
      assert.equal(stateOf('test.d')?.state, 'INSTALLED');
    });

    it('down: the exact reverse, and told when it is reached', async () => {
      take();
      await runtime.kernel.setStartLevel(5, BY);
      assert.equal(take(), 'STOPPING c, STOPPING a, STOPPED c, STOPPED a, STOPPING b, STOPPED b, STARTLEVEL_CHANGED framework');
    });

    it('up: ascending, also those that waited', async () => {
      await runtime.kernel.setStartLevel(5, BY);
      take();
      await runtime.kernel.setStartLevel(95, BY);
      assert.equal(
        take(),
        'STARTING b, STARTED b, STARTING a, STARTED a, STARTING c, STARTED c, RESOLVED d, STARTING d, STARTED d, STARTLEVEL_CHANGED framework',
      );
    });

    it('a bundle that was stopped stays stopped when the level passes it, and one above the level starts when it is reached', async () => {
      await runtime.kernel.stop('test.a', BY);
      await runtime.kernel.setStartLevel(5, BY);
      take();
      await runtime.kernel.setStartLevel(50, BY);
      assert.equal(take(), 'STARTING b, STARTED b, STARTING c, STARTED c, STARTLEVEL_CHANGED framework');
    });
  });
});
