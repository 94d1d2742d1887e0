/** When a guest is taken for stuck, and how often it may fail; in virtual time. */
import { strict as assert } from 'node:assert';
import { Heartbeat } from '@sluice/kernel/isolation/heartbeat';
import { FAILURES_MAX, RestartBudget, WINDOW_MS } from '@sluice/kernel/isolation/restart-budget';
import { VirtualClock } from '@sluice/kernel/testing';

describe('heartbeat', () => {
  it('waits for the first beat as long as it takes, then names a guest that is silent', async () => {
    const clock = new VirtualClock();
    const stuck: number[] = [];
    const heartbeat = new Heartbeat(clock, (silentMs) => stuck.push(silentMs));
    await clock.advance(5_000);
    heartbeat.beat();
    for (let beat = 0; beat < 20; beat += 1) {
      await clock.advance(200);
      heartbeat.beat();
    }
    assert.deepEqual(stuck, []);
    await clock.advance(1_000);
    assert.deepEqual([stuck, clock.pending], [[900], 0], 'told once, within a second, and no timer left');
  });

  it('is over when stopped', async () => {
    const clock = new VirtualClock();
    const heartbeat = new Heartbeat(clock, () => assert.fail('nobody is stuck'));
    heartbeat.beat();
    heartbeat.stop();
    await clock.advance(10_000);
    assert.equal(clock.pending, 0);
  });
});

describe('restart budget', () => {
  it('starts again at once, then waits longer, then gives up', () => {
    const budget = new RestartBudget();
    assert.deepEqual(
      Array.from({ length: FAILURES_MAX }, (_, at) => budget.failed(at * 1_000)),
      [0, 100, 400, 1_600, null],
    );
  });

  it('forgets failures after a minute', () => {
    const budget = new RestartBudget();
    for (let at = 0; at < 100; at += 1) assert.notEqual(budget.failed(at * (WINDOW_MS / 4 + 1)), null);
  });
});
