/** Nothing of a stopped revision's components stays alive: classes, instances, contexts, containers. */
import assert from 'node:assert/strict';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Activate, Component, Context, Reference, type BundleContext } from '@sluice/sdk';
import { weakenTypeInfo } from '@sluice/kernel/host/tsyringe-facade';
import { Accounts, ComponentFixture, Greeter, greeter, owner, type GreeterService } from './fixture.js';
import type { RevisionOwner } from '@sluice/kernel/registry/index';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

describe('component: leftovers', () => {
  before(() => weakenTypeInfo());

  it('keeps nothing of replaced revisions alive', async () => {
    const fixture = new ComponentFixture();
    const { registry } = fixture;
    registry.register(owner('outside'), Greeter, greeter('outside'), {}, null);
    const user = registry.reference(owner('user'), Accounts, undefined, null);
    const before = registry.counts();
    const watched: WeakRef<object>[] = [];
    let previous: { readonly revision: RevisionOwner; stop(): Promise<void> } | null = null;

    // A function of its own, so that no variable of this test keeps a revision alive.
    async function swap(number: number): Promise<void> {
      @Component({ name: 'accounting', provides: Accounts })
      class Accounting {
        constructor(
          @Reference(Greeter, { policy: 'static' }) readonly greeter: GreeterService,
          @Reference(Accounts, { cardinality: '0..n' }) readonly all: unknown,
          @Context() readonly context: BundleContext,
        ) {}
        @Activate()
        activate(): void {
          watched.push(new WeakRef(this), new WeakRef(this.context));
        }
        async balance(): Promise<number> {
          return this.greeter.greet('x').length + number;
        }
      }
      const next = owner('bundle', '1.0.0', number);
      const replaced = previous;
      const stage = registry.openStage([next], replaced === null ? [] : [replaced.revision]);
      const runtime = fixture.runtime([Accounting], { stage, owner: next });
      await runtime.start();
      registry.commit(stage, number);
      runtime.commit();
      await fixture.inGeneration(number - 1, () => user.service.balance('1'));
      await user.service.balance('1');
      registry.retire(number);
      await replaced?.stop();
      if (replaced !== null) assert.deepEqual(registry.forget(replaced.revision), []);
      watched.push(new WeakRef(Accounting), new WeakRef(runtime), new WeakRef(next));
      previous = { revision: next, stop: () => runtime.stop() };
    }
    for (let number = 1; number <= 25; number += 1) await swap(number);
    const last = previous as { readonly revision: RevisionOwner; stop(): Promise<void> } | null;
    registry.withdraw(last === null ? [] : [last.revision], 26);
    registry.retire(26);
    await last?.stop();
    previous = null;
    fixture.contexts.length = 0;
    for (let round = 0; round < 4; round += 1) {
      await new Promise(setImmediate);
      collectGarbage();
    }
    const alive = watched.filter((reference) => reference.deref() !== undefined).length;
    // One revision, the last, may still sit in a frame or a cache of the engine.
    assert.ok(alive <= 5, `${alive} of ${watched.length} objects of replaced revisions are alive`);
    assert.deepEqual(registry.counts(), before);
  });
});
