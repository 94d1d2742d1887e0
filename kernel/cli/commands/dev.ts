/** `sluice dev`: watches a bundle folder and replaces the bundle in the running kernel on each save. */
import { spawn, type ChildProcess } from 'node:child_process';
import { statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, relative, resolve, sep } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { SluiceError } from '../../admin/errors.js';
import type { AdminClient } from '../../admin/client.js';
import { EXIT, type ExitCode } from '../../admin/exit-codes.js';
import { KERNEL_ROOT } from '../checkout.js';
import type { CommandContext, CommandInput } from '../command.js';
import { defaultBundlesFolder, systemBundles } from '../default-bundles.js';
import { DevSession, type DevTurn } from '../dev-session.js';
import { failureOf, printFailure } from '../failure.js';
import { formatTime } from '../format.js';

/** Quiet time after a file event before a build: editors write a file in several steps. */
const QUIET_MS = 15;
/**
 * chokidar drops a second event of a file within 50 ms of the first, and a file saved in two steps (or twice) may have been read between
 * them. So after each turn the files themselves are asked.
 */
const RECHECK_MS = 80;
/** File times come from a coarser clock than ours. */
const CLOCK_GRAIN_MS = 10;
const START_WAIT_MS_MAX = 60_000;
/** What tools write, below the folder. */
const SKIPPED = /[\\/](node_modules|dist|build|\.git|\.sluice)([\\/]|$)/;

/** Runs the command. */
export async function run(context: CommandContext, input: CommandInput): Promise<ExitCode> {
  const folder = resolve(context.workingFolder, input.arguments[0] ?? '.');
  const client = context.client();
  const started = await ensureKernel(context, client, input);
  const session = new DevSession(folder, client);
  try {
    await watch(context, folder, session);
  } finally {
    session.close();
    started?.kill('SIGTERM');
  }
  return EXIT.ok;
}

/** Deploys once, then on each save, until the user interrupts. */
async function watch(context: CommandContext, folder: string, session: DevSession): Promise<void> {
  const { watch: watchFiles } = await import('chokidar');
  const watcher = watchFiles(folder, {
    ignoreInitial: true,
    // chokidar would hold back replaced files for 100 ms; the quiet time below is enough.
    atomic: false,
    ignored: (path) => path.startsWith(folder + sep) && SKIPPED.test(path.slice(folder.length)),
  });
  let savedAt = Infinity;
  let startedAt = 0;
  let running = false;
  let timer: NodeJS.Timeout | undefined;
  const after = (delayMs: number, work: () => void): void => {
    clearTimeout(timer);
    timer = setTimeout(work, delayMs);
  };
  const turn = async (): Promise<void> => {
    if (running || savedAt === Infinity) return;
    running = true;
    const at = savedAt;
    savedAt = Infinity;
    startedAt = wallClock();
    report(context, await session.turn(at));
    watcher.add([...session.outsideFiles()]);
    running = false;
    // What was saved meanwhile is built at once; what the watcher kept to itself is found a little later.
    if (savedAt === Infinity) after(RECHECK_MS, recheck);
    else void turn();
  };
  const recheck = (): void => {
    const latest = latestSave(watcher.getWatched());
    if (latest < startedAt - CLOCK_GRAIN_MS) return;
    savedAt = latest;
    void turn();
  };
  watcher.on('all', (_event, path) => {
    savedAt = Math.min(savedAt, saveTime(path));
    after(QUIET_MS, () => void turn());
  });
  await new Promise<void>((ready) => watcher.once('ready', ready));
  savedAt = wallClock();
  await turn();
  const place = relative(context.workingFolder, folder) || '.';
  if (!context.json) context.terminal.out(context.terminal.paint('faint', `Watching ${place}; Ctrl-C ends`));
  if (!context.signal.aborted) await new Promise<void>((done) => context.signal.addEventListener('abort', () => done(), { once: true }));
  clearTimeout(timer);
  await watcher.close();
}

