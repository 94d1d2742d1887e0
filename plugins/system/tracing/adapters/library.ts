/** OpenTelemetry's API, loaded when somebody has registered a tracer with it: it takes 15 ms, and most systems have none. */

/** The library. */
export type OpenTelemetryApi = typeof import('@opentelemetry/api');

/** Where every copy of the API, of whatever 1.x, keeps what was registered. */
const REGISTERED = Symbol.for('opentelemetry.js.api.1');

// Kept: asking for a module again costs 10 µs and more.
let library: OpenTelemetryApi | undefined;

/** The library, or null while nobody has registered a tracer provider: then no span must be begun. */
export function registeredApi(): OpenTelemetryApi | null {
  const registered = (globalThis as Record<symbol, { readonly trace?: unknown } | undefined>)[REGISTERED];
  if (registered?.trace === undefined) return null;
  return (library ??= require('@opentelemetry/api') as OpenTelemetryApi);
}
