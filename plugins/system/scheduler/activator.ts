/**
 * Bundle `system.scheduler`: connects the table of jobs to the services that bundles register, to the clock and to its state file.
 * A job that cannot be scheduled refuses the deploy that brings it.
 */
import { defineBundle, Entries, Framework, Job, type BundleContext, type JobService, type ServiceView } from '@sluice/sdk';
import { CronerCalendar } from './adapters/croner-calendar.js';
import { StateFile } from './adapters/state-file.js';
import { duplicateJob, JobTable, type TableSettings } from './domain/job-table.js';
import { LastRuns } from './domain/last-runs.js';
import { checkJob, type CronCalendar } from './domain/schedule.js';

/** Configuration of this bundle, as its manifest describes it. */
export type SchedulerConfig = TableSettings;

const tables = new WeakMap<BundleContext<SchedulerConfig>, JobTable>();

export default defineBundle<SchedulerConfig>({
  requires: [Framework, Entries, { contract: Job, optional: true }],

  async activate(context) {
    const { clock, log, bundle } = context;
    const framework = context.reference(Framework);
    const calendar = new CronerCalendar();
    const file = new StateFile(framework.dataFolder('scheduler'), 'state.json');
    const installed = new Set(framework.bundles().map((one) => one.symbolicName));
    const lastRuns = await LastRuns.load(file, log, (id) => installed.has(id.slice(0, id.indexOf('/'))));
    const table = new JobTable(
      {
        clock,
        log,
        entries: context.reference(Entries),
        calendar,
        lastRuns,
        // Before its switch and after the next one, a revision is not what the framework lists under its name.
        owns: () => framework.bundles().some((one) => one.symbolicName === bundle.symbolicName && one.digest === bundle.digest),
      },
      context.config,
    );
    tables.set(context, table);
    context.onConfigChange((config) => {
      calendar.nextAfter('0 0 * * *', config.timeZone, 0);
      table.configure(config);
    });
    context.publish(Job, {
      prepare: (services) => checkJobs(services, calendar, context.config.timeZone),
      publish: () => undefined,
    });
    context.track(Job, { added: (job, view) => table.add(job, view), removed: (job, view) => table.remove(job, view) });
  },

  // Not in an undo: waiting for running jobs needs timers, which a closing scope no longer gives.
  async deactivate(context) {
    await tables.get(context)?.stop();
  },
});

function checkJobs(
  services: readonly { readonly service: JobService; readonly view: ServiceView }[],
  calendar: CronCalendar,
  timeZone: string,
): void {
  const names = new Set<string>();
  for (const { service, view } of services) {
    checkJob(view.bundle, service, calendar, timeZone);
    const name = `${view.bundle}@${view.bundleVersion}/${service.name}`;
    if (names.has(name)) throw duplicateJob(view.bundle, service.name);
    names.add(name);
  }
}
