/** The life of components: order of activation and stop, failures, stages, configuration, what is undone. */
import assert from 'node:assert/strict';
import { injectable } from 'tsyringe';
import {
  Activate,
  Component,
  Context,
  Deactivate,
  Modified,
  Reference,
  type BundleContext,
  type ComponentOptions,
  type Constructor,
} from '@sluice/sdk';
import { Accounts, ComponentFixture, Greeter, greeter, owner, refusal, type AccountsService, type GreeterService } from './fixture.js';
import { NEVER_ABORTED } from '../registry/fixture.js';

/** A greeter component that logs its life. */
function greeting(log: string[], options: ComponentOptions & { failing?: () => boolean } = {}): Constructor {
  const { failing, ...rest } = options;
  const name = options.name ?? 'greeting';
  @Component({ provides: Greeter, ...rest, name })
  class Greeting {
    @Activate()
    async activate(): Promise<void> {
      await Promise.resolve();
      if (failing?.() === true) throw new Error('no voice');
      log.push(`${name} activated`);
    }
    @Deactivate()
    deactivate(): void {
      log.push(`${name} deactivated`);
    }
    greet(text: string): string {
      return `${name} greets ${text}`;
    }
  }
  return Greeting;
}

/** A component that provides accounts and needs a greeter. */
function accounting(log: string[], name = 'accounting'): Constructor {
  @Component({ name, provides: Accounts })
  class Accounting {
    constructor(@Reference(Greeter) private readonly greeter: GreeterService) {}
    @Activate()
    activate(): void {
      log.push(`${name} activated, ${this.greeter.greet('x')}`);
    }
    @Deactivate()
    deactivate(): void {
      log.push(`${name} deactivated, ${String((refusal(() => this.greeter.greet('x')) as { code?: string }).code ?? 'greeter there')}`);
    }
    async balance(): Promise<number> {
      return 7;
    }
  }
  return Accounting;
}

