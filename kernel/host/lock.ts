/** Lock and format of a data folder. (Being written; the signatures hold.) */
/** A held lock. */
export interface FolderLock {
  release(): Promise<void>;
}
/** @throws SluiceError `DATA_FOLDER_LOCKED` (details.pid), `PLATFORM_UNSUPPORTED`. */
export function acquireLock(folder: string): Promise<FolderLock> {
  throw new Error(`not yet ${folder}`);
}
/** Checks and, when older, upgrades the layout of a data folder. @throws SluiceError `DATA_FOLDER_FORMAT`. */
export function checkFormat(folder: string): Promise<void> {
  throw new Error(`not yet ${folder}`);
}
