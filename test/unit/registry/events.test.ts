/** Events: which, in which order, and what a filter makes of them (the order rules of the service layer). */
import assert from 'node:assert/strict';
import { Greeter, Leaflets, RegistryFixture, greeter, owner, refusal } from './fixture.js';
import type { ServiceRegistry } from '@sluice/kernel/registry/index';

function recorded(registry: ServiceRegistry, filter?: string): string[] {
  const events: string[] = [];
  registry.addListener(({ type, view, generation }) => events.push(`${type} ${view.id} @${generation}`), filter);
  return events;
}

describe('registry: events', () => {
  it('tells registering, changing and unregistering, also to a listener added in between', () => {
    const { registry } = new RegistryFixture();
    const early = recorded(registry);
    const registration = registry.register(owner('p'), Greeter, greeter('p'), {}, null);
    const late = recorded(registry);
    registration.setProperties({ tone: 'warm' });
    registration.unregister();
    registration.unregister();
    assert.deepEqual(
      { early, late },
      {
        early: ['REGISTERED 1 @0', 'MODIFIED 1 @0', 'UNREGISTERING 1 @0'],
        late: ['MODIFIED 1 @0', 'UNREGISTERING 1 @0'],
      },
    );
  });

  const W = { tone: 'warm' };
  const C = { tone: 'cold' };
  const table: readonly { readonly name: string; readonly properties: readonly object[]; readonly told: readonly string[] }[] = [
    { name: 'keeps matching', properties: [W, W], told: ['REGISTERED', 'MODIFIED', 'UNREGISTERING'] },
    { name: 'stops to match, once', properties: [W, C, C], told: ['REGISTERED', 'MODIFIED_ENDMATCH'] },
    { name: 'comes to match', properties: [C, C, W], told: ['MODIFIED', 'UNREGISTERING'] },
    { name: 'never matches', properties: [C, C], told: [] },
    { name: 'goes and comes', properties: [W, C, W], told: ['REGISTERED', 'MODIFIED_ENDMATCH', 'MODIFIED', 'UNREGISTERING'] },
    { name: 'stops to match twice', properties: [W, C, W, C], told: ['REGISTERED', 'MODIFIED_ENDMATCH', 'MODIFIED', 'MODIFIED_ENDMATCH'] },
  ];
  for (const { name, properties, told } of table) {
    it(`to a listener with a filter, about a service that ${name}: ${told.join(', ') || 'nothing'}`, () => {
      const { registry } = new RegistryFixture();
      const types: string[] = [];
      registry.addListener(({ type }) => types.push(type), '(TONE=warm)');
      const [first, ...rest] = properties;
      const registration = registry.register(owner('p'), Greeter, greeter('p'), first as never, null);
      for (const next of rest) registration.setProperties(next as never);
      registration.unregister();
      assert.deepEqual(types, told);
    });
  }

  it('shows the properties as they are after the change, and as they were at the end', () => {
    const { registry } = new RegistryFixture();
    const tones: unknown[] = [];
    registry.addListener(({ view }) => tones.push(view.properties['tone']));
    const registration = registry.register(owner('p'), Greeter, greeter('p'), { tone: 1 }, null);
    registration.setProperties({ tone: 2 });
    registration.unregister();
    assert.deepEqual(tones, [1, 2, 2]);
  });

  it('tells a commit after everything has happened: first what came, then what went', () => {
    const { registry } = new RegistryFixture();
    const [old, next] = [owner('a', '1.0.0'), owner('a', '2.0.0')];
    registry.register(old, Greeter, greeter('old'), {}, null);
    registry.register(old, Leaflets, { text: 'old' }, {}, null);
    const stage = registry.openStage([next], [old]);
    registry.register(next, Greeter, greeter('next'), {}, stage);
    registry.register(next, Leaflets, { text: 'next' }, {}, stage);
    const { service } = registry.reference(owner('c'), Greeter, undefined, null);
    const told: string[] = [];
    registry.track(
      owner('t'),
      Greeter,
      {
        added: (_service, { id }) => told.push(`added ${id}`),
        removed: (_service, { id }) => told.push(`removed ${id}`),
      },
      undefined,
      null,
    );
    told.length = 0;
    registry.addListener(({ type, view, generation }) => {
      told.push(
        `${type} ${view.id} @${generation}: ${service.greet('x')}, ${registry.find(Leaflets).length} leaflet, generation ${registry.generation}`,
      );
    });
    registry.commit(stage, 4);
    const rest = '@4: next greets x, 1 leaflet, generation 4';
    assert.deepEqual(told, [
      'added 3',
      'removed 1',
      `REGISTERED 3 ${rest}`,
      `REGISTERED 4 ${rest}`,
      `UNREGISTERING 1 ${rest}`,
      `UNREGISTERING 2 ${rest}`,
    ]);
  });

  it('tells every listener the same order when one answers an event with a change', () => {
    const { registry } = new RegistryFixture();
    const provider = owner('p');
    registry.addListener(({ type, view }) => {
      if (type === 'REGISTERED' && view.id === 1) registry.register(provider, Greeter, greeter('second'), {}, null).unregister();
    });
    const second = recorded(registry);
    registry.register(provider, Greeter, greeter('first'), {}, null);
    assert.deepEqual(second, ['REGISTERED 1 @0', 'REGISTERED 2 @0', 'UNREGISTERING 2 @0']);
  });

  it('passes over a listener that throws, and one that was removed by another', () => {
    const fixture = new RegistryFixture();
    const { registry } = fixture;
    const told: string[] = [];
    registry.addListener(() => {
      told.push('first');
      remove();
      throw new Error('broken listener');
    });
    const remove = registry.addListener(() => told.push('removed'));
    registry.addListener(() => told.push('last'));
    registry.register(owner('p'), Greeter, greeter('p'), {}, null);
    assert.deepEqual([told, fixture.warningCodes], [['first', 'last'], ['SERVICE_CALLBACK_FAILED']]);
    assert.match(fixture.warnings[0]?.message ?? '', /listener of REGISTERED: broken listener/);
  });

  it('ends callbacks that answer changes with changes without end', () => {
    const fixture = new RegistryFixture();
    const { registry } = fixture;
    const provider = owner('p');
    const registration = registry.register(provider, Leaflets, { text: 'a' }, {}, null);
    registry.addListener(() => registration.setProperties({}));
    registration.setProperties({});
    assert.deepEqual(fixture.warningCodes, ['SERVICE_CHANGES_UNBOUNDED']);
  });

  it('refuses a filter it cannot read', () => {
    const { registry } = new RegistryFixture();
    assert.deepEqual(
      refusal(() => registry.addListener(() => undefined, 'tone=warm')),
      { code: 'FILTER_INVALID', retryable: false },
    );
  });
});
