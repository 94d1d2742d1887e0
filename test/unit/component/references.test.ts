/** Cardinality times policy: what a component does as services come, get better, and go. */
import assert from 'node:assert/strict';
import {
  Activate,
  Component,
  Deactivate,
  Reference,
  type Cardinality,
  type ComponentReferenceOptions,
  type Constructor,
  type OptionalReference,
  type ServiceList,
} from '@sluice/sdk';
import { ComponentFixture, Greeter, type GreeterService } from './fixture.js';

/** Name of who answers. */
function nameOf(service: GreeterService | undefined): string {
  if (service === undefined) return 'nobody';
  try {
    return service.greet('x').split(' ')[0] as string;
  } catch (error) {
    return (error as { code: string }).code;
  }
}

/** Looks through a reference of any cardinality. */
function look(cardinality: Cardinality, reference: unknown): string {
  if (cardinality === '1..1') return nameOf(reference as GreeterService);
  if (cardinality === '0..1') return nameOf((reference as OptionalReference<GreeterService>).get());
  return [...(reference as ServiceList<GreeterService>)].map(nameOf).join('+') || 'nobody';
}

type Policy = 'dynamic' | 'static reluctant' | 'static greedy';

function optionsOf(cardinality: Cardinality, policy: Policy): ComponentReferenceOptions {
  if (policy === 'dynamic') return { cardinality };
  return { cardinality, policy: 'static', policyOption: policy === 'static greedy' ? 'greedy' : 'reluctant' };
}

function consumer(options: ComponentReferenceOptions, log: string[]): { target: Constructor; current: () => string } {
  const living: { greeter: unknown }[] = [];
  @Component({ name: 'consumer' })
  class Consumer {
    constructor(@Reference(Greeter, options) readonly greeter: unknown) {}
    @Activate()
    activate(): void {
      living.push(this);
      log.push(`+${look(options.cardinality ?? '1..1', this.greeter)}`);
    }
    @Deactivate()
    deactivate(): void {
      living.splice(living.indexOf(this), 1);
      log.push('-');
    }
  }
  return {
    target: Consumer,
    current: () => living.map(({ greeter }) => look(options.cardinality ?? '1..1', greeter)).join(' and ') || 'inactive',
  };
}

/**
 * What is seen after each event: start, a comes, b (better) comes, c (worse) comes, b goes, a goes, c goes.
 * `+x` an instance was activated seeing x, `-` one was deactivated; then what the living instance sees.
 */
const TABLE: Readonly<Record<Cardinality, Readonly<Record<Policy, readonly string[]>>>> = {
  '1..1': {
    dynamic: ['inactive', '+a a', 'b', 'b', 'a', 'c', '- inactive'],
    'static reluctant': ['inactive', '+a a', 'a', 'a', 'a', '+c - c', '- inactive'],
    'static greedy': ['inactive', '+a a', '+b - b', 'b', '+a - a', '+c - c', '- inactive'],
  },
  '0..1': {
    dynamic: ['+nobody nobody', 'a', 'b', 'b', 'a', 'c', 'nobody'],
    'static reluctant': ['+nobody nobody', 'nobody', 'nobody', 'nobody', 'nobody', 'nobody', 'nobody'],
    'static greedy': ['+nobody nobody', '+a - a', '+b - b', 'b', '+a - a', '+c - c', '+nobody - nobody'],
  },
  '1..n': {
    dynamic: ['inactive', '+a a', 'b+a', 'b+a+c', 'a+c', 'c', '- inactive'],
    'static reluctant': ['inactive', '+a a', 'a', 'a', 'a', '+c - c', '- inactive'],
    'static greedy': ['inactive', '+a a', '+b+a - b+a', '+b+a+c - b+a+c', '+a+c - a+c', '+c - c', '- inactive'],
  },
  '0..n': {
    dynamic: ['+nobody nobody', 'a', 'b+a', 'b+a+c', 'a+c', 'c', 'nobody'],
    'static reluctant': ['+nobody nobody', 'nobody', 'nobody', 'nobody', 'nobody', 'nobody', 'nobody'],
    'static greedy': ['+nobody nobody', '+a - a', '+b+a - b+a', '+b+a+c - b+a+c', '+a+c - a+c', '+c - c', '+nobody - nobody'],
  },
};

describe('component: cardinality and policy', () => {
  for (const [cardinality, policies] of Object.entries(TABLE) as [Cardinality, (typeof TABLE)[Cardinality]][]) {
    for (const [policy, expected] of Object.entries(policies) as [Policy, readonly string[]][]) {
      it(`${cardinality} ${policy}: ${expected.join(', ')}`, async () => {
        const fixture = new ComponentFixture();
        const { target, current } = consumer(optionsOf(cardinality, policy), fixture.log);
        const runtime = fixture.runtime([target]);
        const seen: string[] = [];
        const note = async (): Promise<void> => {
          await runtime.settled();
          const steps = fixture.take().filter((line) => !line.startsWith('scope'));
          seen.push([...steps, current()].join(' '));
        };
        await runtime.start();
        await note();
        const a = fixture.greeter('a');
        await note();
        const b = fixture.greeter('b', 5);
        await note();
        const c = fixture.greeter('c', -5);
        await note();
        for (const going of [b, a, c]) {
          going.unregister();
          await note();
        }
        assert.deepEqual(seen, expected);
        await runtime.stop();
        assert.deepEqual(fixture.warnings, []);
      });
    }
  }

  it('takes only services that match filter and range', async () => {
    const fixture = new ComponentFixture();
    @Component({ name: 'picky' })
    class Picky {
      constructor(@Reference(Greeter, { filter: '(tone=warm)', range: '>=1.2.0 <2' }) readonly greeter: GreeterService) {}
    }
    const runtime = fixture.runtime([Picky]);
    await runtime.start();
    const registration = fixture.greeter('a');
    await runtime.settled();
    const before = runtime.describe()[0];
    registration.setProperties({ tone: 'warm' });
    await runtime.settled();
    const after = runtime.describe()[0];
    assert.deepEqual(
      { before, state: after?.state, bound: after?.references[0]?.bound },
      {
        before: {
          name: 'picky',
          state: 'unsatisfied',
          provides: [],
          references: [{ contract: 'test.Greeter', cardinality: '1..1', policy: 'dynamic', satisfied: false, bound: [] }],
          reason: "needs service 'test.Greeter' (>=1.2.0 <2) with (tone=warm), which no active bundle provides",
        },
        state: 'active',
        bound: ['a@1.0.0#1'],
      },
    );
    await runtime.stop();
  });

  it('fails a component whose filter cannot be read, naming the place', async () => {
    const fixture = new ComponentFixture();
    @Component({ name: 'broken' })
    class Broken {
      constructor(@Reference(Greeter, { filter: '(tone=' }) readonly greeter: GreeterService) {}
    }
    await assert.rejects(fixture.runtime([Broken]).start(), { code: 'FILTER_INVALID' });
  });
});
