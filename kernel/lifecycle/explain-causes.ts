/** What every part of `why` works with: where it looks, and how causes are put below each other. */
import type { HealthReportEntry } from '@sluice/sdk';
import type { KernelState } from './kernel-state.js';
import type { Cause, ConfigValue, RouteSummary } from './runtime.js';

/** Where `why` looks besides the state of the life cycle. */
export interface ExplainPorts {
  readonly state: KernelState;
  /** Served routes; empty when no http bundle runs. */
  readonly routes: () => readonly RouteSummary[];
  /** Results of the health checks of a bundle; empty when nothing runs checks. Takes as long as the checks do, at most their time limits. */
  readonly health: (bundle: string) => Promise<readonly HealthReportEntry[]>;
  /** Configuration with origins, secrets masked. */
  readonly config: (bundle: string) => Promise<readonly ConfigValue[]>;
}

/** The causes, one step further from what was asked. */
export function below(causes: readonly Cause[], steps = 1): readonly Cause[] {
  return causes.map((cause) => ({ ...cause, depth: cause.depth + steps }));
}
