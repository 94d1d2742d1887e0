/**
 * Bundle `verify.everything`: components with injected services, routes, timers of both kinds, events, jobs, a model, a health check,
 * configuration and state that is handed over. It does nothing to clean up behind itself: that is the kernel's promise.
 */
import { Data, defineBundle, HealthCheck, Job } from '@sluice/sdk';
import { contributed, Door } from './door.js';
import { facts, takeOver, type Facts } from './facts.js';
import { migrations, VisitBook } from './visit-book.js';

const NEVER_MS = 3_600_000;

export default defineBundle<{ greeting: string }>({
  components: [VisitBook, Door],
  provides: [HealthCheck, Job, ...contributed],
  requires: [Data],
  state: {
    exportState: () => ({ ...facts }),
    importState: (state) => takeOver(state as Facts),
  },

  async activate(context) {
    await context.reference(Data).migrate(migrations);
    context.clock.setInterval(() => (facts.contextTicks += 1), 1);
    setInterval(() => (facts.plainTicks += 1), 1);
    // None of these is ever reached or awaited; each would keep the revision alive if its scope did not end it.
    context.clock.setTimeout(() => (facts.contextTicks += 1), NEVER_MS);
    setTimeout(() => (facts.plainTicks += 1), NEVER_MS);
    context.clock.sleep(NEVER_MS).catch(() => undefined);
    context.signal.addEventListener('abort', () => (facts.plainTicks += 1));
    context.onConfigChange(() => void (facts.plainTicks += 1));
    context.register(HealthCheck, { name: 'everything', check: () => ({ status: 'OK' }) });
    context.register(Job, { name: 'everything-often', schedule: { everyMs: 1_000 }, run: () => void (facts.jobs += 1) });
    context.register(Job, { name: 'everything-nightly', schedule: { cron: '0 3 * * *' }, run: () => undefined });
  },
});
