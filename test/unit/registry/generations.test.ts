/** Two generations: each entry sees the services of the generation it began in, until it ends. */
import assert from 'node:assert/strict';
import { Accounts, Greeter, RegistryFixture, greeter, owner, refusal, type GreeterService } from './fixture.js';
import type { RevisionOwner, Stage } from '@sluice/kernel/registry/index';

/** Answer of the service, or the code of the refusal. */
function answer(service: GreeterService): string {
  try {
    return service.greet('x').split(' ')[0] as string;
  } catch (error) {
    return (error as { code: string }).code;
  }
}

/** A history of one contract: each step is committed as the next generation, from 1 on. */
type Step =
  | { readonly swap: string }
  | { readonly outrank: string }
  | { readonly stop: true }
  | { readonly register: string; readonly by: 'kernel' | 'current' | 'previous'; readonly ranking?: number };

interface Row {
  readonly name: string;
  readonly steps: readonly Step[];
  /** What a reference sees, by generation of the entry; the last is for code outside any entry. */
  readonly seen: readonly string[];
}

const NONE = 'SERVICE_UNAVAILABLE';

const TABLE: readonly Row[] = [
  { name: 'first start: an entry from before uses the first service that comes', steps: [{ swap: 'v1' }], seen: ['v1', 'v1', 'v1'] },
  {
    name: 'one swap: an entry from before the first start keeps to the first',
    steps: [{ swap: 'v1' }, { swap: 'v2' }],
    seen: ['v1', 'v1', 'v2', 'v2'],
  },
  {
    name: 'two swaps while the first generation still runs',
    steps: [{ swap: 'v1' }, { swap: 'v2' }, { swap: 'v3' }],
    seen: ['v1', 'v1', 'v2', 'v3', 'v3'],
  },
  { name: 'a stop without successor', steps: [{ swap: 'v1' }, { stop: true }], seen: ['v1', 'v1', NONE, NONE] },
  {
    name: 'a stop, then a new start: an entry from between uses the new one',
    steps: [{ swap: 'v1' }, { stop: true }, { swap: 'v2' }],
    seen: ['v1', 'v1', 'v2', 'v2', 'v2'],
  },
  {
    name: 'a better service of another bundle',
    steps: [{ swap: 'v1' }, { outrank: 'other' }],
    seen: ['v1', 'v1', 'other', 'other'],
  },
  {
    name: 'a worse service of the kernel, outside a stage: the best that an entry from before can see',
    steps: [{ swap: 'v1' }, { register: 'worse', by: 'kernel', ranking: -1 }],
    seen: ['worse', 'v1', 'v1'],
  },
  {
    name: 'a better service of the kernel, outside a stage, counts at once for everybody',
    steps: [{ swap: 'v1' }, { swap: 'v2' }, { register: 'better', by: 'kernel' }],
    seen: ['better', 'better', 'better', 'better'],
  },
  {
    name: 'a better service that the new revision adds while running is not for entries that cannot see the revision',
    steps: [{ swap: 'v1' }, { swap: 'v2' }, { register: 'better', by: 'current' }],
    seen: ['v1', 'v1', 'better', 'better'],
  },
  {
    name: 'a better service that a replaced revision still adds is only for its older entries',
    steps: [{ swap: 'v1' }, { swap: 'v2' }, { register: 'late', by: 'previous' }],
    seen: ['late', 'late', 'v2', 'v2'],
  },
];

class History {
  readonly fixture = new RegistryFixture();
  generation = 0;
  private current: RevisionOwner | null = null;
  private previous: RevisionOwner | null = null;

  apply(step: Step): void {
    const { registry } = this.fixture;
    if ('stop' in step) {
      registry.withdraw(this.current === null ? [] : [this.current], (this.generation += 1));
      this.current = null;
    } else if ('swap' in step) {
      this.previous = this.current;
      this.current = this.commit(step.swap, 0, this.current);
    } else if ('outrank' in step) {
      this.commit(step.outrank, 9, null);
    } else {
      const by = { kernel: owner('kernel'), current: this.current, previous: this.previous }[step.by] as RevisionOwner;
      registry.register(by, Greeter, greeter(step.register), { 'service.ranking': step.ranking ?? 9 }, null);
    }
  }

