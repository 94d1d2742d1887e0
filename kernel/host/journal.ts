/** Journal. (Being written; the signatures hold.) */
import type { Journal } from './ports.js';
/** Options of a journal. */
export interface JournalOptions {
  /** Size at which the file is rewritten as one snapshot. Default 1 MB. */
  readonly compactAtBytes?: number;
}
/** Opens (and makes) the journal of a data folder: `<folder>/journal.log`. */
export function openJournal(folder: string, options?: JournalOptions): Promise<Journal> {
  throw new Error(`not yet ${folder} ${options}`);
}
/** In-memory twin: `new MemoryJournal()`. */
export declare class MemoryJournal {}
export interface MemoryJournal extends Journal {}
