/** Isolation tiers: bundles that run in a worker thread or a process of their own, with the same SDK as inline. */
import type { GuestLaunchers } from './guest-link.js';
import { launchProcess } from './process-link.js';
import { launchWorker } from './worker-link.js';

export { createTieredLoader } from './tiered-loader.js';

/** The launchers of a real kernel. */
export const GUEST_LAUNCHERS: GuestLaunchers = { worker: launchWorker, process: launchProcess };
