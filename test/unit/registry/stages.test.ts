/** Stages: what is prepared is invisible to everyone else, and becomes visible in one step. */
import assert from 'node:assert/strict';
import { Accounts, Greeter, RegistryFixture, greeter, ids, owner, refusal } from './fixture.js';

describe('registry: stages', () => {
  it('shows a staged service to its stage only, and hides from the stage what it replaces', () => {
    const { registry } = new RegistryFixture();
    const [old, next, bystander, consumer] = [owner('a', '1.0.0'), owner('a', '2.0.0'), owner('b'), owner('c')];
    registry.register(old, Greeter, greeter('old'), { 'service.ranking': 9 }, null);
    registry.register(bystander, Greeter, greeter('bystander'), {}, null);
    const stage = registry.openStage([next], [old]);
    registry.register(next, Greeter, greeter('next'), { 'service.ranking': 1 }, stage);
    const inside = registry.reference(next, Greeter, undefined, stage);
    const outside = registry.reference(consumer, Greeter, undefined, null);
    const seen = [inside.service.greet('x'), outside.service.greet('x')];
    assert.deepEqual(
      { inside: ids(registry.find(Greeter, {}, stage)), outside: ids(registry.find(Greeter)), seen },
      {
        inside: [3, 2],
        outside: [1, 2],
        seen: ['next greets x', 'old greets x'],
      },
    );
    registry.commit(stage, 1);
    assert.deepEqual([inside.service.greet('x'), outside.service.greet('x')], ['next greets x', 'next greets x']);
    assert.deepEqual(
      { all: ids(registry.find(Greeter)), generation: registry.generation, state: stage.state },
      {
        all: [3, 2],
        generation: 1,
        state: 'committed',
      },
    );
  });

  it('lets two revisions of one stage see each other', () => {
    const { registry } = new RegistryFixture();
    const [provider, consumer] = [owner('p'), owner('c')];
    const stage = registry.openStage([provider, consumer], []);
    const { service } = registry.reference(consumer, Greeter, undefined, stage);
    const before = refusal(() => service.greet('x'));
    registry.register(provider, Greeter, greeter('p'), {}, stage);
    assert.deepEqual([before, service.greet('x')], [{ code: 'SERVICE_UNAVAILABLE', retryable: true }, 'p greets x']);
  });

  it('keeps staged references up with what is published and withdrawn meanwhile', () => {
    const { registry } = new RegistryFixture();
    const stage = registry.openStage([], []);
    const { service } = registry.reference(owner('c'), Greeter, undefined, stage);
    const other = registry.register(owner('p'), Greeter, greeter('p'), {}, null);
    const seen = service.greet('x');
    other.unregister();
    assert.deepEqual([seen, refusal(() => service.greet('x'))], ['p greets x', { code: 'SERVICE_UNAVAILABLE', retryable: true }]);
  });

  it('treats a committed stage like none', () => {
    const { registry } = new RegistryFixture();
    const provider = owner('p');
    const stage = registry.openStage([provider], []);
    registry.commit(stage, 1);
    registry.register(provider, Greeter, greeter('p'), {}, stage);
    const { service } = registry.reference(owner('c'), Greeter, undefined, stage);
    assert.deepEqual([ids(registry.find(Greeter)), service.greet('x')], [[1], 'p greets x']);
  });

  it('throws away a discarded stage with everything in it', () => {
    const { registry } = new RegistryFixture();
    const provider = owner('p');
    const before = registry.counts();
    const stage = registry.openStage([provider], []);
    const registration = registry.register(provider, Greeter, greeter('p'), {}, stage);
    const { service } = registry.reference(provider, Greeter, undefined, stage);
    const tracked: string[] = [];
    registry.track(provider, Greeter, { added: () => tracked.push('added'), removed: () => tracked.push('removed') }, undefined, stage);
    registry.publisher(provider, Greeter, { prepare: () => undefined, publish: () => undefined }, stage);
    registry.discard(stage);
    registry.discard(stage);
    registration.unregister();
    assert.deepEqual(
      {
        counts: registry.counts(),
        tracked,
        call: refusal(() => service.greet('x')),
        register: refusal(() => registry.register(provider, Greeter, greeter('p'), {}, stage)),
        refer: refusal(() => registry.reference(provider, Greeter, undefined, stage)),
        commit: refusal(() => registry.commit(stage, 1)),
      },
      {
        counts: before,
        tracked: ['added', 'removed'],
        call: { code: 'CONTEXT_CLOSED', retryable: false },
        register: { code: 'STAGE_DISCARDED', retryable: false },
        refer: { code: 'STAGE_DISCARDED', retryable: false },
        commit: { code: 'STAGE_NOT_OPEN', retryable: false },
      },
    );
  });

  it('refuses a generation that goes back, before anything is changed', () => {
    const { registry } = new RegistryFixture();
    const provider = owner('p');
    registry.commit(registry.openStage([], []), 5);
    const stage = registry.openStage([provider], []);
    registry.register(provider, Greeter, greeter('p'), {}, stage);
    for (const generation of [4, 1.5, Number.NaN]) {
      assert.deepEqual(
        refusal(() => registry.commit(stage, generation)),
        { code: 'GENERATION_INVALID', retryable: false },
      );
    }
    assert.deepEqual([registry.find(Greeter), stage.state, registry.generation], [[], 'open', 5]);
  });

  it('changes and withdraws a staged service without anybody outside noticing', () => {
    const { registry } = new RegistryFixture();
    const [provider, bystander] = [owner('p'), owner('b')];
    const events: string[] = [];
    registry.addListener(({ type, view }) => events.push(`${type} ${view.id}`));
    const stage = registry.openStage([provider], []);
    const one = registry.register(provider, Greeter, greeter('one'), {}, stage);
    const two = registry.register(provider, Greeter, greeter('two'), {}, stage);
    const { service } = registry.reference(bystander, Greeter, undefined, stage);
    const seen = [service.greet('x')];
    two.setProperties({ 'service.ranking': 1 });
    seen.push(service.greet('x'));
    two.unregister();
    seen.push(service.greet('x'));
    one.unregister();
    registry.commit(stage, 1);
    assert.deepEqual([seen, events, registry.services()], [['one greets x', 'two greets x', 'one greets x'], [], []]);
  });

  it('brings the services of a withdrawn revision back when it is staged again', () => {
    const fixture = new RegistryFixture();
    const { registry } = fixture;
    const [old, next, consumer] = [owner('a', '1.0.0'), owner('a', '2.0.0'), owner('c')];
    const kept = registry.register(old, Greeter, greeter('old'), { tone: 'warm' }, null);
    const { service } = registry.reference(consumer, Greeter, undefined, null);
    const forward = registry.openStage([next], [old]);
    registry.register(next, Greeter, greeter('next'), {}, forward);
    registry.commit(forward, 1);
    const seen = [service.greet('x')];
    const back = registry.openStage([old], [next]);
    assert.deepEqual([ids(registry.find(Greeter, {}, back)), ids(registry.find(Greeter))], [[1], [2]]);
    registry.commit(back, 2);
    seen.push(service.greet('x'));
    seen.push(fixture.inGeneration(0, () => service.greet('x')));
    seen.push(fixture.inGeneration(1, () => service.greet('x')));
    assert.deepEqual(seen, ['next greets x', 'old greets x', 'old greets x', 'next greets x']);
    registry.retire(2);
    assert.equal(registry.services()[0]?.properties['tone'], 'warm');
    kept.unregister();
    registry.forget(next);
    registry.forget(consumer);
    assert.deepEqual(registry.counts(), new RegistryFixture().registry.counts());
  });

  it('leaves a revision withdrawn when the stage that would bring it back is discarded', () => {
    const { registry } = new RegistryFixture();
    const old = owner('a');
    const registration = registry.register(old, Greeter, greeter('old'), {}, null);
    registry.withdraw([old], 1);
    registry.discard(registry.openStage([old], []));
    assert.deepEqual([registry.find(Greeter), registry.counts().services], [[], 1]);
    registry.commit(registry.openStage([old], []), 2);
    assert.deepEqual(ids(registry.find(Greeter)), [registration.view.id]);
  });

  it('names the users of a revision, others than itself', () => {
    const { registry } = new RegistryFixture();
    const [provider, consumer, idle] = [owner('p'), owner('c'), owner('i')];
    registry.register(provider, Greeter, greeter('p'), {}, null);
    registry.reference(provider, Greeter, undefined, null);
    registry.track(consumer, Greeter, {}, undefined, null);
    registry.reference(idle, Accounts, undefined, null);
    assert.deepEqual([registry.usersOf(provider), registry.usersOf(idle)], [[consumer], []]);
  });
});
