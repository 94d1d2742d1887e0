/** Runs one command of the real command tree in this process, with a terminal that records. */
import { COMMANDS } from '@sluice/kernel/cli/commands';
import type { CommandContext } from '@sluice/kernel/cli/command';
import { failureOf, printFailure } from '@sluice/kernel/cli/failure';
import { parseCommandLine } from '@sluice/kernel/cli/program';
import { AdminClient } from '@sluice/kernel/admin/client';
import { recordingTerminal } from '../../unit/cli/recording-terminal.js';

/** What a command wrote and how it ended. */
export interface CommandResult {
  readonly exitCode: number;
  /** Lines; `!` marks standard error, `~` progress. */
  readonly lines: readonly string[];
}

/** Runs a command line on a data folder. */
export async function runCommand(dataFolder: string, words: readonly string[], workingFolder = dataFolder): Promise<CommandResult> {
  const terminal = recordingTerminal();
  const parsed = parseCommandLine(COMMANDS, ['node', 'sluice', ...words], { out: terminal.out, note: terminal.note });
  if (parsed.kind === 'done') return { exitCode: parsed.exitCode, lines: terminal.lines };
  const context: CommandContext = {
    terminal,
    json: parsed.input.options['json'] === true,
    dataFolder,
    actor: 'lin',
    environment: {},
    workingFolder,
    signal: new AbortController().signal,
    client: () => new AdminClient(dataFolder, 'lin'),
  };
  try {
    return { exitCode: await parsed.command.load().run(context, parsed.input), lines: terminal.lines };
  } catch (error) {
    const failure = failureOf(error);
    printFailure(terminal, failure, context.json);
    return { exitCode: failure.exitCode, lines: terminal.lines };
  }
}
