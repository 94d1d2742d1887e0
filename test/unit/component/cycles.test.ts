/** Components that wait for each other, and components that keep rebuilding each other. */
import assert from 'node:assert/strict';
import { Component, Reference, type Constructor, type Contract } from '@sluice/sdk';
import { cycleOf, describeCycle } from '@sluice/kernel/component/cycles';
import { Accounts, ComponentFixture, Greeter, type GreeterService } from './fixture.js';

describe('component: circles', () => {
  const waiting = (text: string) =>
    text.split(' ').map((part) => {
      const [name, provides, waitsFor] = part.split(':') as [string, string, string];
      return { name, provides: provides.split(',').filter(Boolean), waitsFor: waitsFor.split(',').filter(Boolean) };
    });

  const table: readonly { readonly components: string; readonly from: string; readonly path: string }[] = [
    { components: 'a:x:y b:y:x', from: 'a', path: 'a y, b x' },
    { components: 'a:x:x', from: 'a', path: 'a x' },
    { components: 'a:x:y b:y:', from: 'a', path: 'none' },
    { components: 'a:x:y b:y:z c:z:y', from: 'a', path: 'none' },
    { components: 'a:x:y b:y:z c:z:y', from: 'b', path: 'b z, c y' },
    { components: 'a:x:y,z b:y:w c:z:x d:w:x', from: 'a', path: 'a z, c x' },
    { components: 'a:x:gone', from: 'a', path: 'none' },
  ];
  for (const { components, from, path } of table) {
    it(`${components} from ${from}: ${path}`, () => {
      const steps = cycleOf(from, waiting(components));
      assert.equal(steps?.map(({ component, contract }) => `${component} ${contract}`).join(', ') ?? 'none', path);
    });
  }

  it('are told with the way out', () => {
    assert.equal(
      describeCycle([
        { component: 'A', contract: 'y.Y' },
        { component: 'B', contract: 'x.X' },
      ]),
      "waits in a circle: 'A' needs 'y.Y' of 'B', 'B' needs 'x.X' of 'A'; make one of these references optional (0..1 or 0..n)",
    );
  });

  function pair(): readonly Constructor[] {
    @Component({ name: 'A', provides: Greeter })
    class A {
      constructor(@Reference(Accounts) readonly accounts: unknown) {}
      greet(): string {
        return 'A';
      }
    }
    @Component({ name: 'B', provides: Accounts })
    class B {
      constructor(@Reference(Greeter) readonly greeter: unknown) {}
      async balance(): Promise<number> {
        return 1;
      }
    }
    return [A, B];
  }

  it('refuse a swap, and are only reported at a plain start, where another bundle may still resolve them', async () => {
    const fixture = new ComponentFixture();
    const stage = fixture.registry.openStage([fixture.owner], []);
    const staged = fixture.runtime(pair(), { stage });
    await assert.rejects(staged.start(), { code: 'COMPONENT_CYCLE' });
    await staged.stop();
    fixture.registry.discard(stage);
    const plain = fixture.runtime(pair());
    await plain.start();
    const before = plain.describe().map(({ state, reason }) => ({ state, circle: reason?.startsWith('waits in a circle') }));
    fixture.greeter('outside');
    await plain.settled();
    assert.deepEqual(
      { before, after: plain.describe().map(({ state }) => state), codes: fixture.warningCodes },
      {
        before: [
          { state: 'unsatisfied', circle: true },
          { state: 'unsatisfied', circle: true },
        ],
        after: ['active', 'active'],
        codes: ['COMPONENT_CYCLE'],
      },
    );
    await plain.stop();
  });

  it('with an optional edge start by themselves', async () => {
    const fixture = new ComponentFixture();
    @Component({ name: 'A', provides: Greeter })
    class A {
      constructor(@Reference(Accounts, { cardinality: '0..1' }) readonly accounts: unknown) {}
      greet(): string {
        return 'A';
      }
    }
    const [, B] = pair() as [Constructor, Constructor];
    const runtime = fixture.runtime([A, B]);
    await runtime.start();
    assert.deepEqual(
      runtime.describe().map(({ state }) => state),
      ['active', 'active'],
    );
    await runtime.stop();
  });

  it('of greedy static references are ended when they do not come to rest', async () => {
    const fixture = new ComponentFixture();
    let built = 0;
    const greedy = (name: string, provides: Contract, needs: Contract): Constructor => {
      @Component({ name, provides })
      class Greedy {
        constructor(@Reference(needs, { cardinality: '0..n', policy: 'static', policyOption: 'greedy' }) readonly others: unknown) {
          built += 1;
        }
        greet(): string {
          return name;
        }
        async balance(): Promise<number> {
          return 1;
        }
      }
      return Greedy;
    };
    const runtime = fixture.runtime([greedy('A', Greeter, Accounts), greedy('B', Accounts, Greeter)]);
    await runtime.start();
    const reasons = runtime.describe().map(({ reason }) => reason ?? '');
    assert.ok(built <= 250, `${built} instances were built`);
    assert.ok(fixture.warningCodes.includes('COMPONENT_OSCILLATES'), reasons.join('; '));
    await runtime.stop();
    const answer = (fixture.registry.counts() satisfies { services: number }).services;
    assert.equal(answer, 0);
  });

  it('ignore what nobody of the bundle provides', async () => {
    const fixture = new ComponentFixture();
    const runtime = fixture.runtime([pair()[1] as Constructor]);
    await runtime.start();
    assert.match(
      runtime.describe()[0]?.reason ?? '',
      /^needs service 'test\.Greeter' \(1\.2\.0 or a later one of the same major\), which no active bundle provides$/,
    );
    const greeter: GreeterService = { greet: () => '' };
    assert.equal(greeter.greet('x'), '');
    await runtime.stop();
  });
});
