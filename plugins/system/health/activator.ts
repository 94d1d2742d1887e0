/** Bundle `system.health`: connects the checks that bundles register to the health service and to its routes. */
import { defineBundle, Framework, Health, HealthCheck, Routes, serveRoutes } from '@sluice/sdk';
import { healthRoutes } from './adapters/health-routes.js';
import { HealthChecks } from './domain/health-checks.js';

/** Configuration of this bundle, as its manifest describes it. */
export interface HealthConfig {
  readonly timeoutMs: number;
  readonly showDetails: boolean;
}

export default defineBundle<HealthConfig>({
  provides: [Health, Routes],
  requires: [Framework, { contract: HealthCheck, optional: true }],

  activate(context) {
    const checks = new HealthChecks(context.clock, context.config.timeoutMs);
    context.track(HealthCheck, { added: (check, view) => checks.add(check, view), removed: (_check, view) => checks.remove(view) });
    context.onConfigChange((config) => checks.setTimeoutMs(config.timeoutMs));
    context.register(Health, checks);
    const framework = context.reference(Framework);
    // A kernel that tells no phase has no start and stop to tell apart.
    const isServing = (): boolean => (framework.phase?.() ?? 'running') === 'running';
    serveRoutes(context, { title: 'Health', routes: healthRoutes(checks, () => context.config.showDetails, isServing) });
  },
});
