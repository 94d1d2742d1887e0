/** `sluice start`: without a bundle, runs a kernel in the foreground; with one, starts that bundle. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { LogLevel } from '@sluice/sdk';
import { EXIT, type ExitCode } from '../../admin/exit-codes.js';
import { fileUnknown } from '../artifacts.js';
import { progressLine } from '../change.js';
import type { CommandContext, CommandInput } from '../command.js';
import { defaultBundlesFolder } from '../default-bundles.js';
import { parseDuration } from '../format.js';
import { printable } from '../terminal.js';
import { startBundle } from './changes.js';

/** How long handles of bundles may keep the process after the kernel was closed. */
const EXIT_GRACE_MS = 2_000;

/** Runs the command. */
export async function run(context: CommandContext, input: CommandInput): Promise<ExitCode> {
  if (input.arguments.length > 0) return startBundle(context, input);
  const { terminal } = context;
  // Read first: a wrong name is told before anything runs.
  const greeting = await greetingText(context, input.options['greeting']);
  const started = performance.now();
  // The kernel is loaded here and nowhere else in the command line.
  const { startKernel } = require('../../host/runtime.js') as typeof import('../../host/runtime.js');
  const { bundles, logLevel, watch } = input.options;
  const named = typeof bundles === 'string' ? bundles : undefined;
  const folder = bundles === false ? undefined : defaultBundlesFolder(named, context.workingFolder, context.environment);
  if (folder !== undefined && !existsSync(folder)) throw fileUnknown(folder, 'Name a folder of .tgz files with --bundles');
  const kernel = await startKernel({
    dataFolder: context.dataFolder,
    ...(folder === undefined ? {} : { bundlesFolder: resolve(folder) }),
    ...(typeof logLevel === 'string' ? { logLevel: logLevel as LogLevel } : {}),
    ...(typeof watch === 'string' ? { watchMs: parseDuration('watch', watch) } : {}),
    ...(context.json ? {} : { progress: (event) => terminal.progress(progressLine(context, event)) }),
  });
  const status = kernel.runtime.status();
  report(context, status, performance.now() - started);
  if (greeting !== undefined && !context.json) terminal.out(greetingOf(greeting, status.addresses));
  const aborted = new Promise<void>((done) => context.signal.addEventListener('abort', () => done(), { once: true }));
  await Promise.race([kernel.closed, aborted]);
  await kernel.close();
  setTimeout(() => process.exit(), EXIT_GRACE_MS).unref();
  return EXIT.ok;
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
