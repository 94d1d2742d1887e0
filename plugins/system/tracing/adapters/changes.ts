/** A trace of each change of bundles: one span for the whole, one for each phase, laid end to end as the phases were. */
import type { ObservedChange } from '@sluice/sdk';
import { registeredApi } from './library.js';

/** Tells the tracer, if there is one, of a change that is over. */
export function traceChange({
  kind,
  deployId,
  actor,
  outcome,
  generation,
  startedAt,
  durationMs,
  phases,
  bundles,
  error,
}: ObservedChange): void {
  const api = registeredApi();
  if (api === null) return;
  const { ROOT_CONTEXT, SpanStatusCode, trace } = api;
  const tracer = trace.getTracer('sluice');
  const attributes = {
    'sluice.change.id': deployId,
    'sluice.change.actor': actor,
    'sluice.change.outcome': outcome,
    'sluice.generation': generation,
    'sluice.bundles': [...bundles],
  };
  const whole = tracer.startSpan(`sluice ${kind}`, { root: true, startTime: startedAt, attributes }, ROOT_CONTEXT);
  const inside = trace.setSpan(ROOT_CONTEXT, whole);
  let at = startedAt;
  for (const [phase, tookMs] of Object.entries(phases)) {
    tracer.startSpan(`${kind} ${phase}`, { startTime: at }, inside).end(at + tookMs);
    at += tookMs;
  }
  if (outcome !== 'committed') whole.setStatus({ code: SpanStatusCode.ERROR, message: error?.code ?? outcome });
  whole.end(startedAt + durationMs);
}
