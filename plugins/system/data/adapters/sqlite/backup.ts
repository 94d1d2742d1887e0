/**
 * Copies a live database page by page on its own connection (SQLite's backup interface), a slice at a time between units of work.
 * Rows written meanwhile are carried into the copy, so it shows the moment of its last slice. `VACUUM INTO` would hold the writer
 * for the whole copy, and does not sync its file.
 */
import { SluiceError } from '@sluice/sdk';
import type sqlite3 from 'sqlite3';

/** Pages copied while the writer waits: 4 MB, a few milliseconds. */
const PAGES_PER_SLICE = 1_000;
/** Slices in a row that copied nothing (the file is locked by another process) before the copy is given up. */
const STALLED_SLICES_MAX = 100;

/** The part of the driver's backup that its types leave out. */
interface Backup {
  readonly completed: boolean;
  readonly failed: boolean;
  readonly remaining: number;
  step(pages: number, callback: (error: Error | null) => void): void;
  finish(callback: () => void): void;
}

/** @param exclusive runs a slice while nothing else uses the connection. */
export async function copyDatabase(
  database: sqlite3.Database,
  target: string,
  exclusive: (slice: () => Promise<void>) => Promise<void>,
): Promise<void> {
  const backup = await open(database, target);
  let stalledSlices = 0;
  let remaining = Infinity;
  try {
    while (!backup.completed) {
      await exclusive(() => step(backup));
      if (backup.failed) throw new Error('a slice could not be copied');
      stalledSlices = backup.remaining < remaining ? 0 : stalledSlices + 1;
      remaining = backup.remaining;
      if (stalledSlices > STALLED_SLICES_MAX) throw new Error('the database stayed locked');
    }
  } catch (error) {
    throw new SluiceError('DATA_BACKUP_FAILED', `The database was not copied to '${target}': ${(error as Error).message}`, {
      details: { target },
      remedy: 'Check that the folder is empty, writable and has room for the whole database.',
      cause: error,
    });
  } finally {
    await new Promise<void>((resolve) => backup.finish(() => resolve()));
  }
}

function open(database: sqlite3.Database, target: string): Promise<Backup> {
  return new Promise((resolve, reject) => {
    const source = database as unknown as { backup(file: string, callback: (error: Error | null) => void): Backup };
    const backup = source.backup(target, (error) => (error === null ? resolve(backup) : reject(error)));
  });
}

function step(backup: Backup): Promise<void> {
  return new Promise((resolve, reject) => backup.step(PAGES_PER_SLICE, (error) => (error === null ? resolve() : reject(error))));
}
