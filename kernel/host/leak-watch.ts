/** Leak watch. (Being written; the signatures hold.) */
import type { LeakWatch } from './ports.js';
/** Makes a leak watch. */
export function createLeakWatch(): LeakWatch {
  throw new Error('not yet');
}
