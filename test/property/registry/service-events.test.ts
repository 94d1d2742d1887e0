/**
 * Service events and the order of services, against the specification said again in the plainest way (OSGi Core 8, 5.2.5, 5.4 and 5.6):
 * whatever happens to services, each listener hears what its filter makes of it, and the best service is the one with the highest
 * integer ranking, then the lowest id.
 */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { RegistryFixture, Greeter, greeter, owner } from '../../unit/registry/fixture.js';
import type { Registration } from '@sluice/sdk';

const FILTERS = [undefined, '(tone=warm)', '(!(tone=warm))', '(|(tone=cold)(service.ranking>=2))', '(tone=*)'] as const;

interface Properties {
  readonly tone?: string;
  readonly 'service.ranking'?: unknown;
}

/** What the filters above say, without a filter. */
function matches(filter: (typeof FILTERS)[number], properties: Properties): boolean {
  const ranking = properties['service.ranking'];
  switch (filter) {
    case undefined:
      return true;
    case '(tone=warm)':
      return properties.tone === 'warm';
    case '(!(tone=warm))':
      return properties.tone !== 'warm';
    case '(tone=*)':
      return properties.tone !== undefined;
    case '(|(tone=cold)(service.ranking>=2))':
      return properties.tone === 'cold' || (typeof ranking === 'number' ? ranking >= 2 : typeof ranking === 'string' && ranking >= '2');
  }
}

const properties: fc.Arbitrary<Properties> = fc.record(
  { tone: fc.constantFrom('warm', 'cold'), 'service.ranking': fc.constantFrom<unknown>(0, 1, 5, -3, 2.5, '9', true) },
  { requiredKeys: [] },
);
const step = fc.oneof(
  fc.record({ kind: fc.constant('register' as const), properties }),
  fc.record({ kind: fc.constant('change' as const), pick: fc.nat(20), properties }),
  fc.record({ kind: fc.constant('unregister' as const), pick: fc.nat(20) }),
);

interface Service {
  readonly id: number;
  readonly registration: Registration;
  properties: Properties;
}

const rankOf = (service: Service): number => {
  const ranking = service.properties['service.ranking'];
  return Number.isInteger(ranking) ? (ranking as number) : 0;
};

describe('registry: service events, for all histories', () => {
  it('each listener hears what its filter makes of every change, and the order is by ranking, then by id', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
        const { registry } = new RegistryFixture();
        const heard = FILTERS.map((filter) => {
          const events: string[] = [];
          registry.addListener(({ type, view }) => events.push(`${type} ${view.id}`), filter);
          return events;
        });
        const expected: string[][] = FILTERS.map(() => []);
        const tell = (index: number, type: string, { id }: Service): number => (expected[index] as string[]).push(`${type} ${id}`);
        let services: Service[] = [];
        let next = 1;
        for (const one of steps) {
          if (one.kind === 'register') {
            const registration = registry.register(owner('p'), Greeter, greeter('p'), one.properties as Record<string, unknown>, null);
            const service = { id: next++, registration, properties: one.properties };
            services.push(service);
            FILTERS.forEach((filter, index) => matches(filter, one.properties) && tell(index, 'REGISTERED', service));
          } else {
            const service = services[one.pick % Math.max(1, services.length)];
            if (service === undefined) continue;
            const before = service.properties;
            if (one.kind === 'unregister') {
              services = services.filter((other) => other !== service);
              FILTERS.forEach((filter, index) => matches(filter, before) && tell(index, 'UNREGISTERING', service));
              service.registration.unregister();
            } else {
              service.properties = one.properties;
              FILTERS.forEach((filter, index) => {
                if (matches(filter, one.properties)) tell(index, 'MODIFIED', service);
                else if (matches(filter, before)) tell(index, 'MODIFIED_ENDMATCH', service);
              });
              service.registration.setProperties(one.properties as Record<string, unknown>);
            }
          }
          const order = [...services].sort((a, b) => rankOf(b) - rankOf(a) || a.id - b.id).map(({ id }) => id);
          assert.deepEqual(
            registry.find(Greeter).map(({ id }) => id),
            order,
          );
        }
        assert.deepEqual(heard, expected);
      }),
      { numRuns: 500 },
    );
  });
});
