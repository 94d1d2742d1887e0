import { strict as assert } from 'node:assert';
import { contract, defineBundle, method, Type } from '@sluice/sdk';
import { TestRuntime, type TestBundle } from '@sluice/kernel/testing';

describe('a breaking change of a contract', () => {
  const Rates = (version: string, result = Type.Number() as ReturnType<typeof Type.Number>) =>
    contract('test.Rates', version, { rate: method([Type.String()], result) });
  const provider = (version: string, provided: ReturnType<typeof Rates>): TestBundle => ({
    symbolicName: 'test.rates',
    version,
    definition: defineBundle({
      provides: [provided],
      activate: (context) => void context.register(provided, { rate: () => Promise.resolve(1) }),
    }),
  });

  it('is refused at deploy and at plan, with contract and member named, and the old one serves', async () => {
    const runtime = await TestRuntime.boot();
    await runtime.deploy(provider('1.0.0', Rates('1.0.0')));
    const broken = provider('1.1.0', Rates('1.1.0', Type.Union([Type.Number(), Type.Null()]) as never));
    const planned = await runtime.tryDeploy([broken], { dryRun: true });
    assert.deepEqual(planned.plan.contracts, [
      {
        bundle: 'test.rates',
        contract: 'test.Rates',
        from: '1.0.0',
        to: '1.1.0',
        members: [{ member: 'rate', kind: 'changed', breaking: true, text: 'its result may be of type null where number is taken' }],
      },
    ]);
    const refused = await runtime.tryDeploy([broken]);
    assert.equal(refused.outcome, 'refused');
    assert.equal(refused.error?.code, 'CONTRACT_BROKEN');
    assert.match(refused.error?.message ?? '', /'test\.Rates'.*'rate' its result/);
    assert.equal(runtime.kernel.inspect('test.rates').version, '1.0.0');
    await runtime.stop();
  });

  it('is told and not refused of a development build, on the way there and back', async () => {
    const runtime = await TestRuntime.boot();
    await runtime.deploy(provider('1.0.0', Rates('1.0.0')));
    const changed = Rates('1.0.0', Type.Union([Type.Number(), Type.Null()]) as never);
    const there = await runtime.tryDeploy([provider('1.0.0-dev.7', changed)]);
    assert.deepEqual([there.outcome, there.plan.contracts?.[0]?.members[0]?.breaking], ['committed', true]);
    await runtime.deploy(provider('1.0.0', Rates('1.0.0')));
    assert.equal((await runtime.tryDeploy([provider('1.0.0-rc.1', changed)])).error?.code, 'CONTRACT_BROKEN');
    await runtime.stop();
  });
});
