/** Lists show the services of the moment, best first; trackers hear of each service exactly once. */
import assert from 'node:assert/strict';
import { Greeter, Leaflets, RegistryFixture, greeter, owner, refusal, type GreeterService } from './fixture.js';

describe('registry: lists', () => {
  it('shows all matching services, best first, with their views', () => {
    const { registry } = new RegistryFixture();
    const { list } = registry.list(owner('c'), Greeter, { filter: '(tone=warm)' }, null);
    const sizes = [list.size];
    registry.register(owner('a'), Greeter, greeter('a'), { tone: 'warm' }, null);
    registry.register(owner('b'), Greeter, greeter('b'), { tone: 'cold' }, null);
    const last = registry.register(owner('c'), Greeter, greeter('c'), { tone: 'warm', 'service.ranking': 1 }, null);
    sizes.push(list.size);
    const entries = list.entries().map(({ service, view }) => `${view.id} ${service.greet('x')}`);
    last.unregister();
    assert.deepEqual(
      { sizes, entries, now: [...list].map((service) => service.greet('x')) },
      {
        sizes: [0, 2],
        entries: ['3 c greets x', '1 a greets x'],
        now: ['a greets x'],
      },
    );
  });

  it('keeps an iteration as it began while services change', () => {
    const { registry } = new RegistryFixture();
    const provider = owner('p');
    for (const name of ['a', 'b']) registry.register(provider, Leaflets, { text: name }, {}, null);
    const { list } = registry.list(owner('c'), Leaflets, undefined, null);
    const seen: string[] = [];
    for (const { text } of list) {
      seen.push(text);
      if (seen.length === 1) registry.register(provider, Leaflets, { text: 'first now' }, { 'service.ranking': 1 }, null);
    }
    assert.deepEqual(
      [seen, [...list].map(({ text }) => text)],
      [
        ['a', 'b'],
        ['first now', 'a', 'b'],
      ],
    );
  });

  it('fails calls on an element that was kept after its service went, and holds the service no longer', () => {
    const { registry } = new RegistryFixture();
    const registration = registry.register(owner('p'), Greeter, greeter('p'), {}, null);
    const { list } = registry.list(owner('c'), Greeter, undefined, null);
    const [kept] = [...list] as [GreeterService];
    registration.unregister();
    assert.deepEqual(
      refusal(() => kept.greet('x')),
      { code: 'SERVICE_UNAVAILABLE', retryable: true },
    );
  });

  it('keeps a sticky list at the services it began with until one of them goes', () => {
    const { registry } = new RegistryFixture();
    const provider = owner('p');
    const [first] = ['a', 'b'].map((text) => registry.register(provider, Leaflets, { text }, {}, null));
    const { list } = registry.list(owner('c'), Leaflets, { sticky: true }, null);
    registry.register(provider, Leaflets, { text: 'c' }, { 'service.ranking': 1 }, null);
    const before = [...list].map(({ text }) => text);
    first?.unregister();
    assert.deepEqual(
      [before, [...list].map(({ text }) => text)],
      [
        ['a', 'b'],
        ['c', 'b'],
      ],
    );
  });

  it('is empty after it was closed', () => {
    const { registry } = new RegistryFixture();
    registry.register(owner('p'), Leaflets, { text: 'a' }, {}, null);
    const handle = registry.list(owner('c'), Leaflets, undefined, null);
    const before = handle.list.size;
    handle.close();
    assert.deepEqual([before, handle.list.size, [...handle.list]], [1, 0, []]);
  });

  it('shows a stage its own view, and everybody the same after the commit', () => {
    const { registry } = new RegistryFixture();
    const [old, next] = [owner('a', '1.0.0'), owner('a', '2.0.0')];
    registry.register(old, Leaflets, { text: 'old' }, {}, null);
    const stage = registry.openStage([next], [old]);
    const inside = registry.list(next, Leaflets, undefined, stage).list;
    const outside = registry.list(owner('c'), Leaflets, undefined, null).list;
    registry.register(next, Leaflets, { text: 'next' }, {}, stage);
    const texts = (): object => ({ inside: [...inside].map(({ text }) => text), outside: [...outside].map(({ text }) => text) });
    const before = texts();
    registry.commit(stage, 1);
    assert.deepEqual(
      [before, texts()],
      [
        { inside: ['next'], outside: ['old'] },
        { inside: ['next'], outside: ['next'] },
      ],
    );
  });
});

