/**
 * Spans of requests and of work that a bundle names. Contexts and spans are objects of the API and of the registered tracer, not of this
 * bundle: a connection that keeps the context it was opened in keeps no revision.
 */
import type { Context, Span } from '@opentelemetry/api';
import { codeOf, messageOf, type RequestSpan, type TracedRequest, type TracingService } from '@sluice/sdk';
import { registeredApi, type OpenTelemetryApi } from './library.js';
import { formatTraceParent, parseTraceParent } from './trace-parent.js';

const TRACER = 'sluice';
const MESSAGE_LENGTH_MAX = 200;

/** The service over OpenTelemetry's API. */
export const openTelemetryTracing: TracingService = {
  isActive: () => registeredApi() !== null,

  request(request) {
    const api = registeredApi();
    if (api === null) return null;
    try {
      return beginRequest(api, request);
    } catch {
      // No request fails because of whoever watches it.
      return null;
    }
  },

  span(name, attributes, work) {
    const api = registeredApi();
    if (api === null) return work();
    const { context, trace, SpanStatusCode } = api;
    const span = trace.getTracer(TRACER).startSpan(name, { attributes }, context.active());
    const failed = (error: unknown): void => {
      const code = codeOf(error);
      // Messages of our errors may quote what a customer sent; the code does not.
      span.setStatus({ code: SpanStatusCode.ERROR, message: code === 'UNEXPECTED' ? messageOf(error).slice(0, MESSAGE_LENGTH_MAX) : code });
      span.end();
    };
    try {
      const result = context.with(trace.setSpan(context.active(), span), work);
      if (result instanceof Promise) void result.then(() => span.end(), failed);
      else span.end();
      return result;
    } catch (error) {
      failed(error);
      throw error;
    }
  },

  traceparent() {
    const api = registeredApi();
    const current = api?.trace.getSpanContext(api.context.active());
    return current === undefined ? undefined : formatTraceParent(current);
  },
};

function beginRequest(api: OpenTelemetryApi, request: TracedRequest): RequestSpan {
  const { ROOT_CONTEXT, SpanKind, trace } = api;
  const caller = parseTraceParent(request.traceparent, request.tracestate, api);
  const parent = caller === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, caller);
  const { method, path, route, bundle, version, requestId } = request;
  const attributes = {
    'http.request.method': method,
    'url.path': path,
    ...(route === undefined ? {} : { 'http.route': route }),
    'sluice.bundle': bundle,
    'sluice.bundle.version': version,
    'sluice.request.id': requestId,
  };
  const name = route === undefined ? method : `${method} ${route}`;
  const span = trace.getTracer(TRACER).startSpan(name, { kind: SpanKind.SERVER, attributes }, parent);
  return new ServerSpan(api, span, trace.setSpan(parent, span));
}

class ServerSpan implements RequestSpan {
  constructor(
    private readonly api: OpenTelemetryApi,
    private readonly span: Span,
    private readonly inside: Context,
  ) {}

  run<T>(code: () => T): T {
    return this.api.context.with(this.inside, code);
  }

  end({ status, failed }: { readonly status: number; readonly failed: boolean }): void {
    this.span.setAttribute('http.response.status_code', status);
    if (failed) this.span.setStatus({ code: this.api.SpanStatusCode.ERROR });
    this.span.end();
  }
}
