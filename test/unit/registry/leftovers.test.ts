/** A stop leaves nothing: every count returns, and nothing of an owner stays alive through the registry. */
import assert from 'node:assert/strict';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { contract, method } from '@sluice/sdk';
import { Type } from '@sinclair/typebox';
import { Accounts, Greeter, Leaflets, NEVER_ABORTED, RegistryFixture, greeter, owner } from './fixture.js';
import type { RevisionOwner, ServiceRegistry } from '@sluice/kernel/registry/index';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Registers and acquires one of everything. Returns all undos in order. */
function acquireEverything(registry: ServiceRegistry, holder: RevisionOwner): (() => void)[] {
  const registrations = [
    registry.register(holder, Greeter, greeter('g'), { tone: 'warm' }, null),
    registry.register(holder, Accounts, { factory: { getService: () => ({ balance: async () => 1 }) }, scope: 'bundle' }, {}, null),
  ];
  const reference = registry.reference(holder, Accounts, undefined, null);
  void reference.service.balance('1');
  const handles = [
    reference,
    registry.optional(holder, Greeter, { filter: '(tone=warm)' }, null),
    registry.list(holder, Greeter, undefined, null),
    registry.track(holder, Greeter, { added: () => undefined }, undefined, null),
    registry.publisher(holder, Leaflets, { prepare: () => undefined, publish: () => undefined }, null),
  ];
  return [...registrations.map((registration) => () => registration.unregister()), ...handles.map((handle) => () => handle.close())];
}

describe('registry: leftovers', () => {
  it('counts everything, and every count returns when it is given back, in any order', () => {
    const { registry } = new RegistryFixture();
    const before = registry.counts();
    const holder = owner('h');
    const undos = acquireEverything(registry, holder);
    const during = registry.counts();
    for (const undo of undos) undo();
    assert.deepEqual(
      [during, registry.counts()],
      [{ services: 2, references: 3, trackers: 1, publishers: 1, stages: 0, listeners: 0, owners: 1 }, before],
    );
    for (const undo of acquireEverything(registry, holder).reverse()) undo();
    assert.deepEqual(registry.counts(), before);
  });

  it('names what an owner left behind, and removes it', () => {
    const { registry } = new RegistryFixture();
    const before = registry.counts();
    const holder = owner('h');
    acquireEverything(registry, holder);
    const leftovers = registry.forget(holder);
    assert.deepEqual(
      [[...leftovers].sort(), registry.forget(holder), registry.counts()],
      [
        [
          'list to test.Greeter',
          'publisher of test.Leaflet',
          'reference to test.Accounts',
          'reference to test.Greeter',
          'service 1 test.Greeter',
          'service 2 test.Accounts',
          'tracker to test.Greeter',
        ],
        [],
        before,
      ],
    );
  });

  it('finds nothing to remove after a proper end', () => {
    const { registry } = new RegistryFixture();
    const holder = owner('h');
    for (const undo of acquireEverything(registry, holder)) undo();
    assert.deepEqual(registry.forget(holder), []);
  });

  it('keeps nothing of replaced revisions alive: services, contracts, forwarders, owners', async () => {
    const fixture = new RegistryFixture();
    const { registry } = fixture;
    registry.addListener(() => undefined, '(tone=warm)');
    const watcher = owner('watcher');
    registry.track(watcher, Accounts, {}, undefined, null);
    registry.publisher(watcher, Greeter, { prepare: () => undefined, publish: () => undefined }, null);
    const { list } = registry.list(watcher, Accounts, undefined, null);
    const consumer = registry.reference(watcher, Accounts, undefined, null);
    const watched: WeakRef<object>[] = [];
    // Revisions keep the stage they were prepared in.
    const stages: object[] = [];
    let current: RevisionOwner | null = null;

    // A function of its own, so that no variable of this test keeps a revision alive.
    async function swap(revision: number): Promise<void> {
      const next = owner('provider', `1.0.${revision}`, revision);
      const own = contract('test.Accounts', '1.0.0', { balance: method([Type.String()], Type.Number()) });
      class Service {
        async balance(): Promise<number> {
          return revision;
        }
      }
      const service = new Service();
      const stage = registry.openStage([next], current === null ? [] : [current]);
      registry.register(next, own, service, { tone: 'warm', count: revision }, stage);
      registry.register(next, own, { factory: { getService: () => new Service() }, scope: 'prototype' }, {}, stage);
      registry.register(next, Greeter, greeter(String(revision)), {}, stage);
      const reference = registry.reference(next, own, { filter: '(tone=warm)' }, stage);
      const factoryReference = registry.reference(next, own, { filter: '(!(tone=warm))' }, stage);
      await registry.prepare(stage, NEVER_ABORTED);
      registry.commit(stage, revision);
      stages.push(stage);
      const previous = current;
      current = next;
      await fixture.inGeneration(revision - 1, () => consumer.service.balance('1'));
      await Promise.all([...list, reference.service, factoryReference.service, consumer.service].map((each) => each.balance('1')));
      watched.push(...[next, own, Service, service, reference.service, reference].map((each) => new WeakRef<object>(each)));
      registry.retire(revision);
      if (previous !== null) registry.forget(previous);
    }
    for (let revision = 1; revision <= 30; revision += 1) await swap(revision);
    const last = current as RevisionOwner | null;
    registry.withdraw(last === null ? [] : [last], 31);
    registry.retire(31);
    if (last !== null) registry.forget(last);
    current = null;
    for (let round = 0; round < 4; round += 1) {
      await new Promise(setImmediate);
      collectGarbage();
    }
    const alive = watched.filter((reference) => reference.deref() !== undefined).length;
    // The last revision may still sit in a register or an inline cache of the engine.
    assert.ok(stages.length === 30 && alive <= 6, `${alive} of ${watched.length} objects of replaced revisions are alive`);
    assert.equal(registry.counts().owners, 1);
  });
});
