/**
 * What a command of `sluice` is: described as data, run by a module that is loaded only when the command is used.
 * The same description feeds the parser, the help, the completion and the reference page.
 */
import type { AdminClient } from '../admin/client.js';
import type { ExitCode } from '../admin/exit-codes.js';
import type { Terminal } from './terminal.js';

/** An argument. */
export interface ArgumentSpec {
  /** Name as shown; `<name>` is required, `[name]` optional, a trailing `...` takes several. */
  readonly usage: string;
  readonly summary: string;
  /** What the shell completes here. */
  readonly completes?: 'bundle' | 'file' | 'folder' | readonly string[];
}

/** An option. */
export interface OptionSpec {
  /** Flags in the form of commander: `-w, --watch <duration>`. */
  readonly flags: string;
  readonly summary: string;
  readonly choices?: readonly string[];
}

/** Group of a command in the help. */
export type CommandGroup = 'Running' | 'Looking' | 'Changing' | 'Releasing' | 'Trusting' | 'Developing' | 'Keeping';

/** A command. */
export interface CommandSpec {
  readonly name: string;
  readonly group: CommandGroup;
  readonly summary: string;
  /** More than one sentence, for the help and the reference. */
  readonly description?: string;
  readonly arguments?: readonly ArgumentSpec[];
  readonly options?: readonly OptionSpec[];
  readonly examples?: readonly string[];
  /** True when the command ends in order by itself once it is interrupted; others are ended by the interruption. */
  readonly endsOnSignal?: boolean;
  /** True when it goes on after the reader of its output has gone; others end then. */
  readonly outlivesReaders?: boolean;
  /** True for what only other programs call. */
  readonly hidden?: boolean;
  /** Loads the module that runs it. */
  load(): CommandModule;
}

/** A module that runs a command. */
export interface CommandModule {
  run(context: CommandContext, input: CommandInput): Promise<ExitCode>;
}

/** Arguments and options as given. */
export interface CommandInput {
  /** One entry per argument; a variadic one is spread. */
  readonly arguments: readonly string[];
  /** Options by their long name in camel case. */
  readonly options: Readonly<Record<string, unknown>>;
}

/** What a command works with. */
export interface CommandContext {
  readonly terminal: Terminal;
  /** Absolute path of the data folder. */
  readonly dataFolder: string;
  /** Print JSON for scripts instead of text for people. */
  readonly json: boolean;
  /** Name recorded with changes. */
  readonly actor: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly workingFolder: string;
  /** Aborted when the user interrupts. */
  readonly signal: AbortSignal;
  /** A client of the kernel on the data folder; connecting happens per call. */
  client(): AdminClient;
}
