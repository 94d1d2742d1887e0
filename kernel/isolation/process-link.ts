/**
 * Guests as processes: the only tier for code one does not trust. Node's permission model refuses files, child processes, workers and
 * native add-ons; the environment is empty; where the system allows it, the process has a network of its own with nothing in it.
 */
import { fork, spawnSync } from 'node:child_process';
import { readFileSync, realpathSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';
import { messageOf } from '@sluice/sdk';
import type { GuestEnd, GuestLauncher } from './guest-link.js';
import { ownModule, packageFile } from './own-files.js';
import type { Packet } from './protocol.js';

/** How often the memory of a guest is looked at. */
const MEMORY_CHECK_MS = 100;
/** What a process takes besides heap and buffers: Node itself, code, stacks. */
const BASE_MEGABYTES = 96;
const PAGE_BYTES = 4096;
const MEGABYTE = 1024 * 1024;

/** Starts a child process. */
export const launchProcess: GuestLauncher = (bundle, limits, listener) => {
  const child = fork(ownModule('guest/main'), [], {
    ...commandOf([`--max-old-space-size=${limits.heapMegabytes}`, '--no-warnings', ...permissionFlags()], limits.network),
    env: {},
    cwd: sep,
    serialization: 'advanced',
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  if (!limits.network && !hasOwnNetworks())
    listener.output('This system gives no network of its own: the process can reach what the kernel can');
  let stopped = false;
  let failure: GuestEnd | null = null;
  let gone: () => void = () => {};
  const exited = new Promise<void>((resolve) => (gone = resolve));
  child.on('message', (packet) => listener.packet(packet as Packet));
  child.on('error', (error) => (failure ??= { kind: 'error', message: messageOf(error), cause: error }));
  child.on('exit', (code, signal) => {
    clearInterval(memoryCheck);
    gone();
    if (stopped) listener.ended({ kind: 'stopped', message: 'stopped' });
    else listener.ended(failure ?? endOf(code, signal));
  });
  const allowedMegabytes = limits.heapMegabytes + limits.buffersMegabytes + BASE_MEGABYTES;
  const memoryCheck = setInterval(() => {
    const bytes = residentBytes(child.pid);
    if (bytes <= allowedMegabytes * MEGABYTE) return;
    failure ??= { kind: 'memory', message: `its process takes ${Math.round(bytes / MEGABYTE)} MB, the limit is ${allowedMegabytes} MB` };
    child.kill('SIGKILL');
  }, MEMORY_CHECK_MS);
  for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', (text: string) => listener.output(text));
  return {
    label: `process ${child.pid}`,
    pid: child.pid ?? null,
    post: (packet) => {
      // A guest that died a moment ago is told of by its exit.
      if (child.connected) child.send(packet, () => undefined);
    },
    terminate: async () => {
      stopped = true;
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
      await exited;
    },
  };
};

function endOf(code: number | null, signal: NodeJS.Signals | null): GuestEnd {
  // V8 ends a process whose heap is full with an abort.
  if (signal === 'SIGABRT' || code === 134) return { kind: 'memory', message: 'its process was aborted (heap limit, or abort())' };
  return { kind: 'exit', message: signal === null ? `its process ended with code ${code}` : `its process was ended by ${signal}` };
}

function residentBytes(pid: number | undefined): number {
  if (pid === undefined || process.platform !== 'linux') return 0;
  try {
    return Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * PAGE_BYTES;
  } catch {
    return 0;
  }
}

/** Gives a command a network of its own with nothing in it, not even the loopback. */
const UNSHARE = '/usr/bin/unshare';
const UNSHARE_FLAGS = ['--user', '--map-current-user', '--net'] as const;

let canUnshare: boolean | undefined;

/** True where a guest can be given a network of its own. Depends on the system: containers often forbid it. */
export function hasOwnNetworks(): boolean {
  return (canUnshare ??= process.platform === 'linux' && spawnSync(UNSHARE, [...UNSHARE_FLAGS, 'true'], { env: {} }).status === 0);
}

function commandOf(nodeFlags: readonly string[], network: boolean): { execPath?: string; execArgv: string[] } {
  if (network || !hasOwnNetworks()) return { execArgv: [...nodeFlags] };
  return { execPath: UNSHARE, execArgv: [...UNSHARE_FLAGS, '--', process.execPath, ...nodeFlags] };
}

let flags: readonly string[] | undefined;

/** Read access to the kernel, the SDK and their packages, and to nothing else. */
function permissionFlags(): readonly string[] {
  if (flags !== undefined) return flags;
  const [major = 20] = process.versions.node.split('.').map(Number);
  const packages = ['@sluice/kernel/package.json', '@sluice/sdk/package.json'].map((name) => dirname(realpathSync(packageFile(name))));
  const modules = ['tsyringe', 'reflect-metadata', '@koa/router'].map((name) => modulesFolderOf(realpathSync(packageFile(name))));
  const folders = [...new Set([...packages, ...modules, modulesFolderOf(packageFile('@sluice/kernel/package.json'))])];
  flags = [major >= 23 ? '--permission' : '--experimental-permission', ...folders.map((folder) => `--allow-fs-read=${join(folder, sep)}`)];
  return flags;
}

function modulesFolderOf(file: string): string {
  const at = file.lastIndexOf(`${sep}node_modules${sep}`);
  return at === -1 ? dirname(file) : file.slice(0, at + `${sep}node_modules`.length);
}
