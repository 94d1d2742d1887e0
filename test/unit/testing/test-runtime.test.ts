/** The test kit itself: stand-ins for services of somebody else. */
import { deepStrictEqual, rejects, strictEqual } from 'node:assert';
import { contract, defineBundle, method, Type, type ServiceOf } from '@sluice/sdk';
import { TestRuntime, type TestBundle } from '@sluice/kernel/testing';

const Rates = contract('demo.Rates', '1.2.0', { rate: method([], Type.String()) });
const Quotes = contract('demo.Quotes', '1.0.0', { quote: method([], Type.String()) });

function quotes(version: string): TestBundle {
  const definition = defineBundle({
    provides: [Quotes],
    requires: [Rates],
    activate(context) {
      const rates = context.reference(Rates);
      context.register(Quotes, { quote: () => rates.rate() });
    },
  });
  return { symbolicName: 'demo.quotes', version, definition };
}

describe('test runtime', () => {
  let runtime: TestRuntime;
  const rates = (rate: string): ServiceOf<typeof Rates> => ({ rate: () => Promise.resolve(rate) });
  beforeEach(async () => {
    runtime = await TestRuntime.boot();
  });
  afterEach(() => runtime.stop());

  it('stands in for a required service, until that is taken away', async () => {
    const refused = async (version: string): Promise<unknown> => (await runtime.tryDeploy([quotes(version)])).error?.code;
    strictEqual(await refused('1.0.0'), 'RESOLVER_MISSING');
    const undo = runtime.provide(Rates, rates('7.10'));
    await runtime.deploy(quotes('1.0.0'));
    const service = runtime.service(Quotes);
    strictEqual(await service.quote(), '7.10');
    undo();
    runtime.provide(Rates, rates('7.20'))();
    await rejects(service.quote(), { code: 'SERVICE_UNAVAILABLE' });
    runtime.provide(Rates, rates('7.30'));
    deepStrictEqual([await service.quote(), await refused('1.1.0')], ['7.30', undefined]);
  });

  it('counts the version of the contract', async () => {
    runtime.provide(contract('demo.Rates', '1.1.0', { rate: method([], Type.String()) }), rates('7.10'));
    strictEqual((await runtime.tryDeploy([quotes('1.0.0')])).outcome, 'refused');
  });
});
