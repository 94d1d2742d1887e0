/**
 * Hints that something in a folder may have changed. Only hints: events may be early, doubled or lost, and no name is passed on.
 */
import type { FSWatcher } from 'chokidar' with { 'resolution-mode': 'import' };

// The package is an ES module, which `require` can load; a static import of it does not compile to CommonJS.
const { watch } = require('chokidar') as typeof import('chokidar', { with: { 'resolution-mode': 'import' } });

/** A running watch. */
export interface FolderWatch {
  /** Resolves when changes from now on are seen. */
  readonly ready: Promise<void>;
  close(): Promise<void>;
}

/**
 * Watches the files directly in some folders.
 * @param failed told once when the system refuses to watch (limits of inotify, for example).
 */
export function watchFolders(folders: readonly string[], hint: () => void, failed: (error: unknown) => void): FolderWatch {
  const watcher: FSWatcher = watch([...folders], { ignoreInitial: true, depth: 0, ignored: (path) => /\.(status\.json|tmp)$/.test(path) });
  watcher.on('all', hint);
  let told = false;
  const ready = new Promise<void>((resolve) => {
    watcher.once('ready', resolve);
    watcher.on('error', (error) => {
      // Without a watcher there is still the scan, so waiting for it would be wrong.
      resolve();
      if (!told) failed(error);
      told = true;
    });
  });
  return { ready, close: () => watcher.close() };
}
