/**
 * One process per data folder. Every taker first makes a file of its own in `<folder>/lock/`, then looks at the others: whoever comes
 * second sees the first. A file says by its name who made it, so it is whole from the first instant, and nobody ever deletes a file that
 * a living process may still need: stale locks are taken over without a race between two takers.
 * A lock of another host is never judged stale; its process cannot be seen from here.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, open, readdir, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import { SluiceError } from '@sluice/sdk';
import { bootId, checkPlatform, processStart } from './process-identity.js';

const SETTLE_MS_MAX = 5_000;
const POLL_MS = 5;

/** A held lock. */
export interface FolderLock {
  /** Lets the next process in. The second call does nothing. */
  release(): Promise<void>;
}

/** Who made a lock file, as its name says. */
interface Taker {
  readonly name: string;
  readonly pid: number;
  readonly start: string;
  readonly boot: string;
  readonly host: string;
  readonly random: string;
  readonly held: boolean;
}

/**
 * Takes the lock of a data folder.
 * @throws SluiceError `DATA_FOLDER_LOCKED` with the holder's pid, `PLATFORM_UNSUPPORTED`.
 */
export async function acquireLock(folder: string): Promise<FolderLock> {
  checkPlatform();
  const path = `${folder}/lock`;
  await mkdir(path, { recursive: true });
  const mine = ownTaker();
  await makeFile(`${path}/${mine.name}`);
  try {
    await outlastOthers(path, folder, mine);
    // The candidate's file stays beside: a listing taken right now cannot miss both.
    const held = nameOf({ ...mine, held: true });
    await makeFile(`${path}/${held}`);
    return { release: async () => void (await remove(path, held), await remove(path, mine.name)) };
  } catch (error) {
    await remove(path, mine.name);
    throw error;
  }
}

async function makeFile(path: string): Promise<void> {
  await (await open(path, 'wx', 0o600)).close();
}

function remove(path: string, name: string): Promise<void> {
  return rm(`${path}/${name}`, { force: true });
}

/** Returns when no other living taker is left; throws when one of them goes first. */
async function outlastOthers(path: string, folder: string, mine: Taker): Promise<void> {
  for (let waitedMs = 0; ; waitedMs += POLL_MS) {
    const others = (await readdir(path)).map(parseName).filter((taker) => taker !== undefined && taker.random !== mine.random) as Taker[];
    const alive: Taker[] = [];
    for (const taker of others) {
      if (isAlive(taker)) alive.push(taker);
      else await remove(path, taker.name);
    }
    const first = alive.find((taker) => taker.held || taker.random < mine.random || waitedMs >= SETTLE_MS_MAX);
    if (first !== undefined) throw lockedBy(first, folder, path);
    if (alive.length === 0) return;
    // A candidate of lower rank: it will see us and give way, or it looked before we came and is about to hold the lock.
    await pause(POLL_MS);
  }
}

function ownTaker(): Taker {
  const start = processStart(process.pid);
  if (start === null) throw new Error('The start time of this process cannot be read');
  const taker = {
    pid: process.pid,
    start,
    boot: bootId(),
    host: ownHost(),
    random: randomBytes(8).toString('hex'),
    held: false,
  };
  return { ...taker, name: nameOf(taker) };
}

function nameOf(taker: Omit<Taker, 'name'>): string {
  return [taker.held ? 'held' : 'candidate', taker.pid, taker.start, taker.boot, taker.random, taker.host].join('_');
}

function parseName(name: string): Taker | undefined {
  const [state, pid, start, boot, random, host] = name.split('_');
  if ((state !== 'held' && state !== 'candidate') || host === undefined || random === undefined) return undefined;
  return { name, pid: Number(pid), start: String(start), boot: String(boot), random, host, held: state === 'held' };
}

function isAlive(taker: Taker): boolean {
  if (taker.host !== ownHost()) return true;
  return taker.boot === bootId() && processStart(taker.pid) === taker.start;
}

/** The host name without the separator of lock file names. */
function ownHost(): string {
  return encodeURIComponent(hostname()).replaceAll('_', '%5F').slice(0, 100);
}

function lockedBy(taker: Taker, folder: string, path: string): SluiceError {
  const { pid, host } = taker;
  const foreign = host !== ownHost();
  return new SluiceError(
    'DATA_FOLDER_LOCKED',
    `The data folder '${folder}' is in use by process ${pid}${foreign ? ` on host '${decodeURIComponent(host)}'` : ''}`,
    {
      details: { folder, pid, host: decodeURIComponent(host) },
      remedy: foreign
        ? `Stop it there. When that host is gone for good, delete '${path}/${taker.name}'.`
        : 'Stop that process first (`sluice stop`), or choose another folder with --data.',
    },
  );
}
