/** The words of the kernel: versions, ranges, filters, manifests, states. Pure; everything else in the kernel builds on it. */
export * from './contract-range.js';
export * from './filter.js';
export * from './manifest.js';
export * from './mistake.js';
export * from './range.js';
export * from './state.js';
export * from './version.js';
