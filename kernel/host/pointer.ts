/** Pointer file. (Being written; the signatures hold.) */
import type { Pointer } from './ports.js';
/** Null when missing, empty or damaged. */
export function readPointer(folder: string): Promise<Pointer | null> {
  throw new Error(`not yet ${folder}`);
}
/** Atomically replaces the pointer. */
export function writePointer(folder: string, pointer: Pointer): Promise<void> {
  throw new Error(`not yet ${folder} ${pointer}`);
}
