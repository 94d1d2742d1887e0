import { strict as assert } from 'node:assert';
import { contract, defineBundle, HealthCheck, method, SluiceError, Type, type BundleDefinition } from '@sluice/sdk';
import { settle, TestRuntime, type TestBundle } from '@sluice/kernel/testing';

const Greeter = contract('test.Greeter', '1.0.0', { greet: method([Type.String()], Type.String()) });
const Guest = contract('test.Guest', '1.0.0', { visit: method([], Type.Array(Type.String())) });

function greeter(version: string, more: Partial<BundleDefinition> = {}): TestBundle {
  return {
    symbolicName: 'test.greeter',
    version,
    definition: defineBundle({
      provides: [Greeter, HealthCheck],
      activate(context) {
        context.register(Greeter, { greet: (name) => Promise.resolve(`${version}: hello ${name}`) });
      },
      ...more,
    }),
  };
}

/** Calls the greeter twice with a gate in between, as a slow request does. */
function guest(gate: Promise<void> = Promise.resolve()): TestBundle {
  return {
    symbolicName: 'test.guest',
    definition: defineBundle({
      provides: [Guest],
      requires: [Greeter],
      activate(context) {
        const greeterService = context.reference(Greeter);
        context.register(Guest, {
          async visit() {
            const first = await greeterService.greet('a');
            await gate;
            return [first, await greeterService.greet('b')];
          },
        });
      },
    }),
  };
}

