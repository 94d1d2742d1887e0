/**
 * What a data folder keeps of the bundles, opened in the order that recovery needs: store, journal, pointer. Runs on any file layer, so that
 * a simulation starts from exactly the code that a start from a disk runs.
 */
import { type FileLayer, NodeFiles } from './files.js';
import { openJournal, type FileJournal, type JournalOptions } from './journal.js';
import { PointerFile } from './pointer.js';
import type { Recovery } from './ports.js';
import { digestsInUse, recover } from './recovery.js';
import { openStore, type FolderStore, type StoreClock } from './store.js';

/** What is open, and what recovery says about it. */
export interface Persistence {
  readonly store: FolderStore;
  readonly journal: FileJournal;
  readonly pointer: PointerFile;
  /** What the next start must append and bring up. */
  readonly recovery: Recovery;
  /** Removes artifacts that nothing can return to. Call it between two changes: no artifact is on its way into the store then. */
  tidy(kept?: Iterable<string>): Promise<void>;
}

/** How to open. */
export interface PersistenceOptions extends Omit<JournalOptions, 'files'> {
  /** Wall clock. */
  readonly now: () => number;
  /** The disk. Default: the real one. */
  readonly files?: FileLayer;
  /** Makes names of temporary files; they must not repeat. Default: at random. */
  readonly newName?: () => string;
  /** Timers of background work. Default: those of the process. */
  readonly clock?: StoreClock;
}

/**
 * Opens the store and the journal of a data folder and decides what a start has to do.
 * @throws SluiceError `STORE_OPEN_FAILED`, `STORE_READ_FAILED`, `JOURNAL_OPEN_FAILED`.
 */
export async function openPersistence(folder: string, options: PersistenceOptions): Promise<Persistence> {
  const files = options.files ?? new NodeFiles();
  const store = await openStore(folder, files, options.newName, options.clock);
  await store.sweepStaging();
  const { compactAtBytes } = options;
  const journal = await openJournal(folder, { files, ...(compactAtBytes === undefined ? {} : { compactAtBytes }) });
  const stored = await store.check(digestsInUse(journal.view));
  const pointer = new PointerFile(folder, files);
  const recovery = recover(journal.view, {
    now: options.now(),
    hasBlob: (digest) => stored.has(digest),
    pointer: await pointer.read(),
  });
  const tidy: Persistence['tidy'] = async (kept = []) => {
    for (const orphan of await store.orphans([...digestsInUse(journal.view), ...kept])) await store.remove(orphan);
  };
  return { store, journal, pointer, recovery, tidy };
}
