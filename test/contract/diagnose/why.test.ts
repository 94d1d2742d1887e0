/** `why` on the real engine: each kind of cause, followed from what is seen to where it began, with the next command. */
import { strict as assert } from 'node:assert';
import {
  Activate,
  Component,
  ConfigSource,
  contract,
  defineBundle,
  Health,
  method,
  Reference,
  RouteTable,
  Type,
  type ServiceOf,
} from '@sluice/sdk';
import { artifactOf, TestRuntime, type TestBundle } from '@sluice/kernel/testing';

const Rates = contract('test.Rates', '1.0.0', { rate: method([], Type.Number()) });
const RatesNew = contract('test.Rates', '2.0.0', { rate: method([], Type.Number()) });
const Prices = contract('test.Prices', '1.0.0', { price: method([], Type.Number()) });
const lin = { actor: 'lin' };

function rates(version = '1.0.0', provided: typeof Rates | typeof RatesNew = Rates): TestBundle {
  const definition = defineBundle({
    provides: [provided],
    activate: (context) => void context.register(provided, { rate: () => Promise.resolve(1) }),
  });
  return { symbolicName: 'test.rates', version, definition };
}

function prices(): TestBundle {
  @Component({ name: 'Pricing', provides: Prices })
  class Pricing {
    constructor(@Reference(Rates) readonly rates: ServiceOf<typeof Rates>) {}
    @Activate() begin(): void {
      void this.rates;
    }
    price = (): Promise<number> => this.rates.rate();
  }
  return { symbolicName: 'test.prices', definition: defineBundle({ components: [Pricing] }), manifest: { http: { mount: '/prices' } } };
}

const WITH_PORT: TestBundle = {
  symbolicName: 'test.listener',
  definition: defineBundle({}),
  manifest: {
    config: {
      schema: {
        type: 'object',
        additionalProperties: false,
        properties: { port: { type: 'integer' }, key: { type: 'string', maxLength: 8, 'x-secret': true } },
      },
      defaults: { port: 1 },
    },
  },
};