describe('swap', () => {
  let runtime: TestRuntime;
  beforeEach(async () => {
    runtime = await TestRuntime.boot();
  });
  afterEach(() => runtime.stop());

  it('installs, serves and swaps without a gap', async () => {
    await runtime.deploy(greeter('1.0.0'));
    const service = runtime.service(Greeter);
    assert.equal(await service.greet('x'), '1.0.0: hello x');
    const outcome = await runtime.deploy(greeter('1.1.0'));
    assert.equal(await service.greet('x'), '1.1.0: hello x');
    assert.deepEqual(
      { generation: outcome.generation, changes: outcome.plan.changes },
      { generation: 2, changes: [{ symbolicName: 'test.greeter', action: 'swap', from: '1.0.0', to: '1.1.0', tier: 'inline' }] },
    );
    assert.deepEqual(
      runtime.kernel.bundles().map(({ symbolicName, version, state, lingering }) => ({ symbolicName, version, state, lingering })),
      [{ symbolicName: 'test.greeter', version: '1.1.0', state: 'ACTIVE', lingering: 0 }],
    );
  });

  it('lets an entry that began before the switch see the old revision to its end, and ends the old one after it', async () => {
    let open = (): void => {};
    const gate = new Promise<void>((resolve) => (open = resolve));
    const ended: string[] = [];
    await runtime.deploy(greeter('1.0.0', { deactivate: () => void ended.push('1.0.0') }), guest(gate));
    const service = runtime.service(Guest);
    const visit = runtime.entry('test.guest', () => service.visit());
    await settle();
    const deploying = runtime.deploy(greeter('1.1.0'));
    await settle();
    const after = runtime.entry('test.guest', () => service.visit());
    assert.deepEqual(ended, []);
    open();
    assert.deepEqual(await visit, ['1.0.0: hello a', '1.0.0: hello b']);
    assert.deepEqual(await after, ['1.1.0: hello a', '1.1.0: hello b']);
    await deploying;
    assert.deepEqual(ended, ['1.0.0']);
  });

  it('refuses a revision whose activator throws, hangs or is not healthy, and leaves the old one untouched', async () => {
    await runtime.deploy(greeter('1.0.0'));
    const service = runtime.service(Greeter);
    const throwing = greeter('1.1.0', {
      activate: () => {
        throw new Error('no');
      },
    });
    const unhealthy = greeter('1.3.0', {
      activate: (context) =>
        void context.register(HealthCheck, { name: 'db', check: () => ({ status: 'CRITICAL', message: 'no database' }) }),
    });
    const first = await runtime.tryDeploy([throwing]);
    const hanging = runtime.tryDeploy([greeter('1.2.0', { activate: () => new Promise<void>(() => {}) })]);
    await settle();
    await runtime.virtual.advance(10_001);
    const second = await hanging;
    const third = await runtime.tryDeploy([unhealthy]);
    assert.deepEqual(
      [first, second, third].map(({ outcome, error }) => [outcome, error?.code]),
      [
        ['refused', 'ACTIVATE_FAILED'],
        ['refused', 'TIME_LIMIT'],
        ['refused', 'HEALTH_GATE_FAILED'],
      ],
    );
    assert.match(second.error?.message ?? '', /'test.greeter' 1\.2\.0 did not finish activate within 10000 ms/);
    assert.equal(await service.greet('x'), '1.0.0: hello x');
    assert.equal(runtime.kernel.bundles()[0]?.version, '1.0.0');
  });

  it('returns by itself when the new revision fails on live traffic', async () => {
    await runtime.deploy(greeter('1.0.0'), guest());
    const failing = greeter('1.1.0', {
      activate: (context) => void context.register(Greeter, { greet: () => Promise.reject(new SluiceError('BROKEN', 'does not greet')) }),
    });
    const outcome = await runtime.tryDeploy([failing], { watchMs: 30_000 });
    assert.deepEqual([outcome.outcome, outcome.onTrial], ['committed', true]);
    const service = runtime.service(Guest);
    let failed = 0;
    for (let request = 0; request < 20; request += 1) {
      await runtime.entry('test.guest', () => service.visit()).catch(() => (failed += 1));
      await settle();
    }
    await settle();
    assert.equal(failed, 5);
    assert.equal((await runtime.entry('test.guest', () => service.visit()))[0], '1.0.0: hello a');
    assert.deepEqual(
      runtime.kernel.history(10).map(({ kind, outcome: end, actor }) => [kind, end, actor]),
      [
        ['deploy', 'committed', 'test'],
        ['deploy', 'rolled-back', 'test'],
        ['rollback', 'committed', 'kernel:probation'],
      ],
    );
    assert.equal(runtime.kernel.bundles().find(({ symbolicName }) => symbolicName === 'test.greeter')?.version, '1.0.0');
  });

  it('returns although entries of before still hold the old revision', async () => {
    let open = (): void => {};
    const gate = new Promise<void>((resolve) => (open = resolve));
    await runtime.deploy(greeter('1.0.0'), guest(gate));
    const service = runtime.service(Guest);
    const slow = runtime.entry('test.guest', () => service.visit());
    await settle();
    const failing = greeter('1.1.0', {
      activate: (context) => void context.register(Greeter, { greet: () => Promise.reject(new SluiceError('BROKEN', 'does not greet')) }),
    });
    const deploying = runtime.tryDeploy([failing], { watchMs: 30_000 });
    await settle();
    for (let request = 0; request < 5; request += 1) await runtime.entry('test.guest', () => service.visit()).catch(() => undefined);
    await deploying;
    await settle();
    assert.equal(runtime.kernel.bundles().find(({ symbolicName }) => symbolicName === 'test.greeter')?.version, '1.0.0');
    open();
    assert.deepEqual(await slow, ['1.0.0: hello a', '1.0.0: hello b']);
  });

  it('confirms after the watch, on demand, and by a later deploy', async () => {
    await runtime.deploy(greeter('1.0.0'));
    await runtime.tryDeploy([greeter('1.1.0')], { watchMs: 1_000 });
    assert.equal(runtime.kernel.bundles()[0]?.onTrial, true);
    await runtime.virtual.advance(1_001);
    await settle();
    assert.deepEqual([runtime.kernel.bundles()[0]?.onTrial, runtime.kernel.bundles()[0]?.lingering], [false, 0]);
    await runtime.tryDeploy([greeter('1.2.0')], { watchMs: 1_000 });
    await runtime.kernel.confirm('operator');
    assert.equal(runtime.kernel.bundles()[0]?.onTrial, false);
    await runtime.tryDeploy([greeter('1.3.0')], { watchMs: 1_000 });
    await runtime.deploy(greeter('1.4.0'));
    assert.deepEqual([runtime.kernel.bundles()[0]?.version, runtime.kernel.bundles()[0]?.lingering], ['1.4.0', 0]);
  });

  it('rolls back: at once while on trial, by a swap afterwards, and says when there is nothing to return to', async () => {
    await runtime.deploy(greeter('1.0.0'));
    await assert.rejects(runtime.kernel.rollback('test.greeter', { actor: 'operator' }), { code: 'NOTHING_TO_ROLL_BACK' });
    await runtime.tryDeploy([greeter('1.1.0')], { watchMs: 60_000 });
    const first = await runtime.kernel.rollback('test.greeter', { actor: 'operator' });
    assert.deepEqual([first.outcome, runtime.kernel.bundles()[0]?.version], ['rolled-back', '1.0.0']);
    await runtime.deploy(greeter('1.2.0'));
    const second = await runtime.kernel.rollback('test.greeter', { actor: 'operator' });
    assert.deepEqual([second.outcome, runtime.kernel.bundles()[0]?.version], ['committed', '1.0.0']);
  });

  it('plans without changing anything', async () => {
    await runtime.deploy(greeter('1.0.0'), guest());
    const outcome = await runtime.tryDeploy([greeter('1.1.0')], { dryRun: true });
    assert.deepEqual(
      { outcome: outcome.outcome, rebinds: outcome.plan.rebinds, restarts: outcome.plan.restarts, problems: outcome.plan.problems },
      { outcome: 'planned', rebinds: ['test.guest'], restarts: [], problems: [] },
    );
    assert.equal(runtime.kernel.bundles()[0]?.version, '1.0.0');
  });

  it('refuses a bundle whose requirement nobody provides, naming it', async () => {
    const outcome = await runtime.tryDeploy([guest()]);
    assert.equal(outcome.outcome, 'refused');
    assert.match(outcome.error?.message ?? '', /test\.Greeter/);
    assert.deepEqual(runtime.kernel.bundles(), []);
  });

  it('answers a repeated deploy id with the recorded outcome, and refuses a plan of an older generation', async () => {
    await runtime.tryDeploy([greeter('1.0.0')], { deployId: 'once' });
    const again = await runtime.tryDeploy([greeter('9.9.9')], { deployId: 'once' });
    assert.deepEqual([again.outcome, runtime.kernel.bundles()[0]?.version], ['committed', '1.0.0']);
    await assert.rejects(runtime.tryDeploy([greeter('1.1.0')], { baseGeneration: 0 }), { code: 'GENERATION_CONFLICT' });
  });

  it('stops, starts, updates in place and uninstalls', async () => {
    await runtime.deploy(greeter('1.0.0'));
    const service = runtime.service(Greeter);
    const actor = { actor: 'operator' };
    await runtime.kernel.stop('test.greeter', actor);
    assert.equal(runtime.kernel.bundles()[0]?.state, 'RESOLVED');
    await assert.rejects(service.greet('x'), { code: 'SERVICE_UNAVAILABLE' });
    await runtime.kernel.start('test.greeter', actor);
    assert.equal(await service.greet('x'), '1.0.0: hello x');
    assert.equal(runtime.kernel.bundles()[0]?.revision, 2);
    const why = await runtime.kernel.why('test.greeter');
    assert.equal(why[0]?.statement, 'is ACTIVE with version 1.0.0');
    await runtime.kernel.uninstall('test.greeter', actor);
    assert.deepEqual(runtime.kernel.bundles(), []);
    await assert.rejects(runtime.kernel.why('test.greeter'), { code: 'BUNDLE_UNKNOWN' });
  });
});
