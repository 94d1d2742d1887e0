/** `sluice start`: without a bundle, runs a kernel in the foreground; with one, starts that bundle. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { LogLevel } from '@sluice/sdk';
import { isSluiceError } from '../../admin/errors.js';
import { EXIT, type ExitCode } from '../../admin/exit-codes.js';
import { findSupervisor, systemdSockets } from '../../host/supervision.js';
import { kernelVersion } from '../../host/versions.js';
import { fileUnknown } from '../artifacts.js';
import { progressLine } from '../change.js';
import type { CommandContext, CommandInput } from '../command.js';
import { defaultBundlesFolder } from '../default-bundles.js';
import { parseDuration } from '../format.js';
import { printable } from '../terminal.js';
import { trustOptions } from '../start-trust.js';
import { startBundle } from './changes.js';

/** How long handles of bundles may keep the process after the kernel was closed. */
const EXIT_GRACE_MS = 2_000;

/** Runs the command. */
export async function run(context: CommandContext, input: CommandInput): Promise<ExitCode> {
  if (input.arguments.length > 0) return startBundle(context, input);
  if (input.options['supervised'] === true) return supervise(context, input);
  const { terminal } = context;
  // Read first: a wrong name is told before anything runs.
  const greeting = await greetingText(context, input.options['greeting']);
  openInspector(context, input.options['inspect']);
  const started = performance.now();
  // The kernel is loaded here and nowhere else in the command line.
  const { startKernel } = require('../../host/start.js') as typeof import('../../host/start.js');
  const { bundles, logLevel, watch } = input.options;
  const named = typeof bundles === 'string' ? bundles : undefined;
  const folder = bundles === false ? undefined : defaultBundlesFolder(named, context.workingFolder, context.environment);
  if (folder !== undefined && !existsSync(folder)) throw fileUnknown(folder, 'Name a folder of .tgz files with --bundles');
  const supervision = findSupervisor(process, context.environment);
  await supervision?.mayStart(kernelVersion());
  const kernel = await startKernel({
    listenSockets: supervision?.listenSockets ?? systemdSockets(process.pid, context.environment),
    dataFolder: context.dataFolder,
    guard: true,
    ...trustOptions(context, input),
    ...(folder === undefined ? {} : { bundlesFolder: resolve(folder) }),
    ...(typeof logLevel === 'string' ? { logLevel: logLevel as LogLevel } : {}),
    ...(typeof watch === 'string' ? { watchMs: parseDuration('watch', watch) } : {}),
    ...(context.json ? {} : { progress: (event) => terminal.progress(progressLine(context, event)) }),
  }).catch((error: unknown) => diagnoseStart(context, error));
  const status = kernel.runtime.status();
  report(context, status, performance.now() - started);
  if (greeting !== undefined && !context.json) terminal.out(greetingOf(greeting, status.addresses));
  supervision?.ready();
  const ownLameDuckMs = lameDuckMsOf(input);
  const lameDuckMs = await Promise.race([
    kernel.closed.then(() => 0),
    new Promise<number>((done) => context.signal.addEventListener('abort', () => done(ownLameDuckMs), { once: true })),
    new Promise<number>((done) => supervision?.onStop((asked) => done(asked.lameDuckMs))),
  ]);
  await kernel.close({ lameDuckMs });
  supervision?.leave();
  setTimeout(() => process.exit(), EXIT_GRACE_MS).unref();
  return EXIT.ok;
}

/** Writes what can be told of the data folder into it, over the diagnosis of the failed start before. */
async function diagnoseStart(context: CommandContext, failure: unknown): Promise<never> {
  // What another kernel runs on is not ours to diagnose, and what never came to be has nothing to tell.
  const isForeign = isSluiceError(failure) && failure.code === 'DATA_FOLDER_LOCKED';
  if (!isForeign && existsSync(context.dataFolder)) {
    const { diagnoseFolder, writeDump } = require('../../host/dump.js') as typeof import('../../host/dump.js');
    const path = join(context.dataFolder, 'failed-start.tgz');
    // The failure itself matters more than its diagnosis.
    const written = await diagnoseFolder(context.dataFolder, failure)
      .then((files) => writeDump(path, files, true))
      .catch(() => null);
    if (written !== null && !context.json) context.terminal.note(`A diagnosis is in ${written.path}`);
  }
  throw failure;
}

/** Lets a debugger attach; only from this machine. */
function openInspector(context: CommandContext, asked: unknown): void {
  if (asked === undefined) return;
  const inspector = require('node:inspector') as typeof import('node:inspector');
  inspector.open(typeof asked === 'string' ? Number(asked) : undefined, '127.0.0.1');
  context.terminal.note(`A debugger may attach at ${inspector.url() ?? '127.0.0.1'}`);
}

/** Runs a kernel under a supervisor until it has ended on purpose or cannot be kept alive. */
async function supervise(context: CommandContext, input: CommandInput): Promise<ExitCode> {
  const { Supervisor } = require('../../supervisor/supervisor.js') as typeof import('../../supervisor/supervisor.js');
  const { serveSupervisor } = require('../../supervisor/control.js') as typeof import('../../supervisor/control.js');
  const supervisor = new Supervisor({
    command: {
      node: process.execPath,
      kernelFolder: resolve(__dirname, '../../..'),
      arguments: process.argv.slice(2).filter((argument) => argument !== '--supervised'),
    },
    lameDuckMs: lameDuckMsOf(input),
    log: (line) => context.terminal.note(`supervisor: ${line}`),
  });
  const running = supervisor.run();
  // The kernel makes the data folder and locks it; only then is the socket of this supervisor the only one.
  const control = await Promise.race([
    supervisor.serving.then(() => serveSupervisor(context.dataFolder, supervisor)),
    running.then(() => null),
  ]);
  context.signal.addEventListener('abort', () => void supervisor.stop(), { once: true });
  if (context.signal.aborted) await supervisor.stop();
  const exitCode = await running;
  control?.close();
  return exitCode as ExitCode;
}

function lameDuckMsOf(input: CommandInput): number {
  const { lameDuck } = input.options;
  return typeof lameDuck === 'string' ? parseDuration('lame-duck', lameDuck) : 0;
}

async function greetingText(context: CommandContext, named: unknown): Promise<string | undefined> {
  if (typeof named !== 'string') return undefined;
  const file = resolve(context.workingFolder, named);
  if (!existsSync(file)) throw fileUnknown(file, 'Name a text file with --greeting');
  return readFile(file, 'utf8');
}

/** The greeting with the address that the kernel really listens on. */
export function greetingOf(text: string, addresses: readonly string[]): string {
  return printable(text.replaceAll('{address}', addresses[0] ?? '(no address)')).trimEnd();
}

function report(context: CommandContext, status: import('../../admin/contract.js').RuntimeStatus, durationMs: number): void {
  const { terminal } = context;
  if (context.json) return terminal.out(JSON.stringify(status));
  const { active, total, failed } = status.bundles;
  const where = status.addresses.length === 0 ? '' : `, ${status.addresses.join(', ')}`;
  terminal.out(
    `${terminal.paint('good', 'Started')} in ${Math.round(durationMs)} ms: ${active} of ${total} bundles active, generation ${status.generation}${where}`,
  );
  if (failed > 0) terminal.note(`${failed} failed; \`sluice ls\` names them, \`sluice why <bundle>\` tells the cause`);
  if (total === 0) terminal.note('No bundle is installed; `sluice deploy <file or folder>` installs some');
}
