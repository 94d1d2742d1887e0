/** The registry's fast rule for versions says the same as the model's range, for every pair of versions. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Type } from '@sinclair/typebox';
import { contract, syncMethod } from '@sluice/sdk';
import { Version, compatibleRange } from '@sluice/kernel/model/index';
import { ServiceRegistry } from '@sluice/kernel/registry/index';

const version = fc.tuple(fc.nat({ max: 3 }), fc.nat({ max: 3 }), fc.nat({ max: 3 })).map((parts) => parts.join('.'));
const owner = { bundleId: 1, symbolicName: 'b', version: '1.0.0', revision: 1 };

describe('registry: version rule', () => {
  it('agrees with the resolver, so that what is wired is also found', () => {
    fc.assert(
      fc.property(version, version, (wanted, offered) => {
        const registry = new ServiceRegistry({ entryGeneration: () => undefined, warn: (code) => assert.fail(code) });
        const of = (text: string) => contract('test.Versioned', text, { ask: syncMethod([], Type.Null()) });
        registry.register(owner, of(offered), { ask: () => null }, {}, null);
        const found = registry.find(of(wanted)).length === 1;
        assert.equal(found, compatibleRange(wanted).includes(Version.parse(offered)), `${wanted} finds ${offered}`);
      }),
      { numRuns: 300 },
    );
  });
});
