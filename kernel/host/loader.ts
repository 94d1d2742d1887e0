/** Class-space loader. (Being written; the signatures hold.) */
import type { Loader } from './ports.js';
/** Where V8 code caches are kept. `CodeCacheFolder` and `MemoryCodeCache` implement it. */
export interface CodeCache {
  read(digest: string, entry: string): Buffer | undefined;
  write(digest: string, entry: string, data: Buffer): Promise<void>;
}
/** Options of {@link createLoader}. */
export interface LoaderOptions {
  readonly codeCache?: CodeCache;
}
/** Makes a loader. The first call replaces tsyringe's strong type map by a weak one. */
export function createLoader(options?: LoaderOptions): Loader {
  throw new Error(`not yet ${options}`);
}