describe('why', () => {
  let runtime: TestRuntime;
  beforeEach(async () => (runtime = await TestRuntime.boot()));
  afterEach(() => runtime.stop());

  const told = async (subject: string): Promise<string[]> =>
    (await runtime.kernel.why(subject)).map(({ depth, area, subject: about, statement, command }) =>
      `${depth} ${area} ${about}: ${statement}${command === undefined ? '' : ` [${command}]`}`.replace(/\([0-9a-f-]{36}\)/g, '(id)'),
    );

  it('follows what a component lacks to who stopped its provider', async () => {
    await runtime.deploy(rates(), prices());
    await runtime.kernel.stop('test.rates', lin);
    const chain = [
      '0 state test.prices: is ACTIVE with version 1.0.0',
      '1 component test.prices/Pricing: is unsatisfied: reference test.Rates (1..1) has no service',
      "2 service test.Rates: is provided by 'test.rates', which is RESOLVED [sluice start test.rates]",
      '3 history test.rates: was stopped by lin (id) [sluice start test.rates]',
    ];
    const found = await told('test.prices');
    assert.match(found[1] ?? '', /^1 component test\.prices\/Pricing: is unsatisfied/);
    assert.deepEqual([found[0], ...found.slice(2, 4)], [chain[0], ...chain.slice(2)]);
    // The same chain is found from the component, the service nobody provides, and the route that is not served.
    assert.deepEqual((await told('Pricing')).slice(1), [
      "1 service test.Rates: is provided by 'test.rates', which is RESOLVED [sluice start test.rates]",
      '2 history test.rates: was stopped by lin (id) [sluice start test.rates]',
    ]);
    assert.deepEqual((await told('test.Prices'))[0], '0 service test.Prices: is provided by nobody now');
    assert.equal((await told('test.Prices')).at(-1), '4 history test.rates: was stopped by lin (id) [sluice start test.rates]');
  });

  it('tells which requirement nothing fulfils, with what comes near', async () => {
    await runtime.deploy(rates('2.0.0', RatesNew));
    await runtime.kernel.install([artifactOf(prices())], lin);
    const [state, installed, resolver] = await runtime.kernel.why('test.prices');
    assert.equal(state?.statement, 'is INSTALLED');
    assert.match(installed?.statement ?? '', /^was installed without being started by lin \(/);
    assert.equal(resolver?.area, 'resolver');
    assert.match(
      resolver?.statement ?? '',
      /needs contract 'test\.Rates' in .*; offered is 2\.0\.0 by 'test\.rates@2\.0\.0#1' \(refused by the range\)/,
    );
    assert.deepEqual([resolver?.depth, resolver?.command], [2, 'sluice inspect test.rates']);
  });

  it('tells the refused value, its layer and how to change it, and never shows a secret', async () => {
    const values: Record<string, unknown> = {};
    runtime.provide(ConfigSource, {
      layers: () => Promise.resolve([{ layer: 'operator', values: { ...values } }]),
      watch: () => () => undefined,
      set: () => Promise.resolve(),
      history: () => Promise.resolve([]),
      resolve: (_bundle, changes) => Promise.resolve(changes),
    });
    await runtime.deploy(WITH_PORT);
    Object.assign(values, { port: 'eighty', key: 'much-too-long-secret' });
    const running = await told('test.listener');
    assert.match(running[1] ?? '', /^1 configuration test\.listener: goes on with its configuration before: /);
    const refused = running.filter((line) => line.startsWith('2 configuration')).map((line) => line.replace(/: .*, found/, ' ... found'));
    assert.deepEqual(refused.sort(), [
      `2 configuration test.listener /key ... found "***" from layer 'operator' [sluice config get test.listener]`,
      `2 configuration test.listener /port ... found "eighty" from layer 'operator' [sluice config get test.listener]`,
    ]);
    await runtime.kernel.stop('test.listener', lin);
    await runtime.kernel.start('test.listener', lin);
    const failed = await told('test.listener');
    assert.match(
      failed[1] ?? '',
      /^1 configuration test\.listener: could not be started: The configuration of 'test\.listener' is not valid/,
    );
    assert.equal(JSON.stringify([running, failed]).includes('much-too-long'), false);
  });

  it('names a failing health check with its message', async () => {
    await runtime.deploy(rates());
    const check = { bundle: 'test.rates', name: 'feed', tags: ['readiness'], durationMs: 1 };
    const report = () =>
      Promise.resolve({
        status: 'CRITICAL' as const,
        checks: [{ ...check, status: 'CRITICAL' as const, message: 'no quotes for 5 minutes' }],
      });
    runtime.provide(Health, { report });
    assert.equal(
      (await told('test.rates'))[1],
      "1 health test.rates, check 'feed': is CRITICAL: no quotes for 5 minutes [sluice logs test.rates -l warn]",
    );
  });

  it('remembers what was done, and why a deploy was taken back', async () => {
    await runtime.deploy(rates());
    await runtime.tryDeploy([rates('1.1.0')], { actor: 'lin', watchMs: 60_000 });
    for (let failures = 0; failures < 5; failures += 1) {
      await runtime.entry('test.rates', () => Promise.reject(new Error('planted'))).catch(() => undefined);
    }
    await runtime.kernel.confirm('nobody').catch(() => undefined);
    const causes = (await runtime.kernel.why('test.rates')).filter(({ area }) => area === 'history');
    const takenBack = causes.find(({ statement }) => statement.includes('was taken back'));
    assert.match(takenBack?.statement ?? '', /^deploy 1\.0\.0 -> 1\.1\.0 by lin \(.*\) was taken back: .*5 of 5 entries failed/);
    assert.equal(takenBack?.command, 'sluice logs test.rates -l warn');
    // The journal keeps the reason, so that it can be told after a restart.
    const record = runtime.kernel.history(10).find(({ outcome }) => outcome === 'rolled-back');
    assert.equal(record?.error?.code, 'PROBATION_FAILED');
  });

  it('explains services that are there, and routes', async () => {
    await runtime.deploy(rates(), prices());
    const route = { method: 'GET', path: '/prices/:currency', bundle: 'test.prices', version: '1.0.0', operationId: 'price' };
    runtime.provide(RouteTable, { list: () => [route], addresses: () => [], inFlight: () => ({}) });
    assert.match(
      (await told('test.Rates'))[0] ?? '',
      /^0 service test\.Rates: is provided in version 1\.0\.0 by 'test\.rates' 1\.0\.0 \(service \d+, ranking 0\), used by test\.prices@1\.0\.0 \[sluice inspect test\.rates\]$/,
    );
    assert.deepEqual(
      (await told('GET /prices/CNY'))[0],
      "0 route GET /prices/CNY: is served by 'test.prices' 1.0.0 as GET /prices/:currency, operation 'price'",
    );
    assert.equal(
      (await told('DELETE /prices/CNY'))[0],
      "0 route DELETE /prices/CNY: is not served; 'test.prices' serves this path for GET [sluice routes /prices/:currency]",
    );
    assert.match(
      (await told('/prices/CNY/history'))[0] ?? '',
      /lies below \/prices, the mount of 'test\.prices', which declares no such path/,
    );
    assert.match((await told('/price'))[0] ?? '', /lies below the mount of no installed bundle; similar: \/prices \[sluice routes\]$/);
    await assert.rejects(runtime.kernel.why('test.rate'), { code: 'BUNDLE_UNKNOWN', remedy: /Did you mean .*test\.rates/ });
  });
});