describe('registry: trackers', () => {
  function tracking(fixture: RegistryFixture, filter?: string): { told: string[]; close(): void } {
    const told: string[] = [];
    const note = (what: string) => (service: GreeterService, view: { id: number }) =>
      void told.push(`${what} ${view.id} ${service.greet('x').split(' ')[0]}`);
    const handle = fixture.registry.track(
      owner('t'),
      Greeter,
      { added: note('added'), modified: note('modified'), removed: note('removed') },
      filter === undefined ? undefined : { filter },
      null,
    );
    return { told, close: () => handle.close() };
  }

  it('hears of services already there, of each change, and of the end', () => {
    const fixture = new RegistryFixture();
    const provider = owner('p');
    const first = fixture.registry.register(provider, Greeter, greeter('a'), {}, null);
    const { told, close } = tracking(fixture);
    fixture.registry.register(provider, Greeter, greeter('b'), {}, null);
    first.setProperties({ tone: 'warm' });
    first.unregister();
    close();
    close();
    fixture.registry.register(provider, Greeter, greeter('c'), {}, null);
    assert.deepEqual(told, ['added 1 a', 'added 2 b', 'modified 1 a', 'removed 1 a', 'removed 2 b']);
  });

  it('hears a filtered service come and go with its properties', () => {
    const fixture = new RegistryFixture();
    const { told } = tracking(fixture, '(tone=warm)');
    const registration = fixture.registry.register(owner('p'), Greeter, greeter('a'), {}, null);
    for (const tone of ['warm', 'warm', 'cold', 'cold', 'warm']) registration.setProperties({ tone });
    registration.unregister();
    assert.deepEqual(told, ['added 1 a', 'modified 1 a', 'removed 1 a', 'added 1 a', 'removed 1 a']);
  });

  it('in a stage hears only what the stage sees, and each service once', () => {
    const { registry } = new RegistryFixture();
    const [old, next, other] = [owner('a', '1.0.0'), owner('a', '2.0.0'), owner('o')];
    registry.register(old, Greeter, greeter('old'), {}, null);
    const stage = registry.openStage([next], [old]);
    const told: string[] = [];
    registry.track(
      next,
      Greeter,
      {
        added: (_service, { id }) => told.push(`added ${id}`),
        removed: (_service, { id }) => told.push(`removed ${id}`),
      },
      undefined,
      stage,
    );
    registry.register(next, Greeter, greeter('next'), {}, stage);
    registry.register(other, Greeter, greeter('other'), {}, null);
    registry.commit(stage, 1);
    assert.deepEqual(told, ['added 2', 'added 3']);
  });

  it('passes over a callback that throws: the commit goes on and everyone else is told', () => {
    const fixture = new RegistryFixture();
    const { registry } = fixture;
    registry.track(
      owner('bad'),
      Greeter,
      {
        added: () => {
          throw new Error('broken tracker');
        },
      },
      undefined,
      null,
    );
    const { told } = tracking(fixture);
    const provider = owner('p');
    const stage = registry.openStage([provider], []);
    registry.register(provider, Greeter, greeter('a'), {}, stage);
    registry.commit(stage, 1);
    assert.deepEqual([told, fixture.warningCodes, registry.generation], [['added 1 a'], ['SERVICE_CALLBACK_FAILED'], 1]);
  });

  it('may change services from a callback; everyone is told in one order', () => {
    const fixture = new RegistryFixture();
    const { registry } = fixture;
    const provider = owner('p');
    registry.track(
      owner('t'),
      Greeter,
      {
        added: (_service, { id }) => void (id === 1 && registry.register(provider, Greeter, greeter('b'), {}, null)),
      },
      undefined,
      null,
    );
    const { told } = tracking(fixture);
    registry.register(provider, Greeter, greeter('a'), {}, null);
    assert.deepEqual(told, ['added 1 a', 'added 2 b']);
  });
});
