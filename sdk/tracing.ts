/**
 * Traces, for whoever has registered a tracer with OpenTelemetry's API. With none registered every call here returns at once, and nothing is
 * made.
 */
import { localContract } from './contract.js';

/** What the http bundle tells about a request when it begins. */
export interface TracedRequest {
  readonly method: string;
  /** Path as it came, without the query. */
  readonly path: string;
  /** Path of the route with its parameters as `:name`, where that is known. */
  readonly route: string | undefined;
  readonly bundle: string;
  readonly version: string;
  readonly requestId: string;
  /** `traceparent` of the request; what does not have the form of one begins a new trace. */
  readonly traceparent: string | undefined;
  readonly tracestate: string | undefined;
}

/** A span under way. */
export interface RequestSpan {
  /** Runs code inside the span: what it begins becomes a child. */
  run<T>(code: () => T): T;
  /** Called once, when the answer is over. */
  end(outcome: { readonly status: number; readonly failed: boolean }): void;
}

/** Makes spans. */
export interface TracingService {
  /** False while nobody has registered a tracer: then there is no need to gather what a span would carry. */
  isActive(): boolean;
  /** Begins the span of a request; null when nobody listens. */
  request(request: TracedRequest): RequestSpan | null;
  /** Runs work inside a span of its own, a child of the one it is called in. The span fails with the work. */
  span<T>(name: string, attributes: Readonly<Record<string, string | number | boolean>>, work: () => T): T;
  /** Value of the W3C header `traceparent` for a call to another system; undefined outside of any span. */
  traceparent(): string | undefined;
}

/** Contract of the tracing service. */
export const Tracing = localContract<TracingService>('sluice.trace.Tracing', '1.0.0', ['isActive', 'request', 'span', 'traceparent']);
