/** What a stop leaves without a service, as the plan and `why` tell it; and what becomes of a probation, told to whoever asks. */
import { strict as assert } from 'node:assert';
import { contract, defineBundle, Framework, method, Type } from '@sluice/sdk';
import { artifactOf, TestRuntime, type TestBundle } from '@sluice/kernel/testing';

const Rates = contract('test.Rates', '1.0.0', { rate: method([], Type.Number()) });
const actor = { actor: 'operator' };

function rates(symbolicName: string, version = '1.0.0'): TestBundle {
  const definition = defineBundle({
    provides: [Rates],
    activate: (context) => void context.register(Rates, { rate: () => Promise.resolve(1) }),
  });
  return { symbolicName, version, definition };
}

function consumer(symbolicName: string, optional: boolean): TestBundle {
  const definition = defineBundle({
    requires: [{ contract: Rates, optional }],
    activate: (context) => void context.optional(Rates),
  });
  return { symbolicName, definition };
}

describe('stop', () => {
  let runtime: TestRuntime;
  beforeEach(async () => {
    runtime = await TestRuntime.boot();
    await runtime.deploy(rates('rates.one'), rates('rates.two'), consumer('needs', false), consumer('can.do.without', true));
  });
  afterEach(() => runtime.stop());

  it('names the bundles that then find a service nowhere, in the plan and in the outcome', async () => {
    const { kernel } = runtime;
    assert.equal((await kernel.stop('rates.one', actor)).plan.unserved, undefined);
    const unserved = [{ bundle: 'needs', contract: 'test.Rates', provider: 'rates.two' }];
    assert.deepEqual((await kernel.stop('rates.two', { ...actor, dryRun: true })).plan.unserved, unserved);
    assert.equal((await kernel.why('needs'))[0]?.statement, 'is ACTIVE with version 1.0.0');
    assert.deepEqual((await kernel.stop('rates.two', actor)).plan.unserved, unserved);
  });

  it('is seen from the bundle that needs the service, with the command that brings it back', async () => {
    const { kernel } = runtime;
    for (const name of ['rates.one', 'rates.two']) await kernel.stop(name, actor);
    const causes = (await kernel.why('needs')).filter(({ subject }) => subject === 'test.Rates');
    assert.deepEqual(
      causes.map(({ statement, command }) => [statement, command]),
      [
        ["is provided by 'rates.one', which is RESOLVED", 'sluice start rates.one'],
        ["is provided by 'rates.two', which is RESOLVED", 'sluice start rates.two'],
      ],
    );
    assert.deepEqual(
      (await kernel.why('can.do.without')).filter(({ subject }) => subject === 'test.Rates'),
      [],
    );
  });

  it('of a probation by confirming names what stays; without one it tells what became of the last change', async () => {
    const { kernel } = runtime;
    const framework = runtime.service(Framework);
    const options = { actor: 'a-bundle', watchMs: 60_000 };
    assert.equal((await framework.deploy([artifactOf(rates('rates.one', '1.1.0'))], options)).onTrial, true);
    const { plan, onTrial } = await kernel.confirm('operator');
    assert.deepEqual(
      [plan.changes, onTrial],
      [[{ symbolicName: 'rates.one', action: 'nothing', from: '1.1.0', to: '1.1.0', tier: null }], false],
    );
    const refusal = async (): Promise<string> => {
      const error: unknown = await kernel.confirm('operator').catch((cause: unknown) => cause);
      return (error as Error).message;
    };
    assert.match(await refusal(), /^Nothing to confirm: .* the last change, deploy of rates\.one 1\.1\.0, was kept$/);
    await framework.deploy([artifactOf(rates('rates.one', '1.2.0'))], options);
    await kernel.rollback('rates.one', actor);
    assert.match(await refusal(), / the last change went back to rates\.one 1\.1\.0$/);
  });
});
