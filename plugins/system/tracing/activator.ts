/**
 * Bundle `system.tracing`: connects requests and changes to whichever tracer the process has registered with OpenTelemetry's API. Exports
 * nothing itself, and does nothing while no tracer is registered.
 */
import { ChangeObserver, defineBundle, Tracing } from '@sluice/sdk';
import { traceChange } from './adapters/changes.js';
import { openTelemetryTracing } from './adapters/tracing.js';

export default defineBundle({
  provides: [Tracing, ChangeObserver],

  activate(context) {
    context.register(Tracing, openTelemetryTracing);
    context.register(ChangeObserver, { changed: traceChange });
  },
});
