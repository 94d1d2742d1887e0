/** Bundle `system.metrics`: connects the kernel's figures and the delay of the event loop to `GET /metrics`. */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { defineBundle, Figures, Routes, serveRoutes } from '@sluice/sdk';
import { isAllowed, type AccessRules } from './adapters/access.js';
import { metricsRoute } from './adapters/metrics-route.js';

/** Configuration of this bundle, as its manifest describes it. */
export interface MetricsConfig extends AccessRules {
  readonly loopDelayResolutionMs: number;
}

export default defineBundle<MetricsConfig>({
  provides: [Routes],
  requires: [Figures],

  activate(context) {
    const figures = context.reference(Figures);
    const resolution = context.config.loopDelayResolutionMs;
    const delay = monitorEventLoopDelay({ resolution });
    delay.enable();
    context.own('sampling of the event loop', () => void delay.disable());
    const readDelay = (): { readonly p50Ms: number; readonly p99Ms: number; readonly maxMs: number } => {
      // Nothing was sampled yet: the histogram answers with its own limits.
      const seen = delay.count > 0;
      // What is measured is the time between two samples; on time it is the resolution.
      const inMs = (ns: number): number => (seen ? Math.max(0, ns / 1e6 - resolution) : 0);
      const read = { p50Ms: inMs(delay.percentile(50)), p99Ms: inMs(delay.percentile(99)), maxMs: inMs(delay.max) };
      delay.reset();
      return read;
    };
    const mayRead = (address: string, authorization: string | undefined): boolean => isAllowed(context.config, address, authorization);
    serveRoutes(context, { title: 'Metrics', routes: [metricsRoute(() => figures.read(), readDelay, mayRead)] });
  },
});
