/** prom-client, loaded when somebody reads the metrics for the first time: it takes 35 ms of a start. */

/** The library. */
export type PromClient = typeof import('prom-client');

// Kept: asking for a module again costs 10 µs and more.
let library: PromClient | undefined;

/** The library. */
export function promClient(): PromClient {
  return (library ??= require('prom-client') as PromClient);
}
