/** Delayed components: their services are visible, their instance is built at the first call. */
import assert from 'node:assert/strict';
import { Activate, Component, Deactivate, Reference, type Constructor } from '@sluice/sdk';
import { Accounts, ComponentFixture, Greeter, owner, type GreeterService } from './fixture.js';

function delayed(fixture: ComponentFixture, behaviour: { failing?: boolean } = {}): Constructor {
  let built = 0;
  @Component({ name: 'lazy', provides: Accounts, immediate: false })
  class Lazy {
    readonly number = (built += 1);
    @Activate()
    async activate(): Promise<void> {
      fixture.log.push(`activating ${this.number}`);
      await Promise.resolve();
      if (behaviour.failing === true) throw new Error('too early');
    }
    @Deactivate()
    deactivate(): void {
      fixture.log.push(`deactivated ${this.number}`);
    }
    async balance(account: string): Promise<number> {
      return this.number * 100 + Number(account);
    }
  }
  return Lazy;
}

describe('component: delayed', () => {
  it('is built once, at the first of many calls', async () => {
    const fixture = new ComponentFixture();
    const { registry } = fixture;
    const runtime = fixture.runtime([delayed(fixture)]);
    await runtime.start();
    const before = { log: fixture.take(), state: runtime.describe()[0]?.state };
    const { service } = registry.reference(owner('c'), Accounts, undefined, null);
    const answers = await Promise.all(['1', '2'].map((account) => service.balance(account)));
    answers.push(await service.balance('3'));
    assert.deepEqual(
      { before, answers, log: fixture.take(), state: runtime.describe()[0]?.state },
      {
        before: { log: [], state: 'satisfied' },
        answers: [101, 102, 103],
        log: ['activating 1'],
        state: 'active',
      },
    );
    await runtime.stop();
    assert.deepEqual(fixture.log, ['deactivated 1', 'scope of lazy closed']);
  });

  it('is never built when nobody calls', async () => {
    const fixture = new ComponentFixture();
    const runtime = fixture.runtime([delayed(fixture)]);
    await runtime.start();
    await runtime.stop();
    assert.deepEqual([fixture.log, fixture.registry.counts().services], [[], 0]);
  });

  it('can be called from the activation of another component of its bundle', async () => {
    const fixture = new ComponentFixture();
    @Component({ name: 'eager' })
    class Eager {
      constructor(@Reference(Accounts) private readonly accounts: { balance(account: string): Promise<number> }) {}
      @Activate()
      async activate(): Promise<void> {
        fixture.log.push(`eager read ${await this.accounts.balance('5')}`);
      }
    }
    const runtime = fixture.runtime([Eager, delayed(fixture)]);
    await runtime.start();
    assert.deepEqual(fixture.take(), ['activating 1', 'eager read 105']);
    await runtime.stop();
  });

  it('answers a failed building with a retryable error and tries again at the next call', async () => {
    const fixture = new ComponentFixture();
    const behaviour = { failing: true };
    const runtime = fixture.runtime([delayed(fixture, behaviour)]);
    await runtime.start();
    const { service } = fixture.registry.reference(owner('c'), Accounts, undefined, null);
    await assert.rejects(service.balance('1'), {
      code: 'SERVICE_UNAVAILABLE',
      retryable: true,
      message: /could not be built: .*too early/,
    });
    const between = runtime.describe()[0];
    behaviour.failing = false;
    assert.deepEqual([between?.state, await service.balance('1'), runtime.describe()[0]?.state], ['satisfied', 201, 'active']);
    assert.match(between?.reason ?? '', /too early/);
    await runtime.stop();
  });

  it('is built at once when a contract has a synchronous method, which could not wait', async () => {
    const fixture = new ComponentFixture();
    @Component({ name: 'hasty', provides: [Greeter, Accounts], immediate: false })
    class Hasty implements GreeterService {
      greet(): string {
        return 'here';
      }
      async balance(): Promise<number> {
        return 1;
      }
    }
    const runtime = fixture.runtime([Hasty]);
    await runtime.start();
    assert.equal(runtime.describe()[0]?.state, 'active');
    await runtime.stop();
  });

  it('keeps its services while the instance behind them is built anew', async () => {
    const fixture = new ComponentFixture();
    const runtime = fixture.runtime([delayed(fixture)]);
    await runtime.start();
    const { service, view } = fixture.registry.reference(owner('c'), Accounts, undefined, null);
    await service.balance('1');
    await runtime.configChanged({});
    const [after] = fixture.registry.find(Accounts);
    assert.deepEqual(
      [await service.balance('1'), after?.id, fixture.take()],
      [201, view?.id, ['activating 1', 'activating 2', 'deactivated 1', 'scope of lazy closed']],
    );
    await runtime.stop();
  });
});
