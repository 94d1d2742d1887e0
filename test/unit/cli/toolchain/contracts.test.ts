/** What a manifest gets from a definition. */
import { deepStrictEqual, throws } from 'node:assert';
import { Component, contract, defineBundle, EventHandler, method, Reference, Routes, Type } from '@sluice/sdk';
import { deriveManifest, readDefinition } from '@sluice/kernel/cli/toolchain/contracts';

const method0 = { run: method([], Type.Null()) };
const A = contract('test.A', '1.2.3', method0);
const A15 = contract('test.A', '1.5.0', method0);
const B = contract('test.B', '0.4.1', method0);

describe('derived contracts', () => {
  it('come from the definition and its components, sorted, each once', () => {
    @Component({ provides: [B, A] })
    class First {
      readonly kind = 'First';
      constructor(@Reference(A) _a: unknown, @Reference(B, { cardinality: '0..1' }) _b: unknown) {}
    }
    @Component()
    class Second {
      readonly kind = 'Second';
      constructor(@Reference(B, { cardinality: '1..n', filter: '(kind=x)' }) _b: unknown) {}
    }
    const { provides, requires } = deriveManifest(
      defineBundle({ components: [First, Second], provides: [Routes, EventHandler], requires: [{ contract: A15, optional: true }] }),
    );
    const methods = { run: { args: [], result: { type: 'null' }, sync: false } };
    deepStrictEqual(provides, [
      { contract: 'sluice.events.Handler', version: '1.0.0', methods: {} },
      { contract: 'sluice.http.Routes', version: '1.0.0', methods: {} },
      { contract: 'test.A', version: '1.2.3', methods },
      { contract: 'test.B', version: '0.4.1', methods },
    ]);
    // Mandatory when any use is; the newest version used decides; a filter is a matter of run time.
    deepStrictEqual(requires, [
      { contract: 'test.A', range: '^1.5.0' },
      { contract: 'test.B', range: '^0.4.0' },
    ]);
  });

  it('keep a stated range, and are optional only when every use is', () => {
    @Component()
    class User {
      readonly kind = 'User';
      constructor(@Reference(A, { range: '>=1 <3', cardinality: '0..n' }) _a: unknown) {}
    }
    deepStrictEqual(deriveManifest(defineBundle({ components: [User], requires: [{ contract: A15, optional: true }] })).requires, [
      { contract: 'test.A', range: '>=1 <3', optional: true },
    ]);
  });

  it('tell what else a definition says', () => {
    @Component({ name: 'named' })
    class Some {
      readonly kind = 'some';
    }
    const state = { exportState: () => 1, importState: () => undefined };
    deepStrictEqual(readDefinition(defineBundle({ components: [Some], state })), {
      provides: [],
      requires: [],
      components: ['named'],
      handsOverState: true,
    });
  });

  it('are refused when a definition is none or says two things', () => {
    class Plain {
      readonly kind = 'plain';
    }
    const refused = (value: unknown, code: string, message: RegExp): void => throws(() => readDefinition(value), { code, message });
    refused(undefined, 'BUILD_DEFINITION_MISSING', /found undefined/);
    refused({ components: [] }, 'BUILD_DEFINITION_MISSING', /found an object with components/);
    refused(defineBundle({ provides: [A, A15] }), 'BUILD_DEFINITION_INVALID', /'test.A' is provided in two versions, 1.2.3 and 1.5.0/);
    refused(
      defineBundle({
        requires: [
          { contract: A, range: '^1.0.0' },
          { contract: A, range: '^1.1.0' },
        ],
      }),
      'BUILD_DEFINITION_INVALID',
      /two ranges, '\^1.0.0' and '\^1.1.0'/,
    );
    refused(defineBundle({ requires: [{} as never] }), 'BUILD_DEFINITION_INVALID', /'requires\[0\]' is no contract/);
    refused(defineBundle({ provides: 'x' as never }), 'BUILD_DEFINITION_INVALID', /'provides' must be a list/);
    refused(defineBundle({ components: [Plain] }), 'COMPONENT_INVALID', /'Plain' is listed as a component/);
    const big = contract('test.Big', '1.0.0', { run: method([Type.Number({ maximum: 5n as never })], Type.Null()) });
    refused(defineBundle({ provides: [big] }), 'BUILD_DEFINITION_INVALID', /argument 0 of 'test.Big.run'/);
  });
});
