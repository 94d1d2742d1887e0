/** What a bundle contributes to system bundles: routes (typed and of an @koa/router), an event handler, a job, a health check. */
import {
  defineBundle,
  EventHandler,
  handleEvents,
  HealthCheck,
  Job,
  Routes,
  serveRoutes,
  SluiceError,
  topic,
  Type,
  type EventMessage,
} from '@sluice/sdk';
import { router } from './router.js';
import { streams } from './streams.js';
import { typedRoutes } from './typed-routes.js';

const Happened = topic('sample/happened', Type.Object({ what: Type.String() }));

export default defineBundle({
  provides: [Routes, EventHandler, Job, HealthCheck],

  activate(context) {
    const seen: string[] = [];
    serveRoutes(context, { title: 'Sample', routes: typedRoutes(streams, seen), router: router() });
    handleEvents(context, Happened, {
      name: 'sample',
      handle: ({ payload, key }: EventMessage<{ what: string }>) => {
        if (payload.what === 'bad') throw new SluiceError('SAMPLE_EVENT', 'refused as asked');
        seen.push(`${key}: ${payload.what}`);
      },
    });
    context.register(Job, {
      name: 'nightly',
      schedule: { cron: '0 3 * * *' },
      run: ({ scheduledAt, signal }) =>
        new Promise((resolve) => {
          seen.push(`job of ${scheduledAt}`);
          signal.addEventListener('abort', () => {
            seen.push('job aborted');
            resolve();
          });
        }),
    });
    context.register(HealthCheck, { name: 'sample', check: () => ({ status: 'OK', message: `${seen.length} seen` }) });
  },
});
