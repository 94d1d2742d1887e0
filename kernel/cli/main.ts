/**
 * Entry of the `sluice` command. Loads as little as possible: the description of the commands, the parser, and the module of
 * the one command that is used.
 */
import { userInfo } from 'node:os';
import { resolve } from 'node:path';
import { EXIT } from '../admin/exit-codes.js';
import type { CommandContext } from './command.js';
import { COMMANDS } from './commands.js';
import { failureOf, printFailure } from './failure.js';
import { parseCommandLine } from './program.js';
import { createTerminal } from './terminal.js';

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** Runs one command line and sets the exit code of the process. */
export async function main(argv: readonly string[]): Promise<void> {
  const terminal = createTerminal({ output: process.stdout, errors: process.stderr, environment: process.env });
  // `sluice ls | head`: nobody reads the rest.
  let readerGone = (): void => process.exit(EXIT.ok);
  process.stdout.on('error', (error: NodeJS.ErrnoException) =>
    error.code === 'EPIPE' ? readerGone() : (process.exitCode = EXIT.unexpected),
  );
  // There is nowhere left to tell it, and a kernel goes on serving.
  process.stderr.on('error', () => undefined);
  const parsed = parseCommandLine(COMMANDS, argv, {
    out: (text) => void process.stdout.write(text),
    note: (text) => void process.stderr.write(text),
  });
  if (parsed.kind === 'done') {
    process.exitCode = parsed.exitCode;
    return;
  }
  const { command, input } = parsed;
  const json = input.options['json'] === true;
  const interruption = new AbortController();
  const interrupt = (): void => {
    // Asked twice: whoever asks does not want to wait.
    if (interruption.signal.aborted) process.exit(EXIT.interrupted);
    interruption.abort();
  };
  if (command.endsOnSignal === true) {
    for (const signal of SIGNALS) process.on(signal, interrupt);
    readerGone = command.outlivesReaders === true ? () => undefined : () => interruption.abort();
  }
  const context: CommandContext = {
    terminal,
    json,
    dataFolder: resolve(String(input.options['data'] ?? process.env['SLUICE_DATA'] ?? '.sluice')),
    actor: String(input.options['actor'] ?? process.env['SLUICE_ACTOR'] ?? userName()),
    environment: process.env,
    workingFolder: process.cwd(),
    signal: interruption.signal,
    client() {
      const { AdminClient } = require('../admin/client.js') as typeof import('../admin/client.js');
      const { remoteKernel } = require('./remote-kernel.js') as typeof import('./remote-kernel.js');
      return new AdminClient(this.dataFolder, this.actor, remoteKernel(input.options, process.env));
    },
  };
  try {
    process.exitCode = await command.load().run(context, input);
  } catch (error) {
    const failure = failureOf(error);
    printFailure(terminal, failure, json);
    if (failure.code === 'UNEXPECTED' && error instanceof Error && process.env['SLUICE_DEBUG'] !== undefined)
      terminal.note(error.stack ?? '');
    process.exitCode = failure.exitCode;
  } finally {
    for (const signal of SIGNALS) process.off(signal, interrupt);
  }
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // No entry for this user in the password file, as in some containers.
    return `uid:${process.getuid?.() ?? 'unknown'}`;
  }
}
