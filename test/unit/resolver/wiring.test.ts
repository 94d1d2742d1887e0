/** Questions about a wiring: who is reached, what is needed, how it looks. */
import assert from 'node:assert/strict';
import { affectedBy, consumersOf, describeWiring, neededBy } from '@sluice/kernel/resolver/index';
import { bundle, resolved } from './bundles.js';

describe('resolver: wiring', () => {
  const { wiring } = resolved([
    bundle('core@1.0.0', { provides: ['x.Core@1.0.0'], requires: ['sluice.kernel.Entries@^1.0.0'] }),
    bundle('left@1.0.0', { provides: ['x.Left@1.0.0'], requires: ['x.Core@^1.0.0'] }),
    bundle('right@1.0.0', { provides: ['x.Right@1.0.0'], requires: ['?x.Core@^1.0.0'] }),
    bundle('top@1.0.0', { provides: ['x.Top@1.0.0'], requires: ['x.Left@^1.0.0', 'x.Right@^1.0.0'] }),
    bundle('alone@1.0.0'),
  ]);

  it('tells who is reached by a change, directly and through others', () => {
    assert.deepEqual(affectedBy(wiring, ['core@1.0.0#1']), { direct: ['left@1.0.0#1', 'right@1.0.0#1'], transitive: ['top@1.0.0#1'] });
    assert.deepEqual(affectedBy(wiring, ['core@1.0.0#1', 'left@1.0.0#1']), { direct: ['right@1.0.0#1', 'top@1.0.0#1'], transitive: [] });
    assert.deepEqual(affectedBy(wiring, ['top@1.0.0#1', 'alone@1.0.0#1', 'unknown@1.0.0#1']), { direct: [], transitive: [] });
    assert.deepEqual(consumersOf(wiring, ['kernel']), ['core@1.0.0#1']);
  });

  it('tells what must be resolved to start a bundle', () => {
    assert.deepEqual(neededBy(wiring, ['top@1.0.0#1']), ['core@1.0.0#1', 'left@1.0.0#1', 'right@1.0.0#1', 'top@1.0.0#1']);
    assert.deepEqual(neededBy(wiring, ['alone@1.0.0#1']), ['alone@1.0.0#1']);
  });

  it('shows wires as plain rows', () => {
    assert.deepEqual(describeWiring(wiring).slice(0, 3), [
      {
        consumer: 'core@1.0.0#1',
        provider: 'kernel',
        namespace: 'sluice.contract',
        name: 'sluice.kernel.Entries',
        version: '1.0.0',
        optional: false,
      },
      {
        consumer: 'left@1.0.0#1',
        provider: 'core@1.0.0#1',
        namespace: 'sluice.contract',
        name: 'x.Core',
        version: '1.0.0',
        optional: false,
      },
      {
        consumer: 'right@1.0.0#1',
        provider: 'core@1.0.0#1',
        namespace: 'sluice.contract',
        name: 'x.Core',
        version: '1.0.0',
        optional: true,
      },
    ]);
  });
});
