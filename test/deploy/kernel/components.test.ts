import 'reflect-metadata';
import { strict as assert } from 'node:assert';
import {
  Activate,
  Component,
  contract,
  Deactivate,
  defineBundle,
  method,
  Reference,
  Type,
  type Constructor,
  type ServiceOf,
} from '@sluice/sdk';
import { TestRuntime, type TestBundle } from '@sluice/kernel/testing';

const Rates = contract('test.Rates', '1.0.0', { rate: method([Type.String()], Type.Number()) });
const Prices = contract('test.Prices', '1.0.0', { price: method([Type.Number()], Type.Number()) });

function bundleOf(symbolicName: string, version: string, component: Constructor): TestBundle {
  return { symbolicName, version, definition: defineBundle({ components: [component] }) };
}

function ratesBundle(version: string, rate: number): TestBundle {
  @Component({ provides: Rates })
  class FixedRates implements ServiceOf<typeof Rates> {
    rate(): Promise<number> {
      return Promise.resolve(rate);
    }
  }
  return bundleOf('test.rates', version, FixedRates);
}

function pricesBundle(version: string, log: string[], policy: 'static' | 'dynamic', filter?: string): TestBundle {
  @Component({ provides: Prices, name: 'Prices' })
  class RatedPrices implements ServiceOf<typeof Prices> {
    constructor(
      @Reference(Rates, { policy, policyOption: 'greedy', ...(filter === undefined ? {} : { filter }) })
      private readonly rates: ServiceOf<typeof Rates>,
    ) {}

    @Activate()
    begin(): void {
      log.push(`${version} begins`);
    }

    @Deactivate()
    end(): void {
      log.push(`${version} ends`);
    }

    async price(amount: number): Promise<number> {
      return amount * (await this.rates.rate('x'));
    }
  }
  return bundleOf('test.prices', version, RatedPrices);
}

describe('components in a swap', () => {
  let runtime: TestRuntime;
  beforeEach(async () => {
    runtime = await TestRuntime.boot();
  });
  afterEach(() => runtime.stop());

  it('follow a swapped provider without being built anew', async () => {
    const log: string[] = [];
    await runtime.deploy(ratesBundle('1.0.0', 2), pricesBundle('1.0.0', log, 'dynamic'));
    const prices = runtime.service(Prices);
    assert.equal(await prices.price(10), 20);
    const outcome = await runtime.deploy(ratesBundle('1.1.0', 3));
    assert.equal(await prices.price(10), 30);
    assert.deepEqual(
      { log, restarts: outcome.plan.restarts, rebinds: outcome.plan.rebinds },
      { log: ['1.0.0 begins'], restarts: [], rebinds: ['test.prices'] },
    );
  });

  it('are built anew when they asked for a static reference, and the plan says so', async () => {
    const log: string[] = [];
    await runtime.deploy(ratesBundle('1.0.0', 2), pricesBundle('1.0.0', log, 'static'));
    const outcome = await runtime.deploy(ratesBundle('1.1.0', 3));
    assert.equal(await runtime.service(Prices).price(10), 30);
    assert.deepEqual(outcome.plan.restarts, ['test.prices']);
    assert.equal(log.filter((line) => line === '1.0.0 begins').length, 2);
  });

  it('refuse the swap when one that is active would be unsatisfied', async () => {
    const log: string[] = [];
    await runtime.deploy(ratesBundle('1.0.0', 2), pricesBundle('1.0.0', log, 'dynamic'));
    const outcome = await runtime.tryDeploy([pricesBundle('1.1.0', log, 'dynamic', '(currency=CNY)')]);
    assert.deepEqual([outcome.outcome, outcome.error?.code], ['refused', 'COMPONENT_UNSATISFIED']);
    assert.equal(await runtime.service(Prices).price(10), 20);
  });

  it('explain why they wait, with the bundle that could help', async () => {
    const log: string[] = [];
    await runtime.deploy(ratesBundle('1.0.0', 2), pricesBundle('1.0.0', log, 'dynamic'));
    await runtime.kernel.stop('test.rates', { actor: 'test' });
    const why = await runtime.kernel.why('test.prices');
    const statements = why.map(({ subject, statement }) => `${subject} ${statement}`).join('\n');
    assert.match(statements, /test\.prices\/Prices is unsatisfied/);
    assert.match(statements, /test\.Rates is provided by 'test\.rates', which is RESOLVED/);
  });
});
