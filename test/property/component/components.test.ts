/**
 * Random sets of components and services: after every change exactly those components are active that a naive computation of the
 * least fixed point names, and in the end nothing is left.
 */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Type } from '@sinclair/typebox';
import {
  Component,
  Reference,
  contract,
  syncMethod,
  type Cardinality,
  type Constructor,
  type Contract,
  type Registration,
} from '@sluice/sdk';
import { ComponentFixture, owner } from '../../unit/component/fixture.js';

const NAMES = ['a', 'b', 'c', 'd'] as const;
type Name = (typeof NAMES)[number];
const contracts = Object.fromEntries(
  NAMES.map((name) => [name, contract(`test.Random.${name}`, '1.0.0', { who: syncMethod([], Type.String()) })]),
) as Readonly<Record<Name, Contract>>;

interface Plan {
  readonly provides: Name | null;
  readonly needs: readonly { readonly name: Name; readonly cardinality: Cardinality }[];
}
const name = fc.constantFrom(...NAMES);
const plan = fc.record<Plan>({
  provides: fc.option(name),
  needs: fc.array(fc.record({ name, cardinality: fc.constantFrom<Cardinality>('1..1', '0..1', '1..n', '0..n') }), { maxLength: 2 }),
});

function componentOf({ provides, needs }: Plan, at: number): Constructor {
  class Planned {
    who(): string {
      return `component ${at}`;
    }
  }
  // What the compiler records for a constructor with as many parameters; tsyringe goes by it.
  Reflect.defineMetadata(
    'design:paramtypes',
    needs.map(() => Object),
    Planned,
  );
  needs.forEach(({ name: wanted, cardinality }, index) => Reference(contracts[wanted], { cardinality })(Planned, undefined, index));
  Component({ name: `component-${at}`, ...(provides === null ? {} : { provides: contracts[provides] }) })(Planned);
  return Planned;
}

/** Indexes of the components that can be active: the least set closed under "all mandatory references are provided". */
function activeIn(plans: readonly Plan[], outside: readonly Name[]): readonly number[] {
  const active = new Set<number>();
  for (let grown = true; grown;) {
    const before = active.size;
    const there = new Set<Name | null>([...outside, ...[...active].map((at) => plans[at]?.provides ?? null)]);
    plans.forEach(({ needs }, at) => {
      if (needs.every((need) => need.cardinality.startsWith('0') || there.has(need.name))) active.add(at);
    });
    grown = active.size > before;
  }
  return [...active].sort((a, b) => a - b);
}

/** Components that keep each other alive in a circle stay active when the outside help goes: no reference of theirs was ever lost. */
function hasCircle(plans: readonly Plan[]): boolean {
  const reaches = (from: Name, to: Name, seen: ReadonlySet<Name>): boolean =>
    plans.some(
      ({ provides, needs }) =>
        provides === from &&
        needs.some(
          (need) =>
            need.cardinality.startsWith('1') &&
            (need.name === to || (!seen.has(need.name) && reaches(need.name, to, new Set([...seen, need.name])))),
        ),
    );
  return NAMES.some((each) => reaches(each, each, new Set([each])));
}

describe('component: random sets', () => {
  it('are active exactly where satisfied, after every change', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(plan, { minLength: 1, maxLength: 5 }),
        fc.array(fc.record({ come: fc.boolean(), name }), { maxLength: 12 }),
        async (plans, changes) => {
          fc.pre(!hasCircle(plans));
          const fixture = new ComponentFixture();
          const before = fixture.registry.counts();
          const runtime = fixture.runtime(plans.map(componentOf));
          const outside: { readonly name: Name; readonly registration: Registration }[] = [];
          const check = (): void => {
            const active = runtime.describe().flatMap(({ state }, at) => (state === 'active' ? [at] : []));
            assert.deepEqual(
              active,
              activeIn(
                plans,
                outside.map((each) => each.name),
              ),
            );
          };
          await runtime.start();
          check();
          for (const { come, name: changed } of changes) {
            const at = outside.findIndex((each) => each.name === changed);
            if (come) {
              const registration = fixture.registry.register(owner('outside'), contracts[changed], { who: () => 'outside' }, {}, null);
              outside.push({ name: changed, registration });
            } else if (at >= 0) outside.splice(at, 1)[0]?.registration.unregister();
            await runtime.settled();
            check();
          }
          await runtime.stop();
          for (const { registration } of outside) registration.unregister();
          assert.deepEqual(
            { counts: fixture.registry.counts(), open: fixture.contexts.filter(({ closed }) => !closed), warnings: fixture.warnings },
            { counts: before, open: [], warnings: [] },
          );
        },
      ),
      { numRuns: 150 },
    );
  });
});
