/** (installed, wanted) -> wiring or a typed report. Pure: no clock, no disk, no code of bundles. */
export { kernelCapabilities, SDK_PACKAGE } from './derive.js';
export * from './reach.js';
export { renderProblem } from './render.js';
export { resolve, RESOLVER_STEPS_MAX } from './resolve.js';
export * from './types.js';
export * from './wiring.js';
