/** The W3C header `traceparent`, read and written without a propagator, so that it works whatever the process has registered. Pure. */
import type { SpanContext } from '@opentelemetry/api';
import type { OpenTelemetryApi } from './library.js';

const FORM = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const ZEROS = /^0+$/;
/** Longest `tracestate` that is passed on; the standard asks for 512. */
const STATE_LENGTH_MAX = 512;

/** The span of the caller, or undefined when the header is not of the form. */
export function parseTraceParent(
  traceparent: string | undefined,
  tracestate: string | undefined,
  { createTraceState }: Pick<OpenTelemetryApi, 'createTraceState'>,
): SpanContext | undefined {
  const match = FORM.exec(traceparent?.trim() ?? '');
  if (match === null) return undefined;
  const [, version, traceId = '', spanId = '', flags = '00', more] = match;
  // Version 00 has nothing behind the flags; ff is forbidden; ids of zeros stand for none.
  if (version === 'ff' || (version === '00' && more !== undefined) || ZEROS.test(traceId) || ZEROS.test(spanId)) return undefined;
  const state =
    tracestate === undefined || tracestate === '' || tracestate.length > STATE_LENGTH_MAX ? undefined : createTraceState(tracestate);
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true, ...(state === undefined ? {} : { traceState: state }) };
}

/** The header for a call made inside a span. */
export function formatTraceParent({ traceId, spanId, traceFlags }: Pick<SpanContext, 'traceId' | 'spanId' | 'traceFlags'>): string {
  return `00-${traceId}-${spanId}-${(traceFlags & 0xff).toString(16).padStart(2, '0')}`;
}
