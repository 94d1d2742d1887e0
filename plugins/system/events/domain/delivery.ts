/**
 * Gives one event to one handler: counted as an entry, within the handler's time limit, and named when it fails or is slow.
 * Always holds: the entry ends exactly once and in bounded time; a delivery never rejects.
 */
import {
  codeOf,
  messageOf,
  type Clock,
  type EntriesService,
  type EventHandlerService,
  type EventMessage,
  type Logger,
  type ServiceView,
} from '@sluice/sdk';

/** What became of a delivery. `gone`: the handler was withdrawn before its turn. */
export type Outcome =
  | { readonly kind: 'handled' }
  | { readonly kind: 'failed'; readonly code: string; readonly reason: string }
  | { readonly kind: 'gone' }
  | { readonly kind: 'full' };

/** A handler as it is at this moment. */
export interface CurrentHandler {
  readonly handler: EventHandlerService;
  readonly view: ServiceView;
}

/** What deliveries need from their surroundings. */
export interface DeliverySurroundings {
  readonly clock: Pick<Clock, 'setTimeout' | 'monotonic'>;
  readonly log: Pick<Logger, 'warn'>;
  readonly entries: Pick<EntriesService, 'begin'>;
}

/** Delivers one event. */
export async function deliver(
  around: DeliverySurroundings,
  to: CurrentHandler,
  event: EventMessage,
  defaultTimeoutMs: number,
): Promise<Outcome> {
  const { clock, entries } = around;
  const { handler, view } = to;
  const timeoutMs = handler.timeoutMs ?? defaultTimeoutMs;
  const entry = entries.begin('event', view.bundle, view.bundleVersion, timeoutMs);
  const startedAt = clock.monotonic();
  let late: (outcome: Outcome) => void = () => undefined;
  const timer = clock.setTimeout(() => late(timedOut(timeoutMs)), timeoutMs);
  const limit = new Promise<Outcome>((resolve) => (late = resolve));
  const outcome = await Promise.race([settled(() => entry.run(() => handler.handle(event))), limit]);
  timer.cancel();
  const durationMs = clock.monotonic() - startedAt;
  entry.end({ failed: outcome.kind !== 'handled', durationMs });
  if (outcome.kind === 'failed') report(around, to, event, outcome, durationMs);
  return outcome;
}

async function settled(handle: () => void | Promise<void>): Promise<Outcome> {
  try {
    await handle();
    return { kind: 'handled' };
  } catch (error) {
    return { kind: 'failed', code: codeOf(error), reason: messageOf(error) };
  }
}

function timedOut(timeoutMs: number): Outcome {
  return { kind: 'failed', code: 'EVENT_HANDLER_TIMED_OUT', reason: `did not end within ${timeoutMs} ms and is not waited for` };
}

function report(
  around: DeliverySurroundings,
  to: CurrentHandler,
  event: EventMessage,
  outcome: { code: string; reason: string },
  durationMs: number,
): void {
  const { handler, view } = to;
  around.log.warn(`Handler '${handler.name}' of '${view.bundle}' ${view.bundleVersion} failed on '${event.topic}': ${outcome.reason}`, {
    code: outcome.code,
    bundle: view.bundle,
    handler: handler.name,
    topic: event.topic,
    eventId: event.id,
    durationMs,
  });
}
