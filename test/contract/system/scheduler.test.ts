/** The scheduler in the real kernel, in virtual time: jobs of swapped bundles, a swapped scheduler, refusals, real state file. */
import { deepStrictEqual as equal, rejects } from 'node:assert';
import { readFile } from 'node:fs/promises';
import { codeOf, defineBundle, Job, type JobService } from '@sluice/sdk';
import { settle, TestRuntime, type TestBundle } from '@sluice/kernel/testing';
import schedulerBundle from '../../../plugins/system/scheduler/activator.js';
import { dataPath, systemBundle } from './system-bundle.js';

const MINUTE = 60_000;

/** A bundle with one job that notes its version and minute. */
function worker(version: string, runs: string[], schedule: JobService['schedule'], run?: JobService['run']): TestBundle {
  const definition = defineBundle({
    provides: [Job],
    activate(context) {
      const startedAt = Date.UTC(2026, 0, 1);
      context.register(Job, {
        name: 'work',
        schedule,
        run: (about) => {
          runs.push(`${version}@${(context.clock.now() - startedAt) / MINUTE}`);
          return run?.(about);
        },
      });
    },
  });
  return { symbolicName: 'core.worker', version, definition };
}

describe('system.scheduler in the kernel', () => {
  let runtime: TestRuntime;
  afterEach(() => runtime.stop());

  /** Waits until the state file says when the job was last due: files take real time. */
  async function untilKept(minute: number): Promise<void> {
    const expected = JSON.stringify({ lastRuns: { 'core.worker/work': Date.UTC(2026, 0, 1, 0, minute) } }, null, 2);
    for (;;) {
      const text = await readFile(dataPath(runtime, 'scheduler', 'state.json'), 'utf8').catch(() => '');
      if (text.trim() === expected) return;
    }
  }

  async function advance(minutes: number): Promise<void> {
    // Minute by minute, so that real files get their turn as they do in real time.
    for (let minute = 0; minute < minutes; minute++) await runtime.virtual.advance(MINUTE);
  }

  it("runs each due time once while the job's bundle and the scheduler itself are swapped", async () => {
    runtime = await TestRuntime.boot();
    const runs: string[] = [];
    await runtime.deploy(systemBundle('scheduler', schedulerBundle), worker('1.0.0', runs, { cron: '*/10 * * * *' }));
    await advance(11);
    await runtime.deploy(worker('1.1.0', runs, { cron: '*/10 * * * *' }));
    await advance(10);
    await untilKept(20);
    await runtime.deploy(systemBundle('scheduler', schedulerBundle, {}, '1.1.0'));
    await advance(10);
    await runtime.deploy(systemBundle('scheduler', schedulerBundle, {}, '1.2.0'), worker('1.2.0', runs, { cron: '*/10 * * * *' }));
    await advance(10);
    equal(runs, ['1.0.0@10', '1.1.0@20', '1.1.0@30', '1.2.0@40']);
    await untilKept(40);
  });

  it('runs each due time once while two revisions live on probation, and after the way back', async () => {
    runtime = await TestRuntime.boot({ watchMs: 15 * MINUTE });
    const runs: string[] = [];
    await runtime.deploy(systemBundle('scheduler', schedulerBundle), worker('1.0.0', runs, { everyMs: 10 * MINUTE }));
    await advance(12);
    await untilKept(10);
    await runtime.deploy(systemBundle('scheduler', schedulerBundle, {}, '1.1.0'));
    await advance(10);
    equal(runs, ['1.0.0@10', '1.0.0@20']);
    await runtime.kernel.rollback('system.scheduler', { actor: 'test' });
    await advance(20);
    equal(runs, ['1.0.0@10', '1.0.0@20', '1.0.0@30', '1.0.0@40']);
  });

  it('lets a run of the old revision end before the new one is released, and counts it as an entry', async () => {
    runtime = await TestRuntime.boot();
    const runs: string[] = [];
    let end: () => void = () => undefined;
    await runtime.deploy(
      systemBundle('scheduler', schedulerBundle),
      worker('1.0.0', runs, { everyMs: MINUTE }, () => new Promise((resolve) => (end = resolve))),
    );
    await advance(1);
    equal(runtime.kernel.status().entries, 1);
    let swapped = false;
    const swapping = runtime.deploy(worker('1.1.0', runs, { everyMs: MINUTE })).then(() => (swapped = true));
    await settle();
    equal(swapped, false);
    end();
    await swapping;
    await advance(1);
    equal([runs, runtime.kernel.status().entries], [['1.0.0@1', '1.1.0@2'], 0]);
  });

  it('refuses a bundle whose job cannot be scheduled', async () => {
    runtime = await TestRuntime.boot();
    await runtime.deploy(systemBundle('scheduler', schedulerBundle));
    await rejects(runtime.deploy(worker('1.0.0', [], { cron: 'every day' })), (error) => codeOf(error) === 'JOB_INVALID');
    equal(
      runtime.kernel.bundles().map((bundle) => bundle.symbolicName),
      ['system.scheduler'],
    );
  });

  it('tells running jobs to end when the whole system stops', async () => {
    runtime = await TestRuntime.boot();
    const reasons: string[] = [];
    const untilAborted: JobService['run'] = ({ signal }) =>
      new Promise((resolve) => signal.addEventListener('abort', () => (reasons.push(codeOf(signal.reason)), resolve())));
    await runtime.deploy(systemBundle('scheduler', schedulerBundle), worker('1.0.0', [], { everyMs: MINUTE }, untilAborted));
    await advance(1);
    await runtime.kernel.stop('core.worker', { actor: 'test', drainMs: 0 });
    equal(reasons, ['JOB_WITHDRAWN']);
  });
});
