/** What observers are told about a change after its end. */
import type { ObservedChange } from '@sluice/sdk';
import type { ChangeOptions, ChangeOutcome } from './runtime.js';

/** The change as observers see it. */
export function observed(
  { kind, options }: { readonly kind: string; readonly options: Pick<ChangeOptions, 'actor'> },
  outcome: Omit<ChangeOutcome, 'onTrial'>,
  time: Pick<ObservedChange, 'startedAt' | 'durationMs'>,
): ObservedChange {
  const { deployId, generation, timings, plan, error } = outcome;
  return {
    deployId,
    kind,
    actor: options.actor,
    outcome: outcome.outcome === 'planned' ? 'committed' : outcome.outcome,
    generation,
    ...time,
    phases: timings,
    bundles: plan.changes.map(({ symbolicName }) => symbolicName),
    ...(error === undefined ? {} : { error: { code: error.code, message: error.message } }),
  };
}