describe('component: life', () => {
  it('activates in the order of satisfaction, stops in reverse, and leaves nothing', async () => {
    const fixture = new ComponentFixture();
    const { registry, log } = fixture;
    const before = registry.counts();
    const runtime = fixture.runtime([accounting(log), greeting(log)]);
    await runtime.start();
    const started = fixture.take();
    await runtime.stop();
    await runtime.stop();
    assert.deepEqual(
      { started, stopped: fixture.take(), counts: registry.counts(), warnings: fixture.warnings },
      {
        started: ['greeting activated', 'accounting activated, greeting greets x'],
        stopped: [
          'accounting deactivated, greeter there',
          'scope of accounting closed',
          'greeting deactivated',
          'scope of greeting closed',
        ],
        counts: before,
        warnings: [],
      },
    );
  });

  it('registers under all its contracts after @Activate resolved, with its properties and its name', async () => {
    const fixture = new ComponentFixture();
    const { registry } = fixture;
    let open!: () => void;
    const gate = new Promise<void>((resolve) => (open = resolve));
    @Component({ provides: [Greeter, Accounts], properties: { tone: 'warm' } })
    class Both {
      @Activate()
      activate(): Promise<void> {
        return gate;
      }
      greet(): string {
        return '';
      }
      async balance(): Promise<number> {
        return 0;
      }
    }
    const runtime = fixture.runtime([Both]);
    const starting = runtime.start();
    await new Promise(setImmediate);
    const during = { services: registry.services().length, state: runtime.describe()[0]?.state };
    open();
    await starting;
    const filter = '(&(tone=warm)(component.name=Both))';
    assert.deepEqual(
      { during, contracts: registry.services(filter).map(({ contract }) => contract), state: runtime.describe()[0]?.state },
      {
        during: { services: 0, state: 'activating' },
        contracts: ['test.Greeter', 'test.Accounts'],
        state: 'active',
      },
    );
    await runtime.stop();
  });

  it('gives each activation the context of its own, and closes it with the instance', async () => {
    const fixture = new ComponentFixture();
    const seen: unknown[] = [];
    @Component({ name: 'curious' })
    class Curious {
      constructor(
        @Context() context: BundleContext,
        @Reference(Greeter) readonly greeter: GreeterService,
      ) {
        seen.push(context);
      }
      @Activate()
      activate(context: BundleContext): void {
        seen.push(context);
      }
    }
    const runtime = fixture.runtime([Curious]);
    await runtime.start();
    for (const name of ['a', 'b']) {
      const registration = fixture.greeter(name);
      await runtime.settled();
      registration.unregister();
      await runtime.settled();
    }
    const [first, second] = fixture.contexts;
    assert.deepEqual(
      [seen, fixture.contexts.map(({ closed }) => closed)],
      [
        [first, first, second, second],
        [true, true],
      ],
    );
    await runtime.stop();
  });

  it('builds other classes with it, once per revision when they are singletons, and itself anew even when it says it is one', async () => {
    const fixture = new ComponentFixture();
    const counts = { component: 0, shared: 0, own: 0 };
    @injectable()
    class Shared {
      readonly number = (counts.shared += 1);
    }
    @injectable()
    class Own {
      constructor(readonly shared: Shared) {
        counts.own += 1;
      }
    }
    @Component({ name: 'composed' })
    class Composed {
      constructor(
        readonly own: Own,
        readonly shared: Shared,
        @Reference(Greeter, { policy: 'static', policyOption: 'greedy' }) readonly greeter: GreeterService,
      ) {
        counts.component += 1;
      }
    }
    const runtime = fixture.runtime([Composed]);
    const first = fixture.greeter('a');
    // What @singleton() of the bundle's own tsyringe does.
    runtime.options.container.registerSingleton(Shared);
    runtime.options.container.registerSingleton(Composed);
    await runtime.start();
    fixture.greeter('b', 1);
    await runtime.settled();
    assert.deepEqual(counts, { component: 2, shared: 1, own: 2 });
    await runtime.stop();
    first.unregister();
  });

  describe('that fails', () => {
    it('is recorded with step and cause, undone, and tried again when a reference changes', async () => {
      const fixture = new ComponentFixture();
      let failing = true;
      @Component({ name: 'shy', provides: Accounts })
      class Shy {
        constructor(@Reference(Greeter) readonly greeter: GreeterService) {}
        @Activate()
        activate(): void {
          if (failing) throw new Error('not today');
        }
        @Deactivate()
        deactivate(): void {
          fixture.log.push('must not be called');
        }
        async balance(): Promise<number> {
          return 1;
        }
      }
      const runtime = fixture.runtime([Shy]);
      fixture.greeter('a');
      await runtime.start();
      const before = { ...runtime.describe()[0], log: fixture.take(), services: fixture.registry.find(Accounts).length };
      failing = false;
      fixture.greeter('b');
      await runtime.settled();
      assert.deepEqual(
        { before, state: runtime.describe()[0]?.state, services: fixture.registry.find(Accounts).length },
        {
          before: {
            name: 'shy',
            state: 'failed',
            provides: ['test.Accounts'],
            references: [{ contract: 'test.Greeter', cardinality: '1..1', policy: 'dynamic', satisfied: true, bound: ['a@1.0.0#1'] }],
            reason: "Component 'shy' of 'bundle' 1.0.0 failed in @Activate: not today",
            log: ['scope of shy closed'],
            services: 0,
          },
          state: 'active',
          services: 1,
        },
      );
      assert.deepEqual(fixture.warningCodes, ['COMPONENT_FAILED']);
      assert.equal(fixture.registry.counts().references, 1);
    });

    it('refuses the start in a stage, and only there', async () => {
      const fixture = new ComponentFixture();
      const failing = (): boolean => true;
      await fixture.runtime([greeting(fixture.log, { failing })]).start();
      const stage = fixture.registry.openStage([fixture.owner], []);
      await assert.rejects(fixture.runtime([greeting(fixture.log, { failing })], { stage }).start(), {
        code: 'COMPONENT_FAILED',
        message: "Component 'greeting' of 'bundle' 1.0.0 failed in @Activate: no voice",
      });
    });

    it('in its constructor is told apart from one that fails in @Activate', async () => {
      const fixture = new ComponentFixture();
      @Component({ name: 'stillborn' })
      class Stillborn {
        readonly voice = assert.fail('no');
      }
      const runtime = fixture.runtime([Stillborn]);
      await runtime.start();
      assert.match(runtime.describe()[0]?.reason ?? '', /failed in its constructor: .*no/);
    });

    it('because it lacks a method of its contract keeps nothing registered', async () => {
      const fixture = new ComponentFixture();
      @Component({ name: 'half', provides: [Greeter, Accounts] })
      class Half {
        greet(): string {
          return '';
        }
      }
      const runtime = fixture.runtime([Half]);
      const before = fixture.registry.counts();
      await runtime.start();
      const [half] = runtime.describe();
      assert.equal(half?.state, 'failed');
      assert.match(half?.reason ?? '', /failed in registering its services: .*'test\.Accounts'.*without balance/);
      assert.deepEqual([fixture.registry.counts(), fixture.log], [before, ['scope of half closed']]);
    });

    it('in @Deactivate still ends, and the others too; the stop reports the first', async () => {
      const fixture = new ComponentFixture();
      @Component({ name: 'clinging' })
      class Clinging {
        @Deactivate()
        deactivate(): never {
          throw new Error('will not go');
        }
      }
      const runtime = fixture.runtime([greeting(fixture.log), Clinging]);
      await runtime.start();
      fixture.take();
      await assert.rejects(runtime.stop(), { code: 'COMPONENT_FAILED', message: /failed in @Deactivate: will not go/ });
      assert.deepEqual(
        [fixture.log, fixture.registry.counts().services],
        [['scope of clinging closed', 'greeting deactivated', 'scope of greeting closed'], 0],
      );
    });

    it('by not answering in time is named with what it was doing', async () => {
      const fixture = new ComponentFixture();
      const activities: string[] = [];
      fixture.limit = async (activity, limitMs, work) => {
        activities.push(`${activity}: ${limitMs}`);
        if (activity.startsWith('activate'))
          throw Object.assign(new Error(`${activity} took longer than ${limitMs} ms`), { code: 'TIME_LIMIT' });
        return work();
      };
      const runtime = fixture.runtime([greeting(fixture.log)]);
      await runtime.start();
      assert.deepEqual(
        [runtime.describe()[0]?.reason, activities],
        [
          "Component 'greeting' of 'bundle' 1.0.0 failed in @Activate: activate of component 'greeting' took longer than 1000 ms",
          [
            "constructor of component 'greeting': 1000",
            "activate of component 'greeting': 1000",
            "closing the scope of component 'greeting': 500",
          ],
        ],
      );
    });
  });

  describe('in a stage', () => {
    it('registers and looks up in the stage, and in public after the commit', async () => {
      const fixture = new ComponentFixture();
      const { registry, log } = fixture;
      const old = owner('bundle');
      registry.register(old, Greeter, greeter('old'), {}, null);
      const stage = registry.openStage([fixture.owner], [old]);
      const runtime = fixture.runtime([accounting(log), greeting(log)], { stage });
      await runtime.start();
      await registry.prepare(stage, NEVER_ABORTED);
      const outside = registry.services().map(({ bundle }) => bundle);
      registry.commit(stage, 1);
      runtime.commit();
      registry.retire(1);
      await runtime.settled();
      assert.deepEqual(
        { log: fixture.take(), outside, contracts: registry.services().map(({ contract }) => contract) },
        {
          log: ['greeting activated', 'accounting activated, greeting greets x'],
          outside: ['bundle'],
          contracts: ['test.Greeter', 'test.Accounts'],
        },
      );
      await runtime.stop();
      assert.deepEqual(registry.forget(fixture.owner), []);
    });

    it('leaves nothing when the stage is discarded, before or after its stop', async () => {
      for (const discardFirst of [true, false]) {
        const fixture = new ComponentFixture();
        const { registry, log } = fixture;
        const before = registry.counts();
        const stage = registry.openStage([fixture.owner], []);
        const runtime = fixture.runtime([accounting(log), greeting(log)], { stage });
        await runtime.start();
        if (discardFirst) registry.discard(stage);
        await runtime.stop();
        registry.discard(stage);
        assert.deepEqual([registry.counts(), registry.forget(fixture.owner), fixture.warnings], [before, [], []]);
      }
    });

    it('keeps a replaced revision as it is until a rollback or its end', async () => {
      const fixture = new ComponentFixture();
      const { registry, log } = fixture;
      const [next, other] = [owner('bundle', '2.0.0', 2), owner('other')];
      const first = registry.openStage([fixture.owner, other], []);
      const runtime = fixture.runtime([accounting(log)], { stage: first });
      registry.register(other, Greeter, greeter('other'), {}, first);
      await runtime.start();
      registry.commit(first, 1);
      runtime.commit();
      const swap = registry.openStage([next], [fixture.owner, other]);
      registry.register(next, Accounts, { balance: async () => 8 }, {}, swap);
      registry.commit(swap, 2);
      await runtime.settled();
      const replaced = { state: runtime.describe()[0]?.state, log: fixture.take() };
      const back = registry.openStage([fixture.owner], [next]);
      registry.commit(back, 3);
      registry.retire(3);
      await runtime.settled();
      assert.deepEqual(
        { replaced, state: runtime.describe()[0]?.state, log: fixture.take() },
        {
          replaced: { state: 'active', log: ['accounting activated, other greets x'] },
          state: 'unsatisfied',
          log: ['accounting deactivated, SERVICE_UNAVAILABLE', 'scope of accounting closed'],
        },
      );
      await runtime.stop();
    });
  });

  describe('while older entries run', () => {
    it('lets an instance that lost its reference linger for them, and ends it after them', async () => {
      const fixture = new ComponentFixture();
      const { registry, log } = fixture;
      const provider = owner('provider');
      registry.register(provider, Greeter, greeter('provider'), {}, null);
      const runtime = fixture.runtime([accounting(log)]);
      await runtime.start();
      const { service } = registry.reference(owner('channel'), Accounts, undefined, null);
      registry.withdraw([provider], 1);
      await runtime.settled();
      fixture.take();
      const old = await fixture.inGeneration(0, () => service.balance('1'));
      await assert.rejects(
        fixture.inGeneration(1, () => service.balance('1')),
        { code: 'SERVICE_UNAVAILABLE' },
      );
      const during = { state: runtime.describe()[0]?.state, log: fixture.take() };
      registry.retire(1);
      await runtime.settled();
      assert.deepEqual(
        { old, during, log: fixture.take() },
        {
          old: 7,
          during: { state: 'unsatisfied', log: [] },
          log: ['accounting deactivated, SERVICE_UNAVAILABLE', 'scope of accounting closed'],
        },
      );
      await runtime.stop();
    });

    it('lets an instance that was built anew linger for them', async () => {
      const fixture = new ComponentFixture();
      const { registry } = fixture;
      const [p1, p2] = [owner('p', '1.0.0'), owner('p', '2.0.0')];
      registry.register(p1, Greeter, greeter('p1'), {}, null);
      let built = 0;
      @Component({ name: 'fixed', provides: Accounts })
      class Fixed {
        private readonly number = (built += 1);
        constructor(@Reference(Greeter, { policy: 'static' }) private readonly greeter: GreeterService) {}
        @Deactivate()
        deactivate(): void {
          fixture.log.push(`${this.number} ended`);
        }
        async balance(): Promise<number> {
          return this.greeter.greet('x').startsWith('p1') ? this.number : this.number * 10;
        }
      }
      const runtime = fixture.runtime([Fixed]);
      await runtime.start();
      const { service } = registry.reference(owner('channel'), Accounts, undefined, null);
      const stage = registry.openStage([p2], [p1]);
      registry.register(p2, Greeter, greeter('p2'), {}, stage);
      registry.commit(stage, 1);
      const gap = await service.balance('1');
      await runtime.settled();
      const [old, now] = await Promise.all([fixture.inGeneration(0, () => service.balance('1')), service.balance('1')]);
      const during = fixture.take();
      registry.retire(1);
      await runtime.settled();
      assert.deepEqual(
        { gap, old, now, during, after: fixture.take() },
        {
          gap: 10,
          old: 1,
          now: 20,
          during: [],
          after: ['1 ended', 'scope of fixed closed'],
        },
      );
      await runtime.stop();
    });

    it('ends what lingers when the bundle stops first', async () => {
      const fixture = new ComponentFixture();
      const { registry, log } = fixture;
      const provider = owner('provider');
      registry.register(provider, Greeter, greeter('provider'), {}, null);
      const runtime = fixture.runtime([accounting(log)]);
      await runtime.start();
      registry.withdraw([provider], 1);
      await runtime.settled();
      fixture.take();
      await runtime.stop();
      const stopped = fixture.take();
      registry.retire(1);
      assert.deepEqual(
        [stopped, registry.forget(fixture.owner)],
        [['accounting deactivated, SERVICE_UNAVAILABLE', 'scope of accounting closed'], []],
      );
    });
  });

  describe('and configuration', () => {
    it('hands it to @Modified, and builds anew what has none', async () => {
      const fixture = new ComponentFixture();
      @Component({ name: 'flexible' })
      class Flexible {
        @Modified()
        modified(config: { limit: number }): void {
          fixture.log.push(`limit ${config.limit}`);
        }
      }
      const runtime = fixture.runtime([Flexible, greeting(fixture.log)]);
      await runtime.start();
      fixture.take();
      await runtime.configChanged({ limit: 5 });
      assert.deepEqual(fixture.log, ['limit 5', 'greeting activated', 'greeting deactivated', 'scope of greeting closed']);
      assert.equal(fixture.registry.find(Greeter).length, 1);
      await runtime.stop();
    });

    it('gives the old one back to all when one refuses, and keeps the instances', async () => {
      const fixture = new ComponentFixture();
      const flexible = (name: string, max: number): Constructor => {
        @Component({ name })
        class Flexible {
          @Modified()
          modified({ limit }: { limit: number }): void {
            if (limit > max) throw new Error(`${limit} is too much`);
            fixture.log.push(`${name} ${limit}`);
          }
        }
        return Flexible;
      };
      const runtime = fixture.runtime([flexible('large', 100), flexible('small', 10), greeting(fixture.log)], { config: { limit: 1 } });
      await runtime.start();
      fixture.take();
      await assert.rejects(runtime.configChanged({ limit: 50 }), {
        code: 'COMPONENT_FAILED',
        message: /'small'.*@Modified: 50 is too much/,
      });
      await new Promise(setImmediate);
      await runtime.settled();
      assert.deepEqual(
        [fixture.log, runtime.describe().map(({ state }) => state)],
        [
          ['large 50', 'large 1'],
          ['active', 'active', 'active'],
        ],
      );
      await runtime.stop();
    });

    it('keeps the instance when the one built for a new configuration fails', async () => {
      const fixture = new ComponentFixture();
      let failing = false;
      const runtime = fixture.runtime([greeting(fixture.log, { failing: () => failing })]);
      await runtime.start();
      failing = true;
      await assert.rejects(runtime.configChanged({}), { code: 'COMPONENT_FAILED' });
      assert.deepEqual([runtime.describe()[0]?.state, fixture.registry.find(Greeter).length], ['active', 1]);
      await runtime.stop();
    });

    it('tries a failed component again', async () => {
      const fixture = new ComponentFixture();
      let failing = true;
      const runtime = fixture.runtime([greeting(fixture.log, { failing: () => failing })]);
      await runtime.start();
      failing = false;
      await runtime.configChanged({});
      assert.equal(runtime.describe()[0]?.state, 'active');
      await runtime.stop();
    });
  });

  it('refuses two components of one name, and a class that is none', () => {
    const fixture = new ComponentFixture();
    class Plain {
      readonly plain = true;
    }
    assert.deepEqual(
      [refusal(() => fixture.runtime([greeting([]), greeting([])])), refusal(() => fixture.runtime([Plain]))],
      [
        { code: 'COMPONENT_INVALID', retryable: false },
        { code: 'COMPONENT_INVALID', retryable: false },
      ],
    );
  });

  it('stops a component that is still being activated', async () => {
    const fixture = new ComponentFixture();
    let open!: () => void;
    const gate = new Promise<void>((resolve) => (open = resolve));
    @Component({ name: 'slow', provides: Greeter })
    class Slow {
      @Activate()
      activate(): Promise<void> {
        return gate;
      }
      greet(): string {
        return '';
      }
    }
    const runtime = fixture.runtime([Slow, greeting(fixture.log)]);
    const starting = runtime.start();
    await new Promise(setImmediate);
    const stopping = runtime.stop();
    open();
    await Promise.all([starting, stopping]);
    assert.deepEqual([fixture.log, fixture.registry.counts().services], [['scope of slow closed'], 0]);
  });

  it('does not show an instance whose reference left while it was activated', async () => {
    const fixture = new ComponentFixture();
    const registration = fixture.greeter('a');
    @Component({ name: 'unlucky', provides: Accounts })
    class Unlucky implements AccountsService {
      constructor(@Reference(Greeter) readonly greeter: GreeterService) {}
      @Activate()
      async activate(): Promise<void> {
        await Promise.resolve();
        registration.unregister();
      }
      async balance(): Promise<number> {
        return 1;
      }
    }
    const events: string[] = [];
    fixture.registry.addListener(({ type, view }) => events.push(`${type} ${view.contractId}`));
    const runtime = fixture.runtime([Unlucky]);
    await runtime.start();
    assert.deepEqual(
      [events, runtime.describe()[0]?.state, fixture.log],
      [['UNREGISTERING test.Greeter'], 'unsatisfied', ['scope of unlucky closed']],
    );
    await runtime.stop();
  });
});
