/** A search with the index finds what a look at every service finds, in the same order, while services change. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { localContract, type Registration } from '@sluice/sdk';
import { parseFilter } from '@sluice/kernel/model/index';
import { ServiceRegistry } from '@sluice/kernel/registry/index';

const Things = localContract<object>('test.Thing', '1.0.0', []);
const owner = { bundleId: 1, symbolicName: 'b', version: '1.0.0', revision: 1 };

const scalar = fc.constantFrom<unknown>('a', 'b', 'A', '1', '1.0', 1, 2, true, 'true', ' 1 ', 1n);
const value = fc.oneof({ weight: 4, arbitrary: scalar }, fc.array(scalar, { maxLength: 3 }), fc.constant(undefined));
const properties = fc
  .record({ key: fc.constantFrom('color', 'Color', 'COLOR'), color: value, size: value, ranking: fc.nat({ max: 3 }) })
  .map(({ key, color, size, ranking }) => ({ [key]: color, size, 'service.ranking': ranking }));
const term = fc
  .tuple(
    fc.constantFrom('color', 'COLOR', 'size'),
    fc.constantFrom('=a', '=b', '=A', '=1', '=1.0', '=true', '=*', '>=1', '~=a', '=a*', '=2', '= 1'),
  )
  .map(([key, rest]) => `(${key}${rest})`);
const filter = fc.oneof(
  term,
  fc.array(term, { minLength: 1, maxLength: 3 }).map((terms) => `(&${terms.join('')})`),
  fc.tuple(term, term).map(([one, other]) => `(|${one}${other})`),
  term.map((one) => `(!${one})`),
);
const change = fc.oneof(
  fc.record({ kind: fc.constant('register' as const), properties }),
  fc.record({ kind: fc.constant('set' as const), pick: fc.nat(), properties }),
  fc.record({ kind: fc.constant('unregister' as const), pick: fc.nat() }),
);

describe('registry: filters over an index', () => {
  it('find the same as a scan', () => {
    fc.assert(
      fc.property(
        fc.array(properties, { minLength: 17, maxLength: 40 }),
        fc.array(filter, { minLength: 1, maxLength: 4 }),
        fc.array(change, { maxLength: 12 }),
        (first, filters, changes) => {
          const registry = new ServiceRegistry({ entryGeneration: () => undefined, warn: (code) => assert.fail(code) });
          const living: Registration[] = first.map((each) => registry.register(owner, Things, {}, each, null));
          const check = (): void => {
            for (const text of filters) {
              const parsed = parseFilter(text);
              const expected = living
                .filter(({ view }) => parsed.matches(view.properties))
                .sort((a, b) => b.view.ranking - a.view.ranking || a.view.id - b.view.id)
                .map(({ view }) => view.id);
              assert.deepEqual(
                registry.find(Things, { filter: text }).map(({ id }) => id),
                expected,
                text,
              );
            }
          };
          check();
          for (const next of changes) {
            const at = next.kind === 'register' ? 0 : next.pick % living.length;
            if (next.kind === 'register') living.push(registry.register(owner, Things, {}, next.properties, null));
            else if (next.kind === 'set') living[at]?.setProperties(next.properties);
            else living.splice(at, 1)[0]?.unregister();
            check();
          }
        },
      ),
      { numRuns: 150 },
    );
  });
});
