/** Isolation tiers: bundles that run in a worker thread or a process of their own, with the same SDK as inline. */
import type { GuestLaunchers } from './guest-link.js';
import type { GuardedKernel, InlineGuard } from './inline-guard.js';

export type { GuardedKernel } from './inline-guard.js';
export { createTieredLoader } from './tiered-loader.js';

/** The launchers of a real kernel. Each is loaded with its first guest. */
export const GUEST_LAUNCHERS: GuestLaunchers = {
  worker: (...order) => (require('./worker-link.js') as typeof import('./worker-link.js')).launchWorker(...order),
  process: (...order) => (require('./process-link.js') as typeof import('./process-link.js')).launchProcess(...order),
};

/** Begins to guard this process, and tells what the one before was ended for. @param reportFile where that is left. */
export function guardInline(
  kernel: GuardedKernel,
  reportFile: string,
): { readonly loopBefore: ReturnType<typeof InlineGuard.loopBefore>; close(): Promise<void> } {
  const { InlineGuard: Guard } = require('./inline-guard.js') as typeof import('./inline-guard.js');
  const loopBefore = Guard.loopBefore(reportFile);
  const guard = new Guard(kernel, reportFile);
  return { loopBefore, close: () => guard.close() };
}
