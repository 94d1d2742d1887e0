/** Stands in for `system.scheduler`: runs jobs when the test says so. Jobs are known by bundle and name, as in the real one. */
import { defineBundle, Job, SluiceError, type JobService } from '@sluice/sdk';
import type { TestBundle } from '../test-bundle.js';

/** The stand-in. */
export interface FakeScheduler {
  readonly bundle: TestBundle;
  /** Jobs registered now, as `<bundle>/<name>`. */
  jobs(): readonly string[];
  /**
   * Runs a job once and waits for its end.
   * @throws SluiceError `JOB_UNKNOWN`; what the job throws.
   */
  run(job: string): Promise<void>;
}

/** Makes one. */
export function fakeScheduler(): FakeScheduler {
  const jobs = new Map<string, JobService>();
  let now: () => number = () => 0;
  const definition = defineBundle({
    requires: [{ contract: Job, optional: true }],
    activate(context) {
      now = () => context.clock.now();
      context.track(Job, {
        added: (job, view) => void jobs.set(`${view.bundle}/${job.name}`, job),
        removed: (job, view) => {
          const name = `${view.bundle}/${job.name}`;
          if (jobs.get(name) === job) jobs.delete(name);
        },
      });
    },
  });
  return {
    bundle: { symbolicName: 'system.scheduler', definition },
    jobs: () => [...jobs.keys()].sort(),
    async run(name) {
      const job = jobs.get(name);
      if (job === undefined) {
        const known = [...jobs.keys()].sort();
        throw new SluiceError('JOB_UNKNOWN', `No job '${name}' is registered`, {
          details: { name, known },
          remedy: `There are: ${known.join(', ')}`,
        });
      }
      await job.run({ scheduledAt: now(), signal: new AbortController().signal });
    },
  };
}
