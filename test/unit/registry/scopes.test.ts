/** Service factories: how many objects there are, when they are made, and that each is given back exactly once. */
import assert from 'node:assert/strict';
import type { FactoryRegistration, ServiceScope } from '@sluice/kernel/registry/index';
import { Accounts, Greeter, RegistryFixture, greeter, owner, refusal, type GreeterService } from './fixture.js';

/** A factory that counts, and names each object after its consumer. */
class CountingFactory implements FactoryRegistration<GreeterService> {
  readonly log: string[] = [];
  readonly factory;

  constructor(readonly scope: ServiceScope) {
    let made = 0;
    const names = new Map<GreeterService, string>();
    this.factory = {
      getService: ({ bundle }: { bundle: string }) => {
        const name = `${bundle}-${(made += 1)}`;
        this.log.push(`get ${name}`);
        const service = greeter(name);
        names.set(service, name);
        return service;
      },
      ungetService: ({ bundle }: { bundle: string }, service: GreeterService) => {
        this.log.push(`unget ${String(names.get(service))} by ${bundle}`);
      },
    };
    // Only the two keys of a factory registration may be enumerable.
    Object.defineProperty(this, 'log', { enumerable: false });
  }
}

function scenario(scope: ServiceScope): { calls: readonly string[]; log: readonly string[] } {
  const { registry } = new RegistryFixture();
  const source = new CountingFactory(scope);
  const registration = registry.register(owner('p'), Greeter, source, {}, null);
  const [one, two] = [owner('one'), owner('two')];
  const handles = [one, one, two].map((consumer) => registry.reference(consumer, Greeter, undefined, null));
  const before = source.log.length;
  const calls = [...handles, ...handles].map(({ service }) => service.greet('x').split(' ')[0] as string);
  handles[0]?.close();
  handles[0]?.close();
  handles[1]?.close();
  registration.unregister();
  assert.equal(before, 0, 'factories run at the first use');
  return { calls, log: source.log };
}

describe('registry: service scopes', () => {
  it('singleton: one object for everybody, given back when the service goes', () => {
    assert.deepEqual(scenario('singleton'), {
      calls: ['one-1', 'one-1', 'one-1', 'one-1', 'one-1', 'one-1'],
      log: ['get one-1', 'unget one-1 by one'],
    });
  });

  it('bundle: one object per consuming bundle, given back with its last reference', () => {
    assert.deepEqual(scenario('bundle'), {
      calls: ['one-1', 'one-1', 'two-2', 'one-1', 'one-1', 'two-2'],
      log: ['get one-1', 'get two-2', 'unget one-1 by one', 'unget two-2 by two'],
    });
  });

  it('prototype: one object per reference', () => {
    assert.deepEqual(scenario('prototype'), {
      calls: ['one-1', 'one-2', 'two-3', 'one-1', 'one-2', 'two-3'],
      log: ['get one-1', 'get one-2', 'get two-3', 'unget one-1 by one', 'unget one-2 by one', 'unget two-3 by two'],
    });
  });

  it('never runs a factory inside a commit, and keeps objects of the old revision until older entries are over', () => {
    const fixture = new RegistryFixture();
    const { registry } = fixture;
    const [v1, v2] = [new CountingFactory('bundle'), new CountingFactory('bundle')];
    const [p1, p2] = [owner('p', '1.0.0'), owner('p', '2.0.0')];
    registry.register(p1, Greeter, v1, {}, null);
    const { service } = registry.reference(owner('c'), Greeter, undefined, null);
    service.greet('x');
    const stage = registry.openStage([p2], [p1]);
    registry.register(p2, Greeter, v2, {}, stage);
    registry.commit(stage, 1);
    const inCommit = [...v1.log, ...v2.log];
    const old = fixture.inGeneration(0, () => service.greet('x'));
    service.greet('x');
    const both = [...v1.log, ...v2.log];
    registry.retire(1);
    assert.deepEqual(
      { inCommit, old, both, end: v1.log },
      {
        inCommit: ['get c-1'],
        old: 'c-1 greets x',
        both: ['get c-1', 'get c-1'],
        end: ['get c-1', 'unget c-1 by c'],
      },
    );
  });

  it('gives the object back when a better service takes over outside a swap', () => {
    const { registry } = new RegistryFixture();
    const source = new CountingFactory('prototype');
    registry.register(owner('p'), Greeter, source, {}, null);
    const { service } = registry.reference(owner('c'), Greeter, undefined, null);
    service.greet('x');
    registry.register(owner('better'), Greeter, greeter('better'), { 'service.ranking': 1 }, null);
    assert.deepEqual([service.greet('x'), source.log], ['better greets x', ['get c-1', 'unget c-1 by c']]);
  });

  it('lists and trackers share objects of scope bundle with references, and hand out lazy ones', () => {
    const { registry } = new RegistryFixture();
    const source = new CountingFactory('bundle');
    const consumer = owner('c');
    registry.register(owner('p'), Greeter, source, {}, null);
    const tracked: GreeterService[] = [];
    const tracker = registry.track(consumer, Greeter, { added: (service) => void tracked.push(service) }, undefined, null);
    const handle = registry.list(consumer, Greeter, undefined, null);
    const elements = [...handle.list];
    const before = [...source.log];
    const answers = [...tracked, ...elements].map((service) => service.greet('x'));
    tracker.close();
    handle.close();
    assert.deepEqual(
      { before, answers, log: source.log },
      {
        before: [],
        answers: ['c-1 greets x', 'c-1 greets x'],
        log: ['get c-1', 'unget c-1 by c'],
      },
    );
    assert.deepEqual(
      tracked.map((service) => refusal(() => service.greet('x'))),
      [{ code: 'SERVICE_UNAVAILABLE', retryable: true }],
    );
  });

  it('fails the call, not the reference, when a factory throws, and tries again at the next call', () => {
    const { registry } = new RegistryFixture();
    let attempts = 0;
    const factory = {
      getService: () => {
        attempts += 1;
        if (attempts === 1) throw new Error('not yet');
        return greeter('p');
      },
    };
    registry.register(owner('p'), Greeter, { factory, scope: 'bundle' }, {}, null);
    const { service } = registry.reference(owner('c'), Greeter, undefined, null);
    assert.deepEqual(
      [refusal(() => service.greet('x')), service.greet('x')],
      [{ code: 'SERVICE_FACTORY_FAILED', retryable: true }, 'p greets x'],
    );
  });

  it('rejects an asynchronous call when the factory makes an object without the methods', async () => {
    const { registry } = new RegistryFixture();
    registry.register(owner('p'), Accounts, { factory: { getService: () => ({}) as never }, scope: 'prototype' }, {}, null);
    const { service } = registry.reference(owner('c'), Accounts, undefined, null);
    await assert.rejects(service.balance('1'), { code: 'SERVICE_INCOMPLETE', retryable: false });
  });

  it('reports an ungetService that throws', () => {
    const fixture = new RegistryFixture();
    const factory = {
      getService: () => greeter('p'),
      ungetService: () => {
        throw new Error('cannot take back');
      },
    };
    fixture.registry.register(owner('p'), Greeter, { factory, scope: 'bundle' }, {}, null);
    const handle = fixture.registry.reference(owner('c'), Greeter, undefined, null);
    handle.service.greet('x');
    handle.close();
    assert.deepEqual(fixture.warningCodes, ['SERVICE_CALLBACK_FAILED']);
  });
});
