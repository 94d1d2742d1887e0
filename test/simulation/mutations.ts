/**
 * Mistakes that somebody could make, planted between the kernel and its state, to see that the simulation finds them. Each is a change of
 * what a port does, never of the simulation itself.
 */
import type { FileLayer, OpenFile } from '@sluice/kernel/host/files';
import { foldRecords } from '@sluice/kernel/host/journal-view';
import type { JournalRecord, JournalView } from '@sluice/kernel/host/ports';
import { recover } from '@sluice/kernel/host/recovery';
import type { Mutations } from './simulated-host.js';

/** Planted mistakes by what they are. */
export const PLANTED: Readonly<Record<string, Mutations>> = {
  'a journal that does not sync': {
    files: (files) => wrapped(files, { isSkipped: (path, kind) => kind === 'sync' && path.includes('journal') }),
  },
  'a sync that failed and is reported as done': { files: (files) => wrapped(files, { isForgiven: (kind) => kind === 'sync' }) },
  'a store that does not sync its blobs': {
    files: (files) => wrapped(files, { isSkipped: (path, kind) => kind === 'sync' && path.includes('staging') }),
  },
  'a folder that is not synced after a rename': {
    files: (files) => wrapped(files, { isSkipped: (path, kind) => kind === 'syncFolder' && path.endsWith('/blobs') }),
  },
  'a recovery that takes a begin for a commit': { recovery: (view, facts) => recover(committedAnyway(view), facts) },
  'a recovery that forgets to abort': {
    recovery: (view, facts) => {
      const recovery = recover(view, facts);
      return { ...recovery, append: recovery.append.filter(({ type }) => type !== 'abort') };
    },
  },
  'a pointer that is trusted over the journal': {
    recovery: (view, facts) => {
      const recovery = recover(view, facts);
      const generation = facts.pointer?.generation ?? 0;
      return { ...recovery, state: { ...recovery.state, generation } };
    },
  },
  'a tidy that removes what a rollback returns to': { kept: ({ bundles }) => bundles.map(({ digest }) => digest) },
};

interface Wrong {
  readonly isSkipped?: (path: string, kind: 'sync' | 'syncFolder') => boolean;
  readonly isForgiven?: (kind: 'sync') => boolean;
}

function wrapped(files: FileLayer, { isSkipped, isForgiven }: Wrong): FileLayer {
  const file = (path: string, open: OpenFile): OpenFile => ({
    append: (bytes) => open.append(bytes),
    close: () => open.close(),
    async sync() {
      if (isSkipped?.(path, 'sync') === true) return;
      const done = open.sync();
      await (isForgiven?.('sync') === true ? done.catch(() => undefined) : done);
    },
  });
  return {
    makeFolder: (path) => files.makeFolder(path),
    list: (path) => files.list(path),
    read: (path) => files.read(path),
    exists: (path) => files.exists(path),
    rename: (from, to) => files.rename(from, to),
    remove: (path) => files.remove(path),
    create: async (path) => file(path, await files.create(path)),
    syncFolder: async (path) => {
      if (isSkipped?.(path, 'syncFolder') !== true) await files.syncFolder(path);
    },
  };
}

function committedAnyway(view: JournalView): JournalView {
  const commits = view.undecided.map(({ deployId }, index): JournalRecord => {
    return { type: 'commit', at: 0, deployId, generation: view.state.generation + 1 + index };
  });
  return foldRecords([{ type: 'snapshot', at: 0, view }, ...commits]);
}
