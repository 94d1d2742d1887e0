/** States of a bundle: the moves that OSGi allows, and no others. */
import assert from 'node:assert/strict';
import { BUNDLE_STATES, canTransition, nextStates } from '@sluice/kernel/model/index';

describe('model: bundle states', () => {
  it('allows exactly these moves', () => {
    const moves = BUNDLE_STATES.flatMap((from) => BUNDLE_STATES.filter((to) => canTransition(from, to)).map((to) => `${from} -> ${to}`));
    assert.deepEqual(moves, [
      'INSTALLED -> RESOLVED',
      'INSTALLED -> UNINSTALLED',
      'RESOLVED -> INSTALLED',
      'RESOLVED -> STARTING',
      'RESOLVED -> UNINSTALLED',
      'STARTING -> RESOLVED',
      'STARTING -> ACTIVE',
      'STARTING -> STOPPING',
      'ACTIVE -> STOPPING',
      'STOPPING -> RESOLVED',
    ]);
  });

  it('ends with UNINSTALLED', () => assert.deepEqual(nextStates('UNINSTALLED'), []));
});
