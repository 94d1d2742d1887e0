/** Isolation tiers: bundles that run in a worker thread or a process of their own, with the same SDK as inline. */
import type { GuestLaunchers } from './guest-link.js';

export { createTieredLoader } from './tiered-loader.js';

/** The launchers of a real kernel. Each is loaded with its first guest. */
export const GUEST_LAUNCHERS: GuestLaunchers = {
  worker: (...order) => (require('./worker-link.js') as typeof import('./worker-link.js')).launchWorker(...order),
  process: (...order) => (require('./process-link.js') as typeof import('./process-link.js')).launchProcess(...order),
};