/** Time of the last write to any of the watched files. */
function latestSave(watched: Readonly<Record<string, readonly string[]>>): number {
  let latest = 0;
  for (const [folder, names] of Object.entries(watched)) {
    for (const name of names) {
      const info = statSync(join(folder, name), { throwIfNoEntry: false });
      if (info?.isFile() === true) latest = Math.max(latest, info.mtimeMs);
    }
  }
  return latest;
}

function wallClock(): number {
  return performance.timeOrigin + performance.now();
}

/** When the file was written, so that the wait for the event counts too. */
function saveTime(path: string): number {
  const now = wallClock();
  try {
    const writtenAt = statSync(path).mtimeMs;
    return now - writtenAt < 5_000 ? Math.min(now, writtenAt) : now;
  } catch {
    return now;
  }
}

function report(context: CommandContext, turn: DevTurn): void {
  const { terminal } = context;
  if (context.json) return terminal.out(JSON.stringify({ ...turn, ...('error' in turn ? { error: failureOf(turn.error) } : {}) }));
  const time = terminal.paint('faint', formatTime(Date.now()).slice(11));
  if ('error' in turn) {
    terminal.note(`${time} ${terminal.paint('bad', 'not deployed')}, the version before goes on`);
    return printFailure(terminal, failureOf(turn.error), false);
  }
  const { buildMs, packMs, deployMs } = turn;
  const parts = terminal.paint('faint', `build ${Math.round(buildMs)}, pack ${Math.round(packMs)}, deploy ${Math.round(deployMs)}`);
  terminal.out(`${time} ${turn.bundle} ${terminal.paint('good', `serves after ${Math.round(turn.totalMs)} ms`)}  ${parts}`);
}

/** Starts a kernel with the system bundles when none runs. Returns its process, to be ended with this one. */
async function ensureKernel(context: CommandContext, client: AdminClient, input: CommandInput): Promise<ChildProcess | undefined> {
  if (await isRunning(client)) return undefined;
  if (!context.json) context.terminal.progress('no kernel runs here, starting one');
  const command = join(KERNEL_ROOT, 'bin', 'sluice.cjs');
  const child = spawn(process.execPath, [command, 'start', '--no-bundles', '--data', context.dataFolder], {
    stdio: ['ignore', context.json ? 'ignore' : 'inherit', 'inherit'],
  });
  const deadline = Date.now() + START_WAIT_MS_MAX;
  while (!(await isRunning(client))) {
    if (child.exitCode !== null || Date.now() > deadline) {
      child.kill('SIGTERM');
      throw new SluiceError('KERNEL_NOT_RUNNING', `The kernel that was started on '${context.dataFolder}' did not come up`, {
        remedy: 'Run `sluice start` to see why',
      });
    }
    await sleep(25, undefined, { signal: context.signal });
  }
  if ((await client.bundles()).length === 0) await deploySystemBundles(context, client, input);
  return child;
}

async function isRunning(client: AdminClient): Promise<boolean> {
  try {
    return (await client.status()).phase === 'running';
  } catch (error) {
    if (failureOf(error).code === 'KERNEL_NOT_RUNNING') return false;
    throw error;
  }
}

async function deploySystemBundles(context: CommandContext, client: AdminClient, input: CommandInput): Promise<void> {
  const { bundles } = input.options;
  const folder = defaultBundlesFolder(typeof bundles === 'string' ? bundles : undefined, context.workingFolder, context.environment);
  const files = folder === undefined ? [] : systemBundles(folder);
  if (files.length === 0) {
    return context.terminal.note('No system bundles were found; name their folder with --bundles to have HTTP, data and logs');
  }
  const outcome = await client.deploy(await Promise.all(files.map((file) => readFile(file))), { watchMs: 0 });
  if (outcome.error !== undefined) printFailure(context.terminal, outcome.error, false);
}
