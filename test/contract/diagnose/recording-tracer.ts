/** A tracer of OpenTelemetry's API that keeps what it is told, with a context manager; stands for the SDK of an operator. */
import { AsyncLocalStorage } from 'node:async_hooks';
import {
  context,
  ROOT_CONTEXT,
  trace,
  type Context,
  type ContextManager,
  type Span,
  type SpanContext,
  type SpanOptions,
  type Tracer,
  type TracerProvider,
} from '@opentelemetry/api';

/** One ended span. */
export interface RecordedSpan {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  /** Span id of the parent; undefined for the first of a trace. */
  readonly parent: string | undefined;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly error: string | undefined;
  readonly startedAt: unknown;
  readonly endedAt: unknown;
}

/** Registers it for the whole process. */
export function registerRecordingTracer(ended: (span: RecordedSpan) => void): { unregister(): void } {
  let next = 1;
  const id = (digits: number): string => (next++).toString(16).padStart(digits, '0');
  const startSpan = (name: string, { attributes = {}, startTime, root }: SpanOptions = {}, within: Context = context.active()): Span => {
    const parent = root === true ? undefined : trace.getSpanContext(within);
    const own: SpanContext = { traceId: parent?.traceId ?? id(32), spanId: id(16), traceFlags: 1 };
    const known: Record<string, unknown> = { ...attributes };
    let error: string | undefined;
    const span: Span = {
      spanContext: () => own,
      setAttribute: (key, value) => ((known[key] = value), span),
      setAttributes: (more) => (Object.assign(known, more), span),
      setStatus: ({ message }) => ((error = message ?? ''), span),
      addEvent: () => span,
      addLink: () => span,
      addLinks: () => span,
      updateName: () => span,
      isRecording: () => true,
      recordException: () => undefined,
      end: (endedAt) =>
        ended({
          name,
          traceId: own.traceId,
          spanId: own.spanId,
          parent: parent?.spanId,
          attributes: known,
          error,
          startedAt: startTime,
          endedAt,
        }),
    };
    return span;
  };
  const provider: TracerProvider = { getTracer: () => ({ startSpan }) as unknown as Tracer };
  const store = new AsyncLocalStorage<Context>();
  const manager: ContextManager = {
    active: () => store.getStore() ?? ROOT_CONTEXT,
    with: (inside, code, self, ...values) => store.run(inside, () => code.apply(self as never, values)),
    bind: (_inside, target) => target,
    enable: () => manager,
    disable: () => manager,
  };
  trace.setGlobalTracerProvider(provider);
  context.setGlobalContextManager(manager);
  return {
    unregister: () => {
      trace.disable();
      context.disable();
    },
  };
}
