/** Content-addressed store. (Being written; the signatures hold.) */
import type { BlobStore } from './ports.js';
/** Opens (and makes) a store in a folder. */
export function openStore(folder: string): Promise<BlobStore> {
  throw new Error(`not yet ${folder}`);
}
/** In-memory twin. */
export declare class MemoryStore implements BlobStore {
  put(bytes: Uint8Array): Promise<string>;
  get(digest: string): Promise<Buffer>;
  has(digest: string): Promise<boolean>;
  list(): Promise<readonly string[]>;
  remove(digest: string): Promise<void>;
  sweepStaging(): Promise<number>;
  orphans(inUse: Iterable<string>): Promise<readonly string[]>;
}
