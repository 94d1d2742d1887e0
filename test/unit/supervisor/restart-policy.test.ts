/** When a crashed kernel is started again. */
import assert from 'node:assert/strict';
import { CRASH_WINDOW_MS, CRASHES_MAX, RestartPolicy } from '@sluice/kernel/supervisor/restart-policy';

describe('restart policy', () => {
  it('starts at once, then later and later, and gives up at the fifth crash within the window', () => {
    const policy = new RestartPolicy();
    const delays = Array.from({ length: CRASHES_MAX }, (_, index) => policy.crashed(index * 1_000));
    assert.deepEqual(delays, [0, 250, 1_000, 4_000, null]);
  });

  it('forgets crashes that are over', () => {
    const policy = new RestartPolicy();
    for (let index = 0; index < CRASHES_MAX - 1; index += 1) policy.crashed(index);
    assert.equal(policy.crashed(CRASH_WINDOW_MS + CRASHES_MAX), 0);
  });
});
