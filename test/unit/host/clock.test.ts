/** Promises of the system clock. */
import { deepStrictEqual as equal, ok, rejects } from 'node:assert';
import { SystemClock } from '@sluice/kernel/host/clock';

const clock = new SystemClock();
const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;

describe('system clock', () => {
  it('tells both times', () => {
    ok(Math.abs(clock.now() - Date.now()) < 1_000);
    const before = clock.monotonic();
    ok(clock.monotonic() >= before);
  });

  it('runs timers in the order in which they are due', async () => {
    const order: string[] = [];
    await new Promise<void>((resolve) => {
      clock.setTimeout(() => resolve(), 15);
      clock.setTimeout(() => order.push('timeout'), 5);
      clock.setImmediate(() => order.push('immediate'));
      const interval = clock.setInterval(() => {
        order.push('interval');
        interval.cancel();
      }, 1);
    });
    equal(order.sort(), ['immediate', 'interval', 'timeout']);
  });

  it('forgets a timer that was cancelled, also one further away than Node can count', () => {
    const before = timers();
    const all = [clock.setTimeout(() => {}, 60_000), clock.setInterval(() => {}, 60_000), clock.setTimeout(() => {}, 2 ** 40)];
    equal(timers(), before + 3);
    for (const timer of all) timer.cancel();
    equal(timers(), before);
    clock.setImmediate(() => ok(false, 'a cancelled immediate ran')).cancel();
  });

  it('does not fire a far timer at once', async () => {
    let fired = false;
    const far = clock.setTimeout(() => (fired = true), 2 ** 31 + 5);
    await clock.sleep(3);
    far.cancel();
    equal(fired, false);
  });

  it('lets go of the process when told to', () => {
    const before = timers();
    const timer = clock.setTimeout(() => {}, 60_000);
    timer.unref?.();
    equal(timers(), before);
    timer.ref?.();
    equal(timers(), before + 1);
    timer.cancel();
  });

  it('ends a sleep when its signal is aborted, and leaves no timer behind', async () => {
    // From the first await on, mocha's own time limit is among the timers.
    await Promise.resolve();
    const before = timers();
    const controller = new AbortController();
    const sleep = clock.sleep(60_000, controller.signal);
    controller.abort(new Error('enough'));
    await rejects(sleep, /enough/);
    await rejects(clock.sleep(1, controller.signal), /enough/);
    equal(timers(), before);
    await clock.sleep(1, new AbortController().signal);
  });
});