  /** What a reference sees for entries of each generation from 0 on, then outside of any. */
  seenBy(service: GreeterService): readonly string[] {
    const seen: string[] = [];
    for (let generation = 0; generation <= this.generation; generation += 1) {
      seen.push(this.fixture.inGeneration(generation, () => answer(service)));
    }
    return [...seen, answer(service)];
  }

  private commit(name: string, ranking: number, replaced: RevisionOwner | null): RevisionOwner {
    const { registry } = this.fixture;
    const next = owner('provider', name);
    const stage = registry.openStage([next], replaced === null ? [] : [replaced]);
    registry.register(next, Greeter, greeter(name), { 'service.ranking': ranking }, stage);
    registry.commit(stage, (this.generation += 1));
    return next;
  }
}

describe('registry: generations', () => {
  for (const { name, steps, seen } of TABLE) {
    it(name, () => {
      const history = new History();
      const { registry } = history.fixture;
      const early = registry.reference(owner('early'), Greeter, undefined, null);
      const { list } = registry.list(owner('early'), Greeter, undefined, null);
      for (const step of steps) history.apply(step);
      const late = registry.reference(owner('late'), Greeter, undefined, null);
      const firstOfList: GreeterService = { greet: (text) => ([...list][0] ?? early.service).greet(text) };
      assert.deepEqual(
        { early: history.seenBy(early.service), late: history.seenBy(late.service), list: history.seenBy(firstOfList) },
        { early: seen, late: seen, list: seen },
      );
      registry.retire(history.generation);
      assert.deepEqual(new Set(history.seenBy(early.service)), new Set(seen.slice(-1)));
    });
  }

  it('lets a replaced consumer go on, with the older services for older entries', () => {
    const fixture = new RegistryFixture();
    const { registry } = fixture;
    const [p1, p2, c1, c2] = [owner('p', '1.0.0'), owner('p', '2.0.0'), owner('c', '1.0.0'), owner('c', '2.0.0')];
    registry.register(p1, Greeter, greeter('p1'), {}, null);
    const old = registry.reference(c1, Greeter, undefined, null);
    const stage = registry.openStage([p2, c2], [p1, c1]);
    registry.register(p2, Greeter, greeter('p2'), {}, stage);
    const next = registry.reference(c2, Greeter, undefined, stage);
    registry.commit(stage, 1);
    assert.deepEqual(
      {
        oldConsumer: [
          fixture.inGeneration(0, () => answer(old.service)),
          fixture.inGeneration(1, () => answer(old.service)),
          answer(old.service),
        ],
        newConsumer: [fixture.inGeneration(1, () => answer(next.service)), answer(next.service)],
      },
      { oldConsumer: ['p1', 'p2', 'p2'], newConsumer: ['p2', 'p2'] },
    );
  });

  it('answers unavailable, not with another version, when a revision was cut off before its entries ended', () => {
    const fixture = new RegistryFixture();
    const { registry } = fixture;
    const [p1, p2] = [owner('p', '1.0.0'), owner('p', '2.0.0')];
    const registration = registry.register(p1, Greeter, greeter('p1'), {}, null);
    const { service } = registry.reference(owner('c'), Greeter, undefined, null);
    const stage = registry.openStage([p2], [p1]);
    registry.register(p2, Greeter, greeter('p2'), {}, stage);
    registry.commit(stage, 1);
    registration.unregister();
    const cut = fixture.inGeneration(0, () => refusal(() => service.greet('x')));
    registry.retire(1);
    assert.deepEqual(
      [cut, fixture.inGeneration(0, () => answer(service)), answer(service)],
      [{ code: 'SERVICE_UNAVAILABLE', retryable: true }, 'p2', 'p2'],
    );
  });

  it('takes one service away from new entries only, and says when the older ones are over', () => {
    const fixture = new RegistryFixture();
    const { registry } = fixture;
    const told: string[] = [];
    const provider = owner('p');
    const registration = registry.register(provider, Greeter, greeter('p'), {}, null);
    const { service } = registry.reference(owner('c'), Greeter, undefined, null);
    registry.whenDrained(() => told.push('nothing to wait for'));
    const other = owner('other');
    registry.register(other, Accounts, { balance: async () => 7 }, {}, null);
    registry.withdraw([other], 1);
    registry.withdrawService(registration);
    registry.withdrawService(registration);
    registry.whenDrained(() => told.push('drained'));
    registry.whenDrained(() => told.push('never'))();
    const seen = [fixture.inGeneration(0, () => answer(service)), fixture.inGeneration(1, () => answer(service)), answer(service)];
    const before = [...told];
    registry.retire(1);
    registration.unregister();
    assert.deepEqual(
      { seen, before, told },
      {
        seen: ['p', NONE, NONE],
        before: ['nothing to wait for'],
        told: ['nothing to wait for', 'drained'],
      },
    );
  });

  it('takes one service out of a stage, and does not bring it back with its owner', () => {
    const { registry } = new RegistryFixture();
    const provider = owner('p');
    const stage = registry.openStage([provider], []);
    const fading = registry.register(provider, Greeter, greeter('fading'), { 'service.ranking': 1 }, stage);
    registry.register(provider, Greeter, greeter('staying'), {}, stage);
    const { service } = registry.reference(owner('c'), Greeter, undefined, stage);
    const seen = [answer(service)];
    registry.withdrawService(fading);
    seen.push(answer(service));
    registry.commit(stage, 1);
    registry.withdraw([provider], 2);
    registry.commit(registry.openStage([provider], []), 3);
    assert.deepEqual([seen, registry.find(Greeter).map(({ id }) => id)], [['fading', 'staying'], [2]]);
    fading.unregister();
  });

  it('takes one service away from everybody when no switch is being drained', () => {
    const fixture = new RegistryFixture();
    const { registry } = fixture;
    const registration = registry.register(owner('p'), Greeter, greeter('p'), {}, null);
    const { service } = registry.reference(owner('c'), Greeter, undefined, null);
    registry.commit(registry.openStage([], []), 1);
    registry.withdrawService(registration);
    assert.deepEqual([fixture.inGeneration(0, () => answer(service)), answer(service), registry.draining], [NONE, NONE, false]);
  });

  it('tells whoever waits for older entries only when those of the last switch are over', () => {
    const history = new History();
    const { registry } = history.fixture;
    const told: string[] = [];
    for (const swap of ['v1', 'v2', 'v3']) {
      history.apply({ swap });
      registry.whenDrained(() => told.push(swap));
    }
    const seen = [1, 2, 3].map((generation) => {
      registry.retire(generation);
      return [...told];
    });
    // The first start replaced nothing, so there was nothing to wait for.
    assert.deepEqual(seen, [['v1'], ['v1', 'v2'], ['v1', 'v2', 'v3']]);
  });

  it('stays closed for older entries too', () => {
    const history = new History();
    const { registry } = history.fixture;
    const handle = registry.reference(owner('c'), Greeter, undefined, null);
    for (const swap of ['v1', 'v2']) history.apply({ swap });
    handle.close();
    assert.deepEqual(new Set(history.seenBy(handle.service)), new Set(['CONTEXT_CLOSED']));
  });

  it('knows which owners are withdrawn', () => {
    const { registry } = new RegistryFixture();
    const [p1, p2] = [owner('p'), owner('p')];
    const known = (): readonly boolean[] => [p1, p2].map((each) => registry.isWithdrawn(each));
    const seen = [known()];
    registry.commit(registry.openStage([p1], []), 1);
    seen.push(known());
    registry.commit(registry.openStage([p2], [p1]), 2);
    seen.push(known());
    registry.commit(registry.openStage([p1], [p2]), 3);
    seen.push(known());
    assert.deepEqual(seen, [
      [false, false],
      [false, false],
      [true, false],
      [false, true],
    ]);
  });

  it('forgets only what no entry needs any more', () => {
    const history = new History();
    const { registry } = history.fixture;
    const { service } = registry.reference(owner('c'), Greeter, undefined, null);
    for (const swap of ['v1', 'v2', 'v3']) history.apply({ swap });
    registry.retire(2);
    assert.deepEqual(history.seenBy(service).slice(2), ['v2', 'v3', 'v3']);
  });

  it('does not disturb references to other contracts', () => {
    const fixture = new RegistryFixture();
    const { registry } = fixture;
    registry.register(owner('a'), Accounts, { balance: async () => 7 }, {}, null);
    registry.reference(owner('c'), Accounts, undefined, null);
    let asked = 0;
    Object.defineProperty(fixture, 'entry', { get: () => void (asked += 1) });
    const stage: Stage = registry.openStage([], []);
    registry.register(owner('p'), Greeter, greeter('p'), {}, stage);
    registry.commit(stage, 1);
    registry.find(Accounts);
    assert.equal(asked, 0);
  });
});
