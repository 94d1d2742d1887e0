/** Turns the description of the commands into a commander program and parses a command line with it. Runs nothing. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Argument, Command, CommanderError, Option } from 'commander';
import { EXIT, type ExitCode } from '../admin/exit-codes.js';
import type { CommandInput, CommandSpec, OptionSpec } from './command.js';

/** Options every command takes. */
export const GLOBAL_OPTIONS: readonly OptionSpec[] = [
  { flags: '-d, --data <folder>', summary: 'data folder of the kernel (default: $SLUICE_DATA, else .sluice)' },
  { flags: '--json', summary: 'print JSON for scripts' },
  { flags: '--actor <name>', summary: 'name recorded with changes (default: $SLUICE_ACTOR, else the user)' },
  { flags: '--server <url>', summary: 'a kernel on TCP in place of the one on the data folder (default: $SLUICE_SERVER)' },
  {
    flags: '--token-file <file>',
    summary: 'file with the token for --server (default: $SLUICE_TOKEN_FILE, else the token in $SLUICE_TOKEN)',
  },
  { flags: '--ca-file <file>', summary: 'authority that signed the certificate of --server (default: $SLUICE_CA_FILE)' },
  { flags: '--client-cert <files>', summary: 'own certificate,key for a server that asks for one (default: $SLUICE_CLIENT_CERT)' },
];

/** Summaries of commands that only hold others. */
export const COMMAND_PARENTS: Readonly<Record<string, string>> = {
  config: 'Read and change the configuration of bundles',
  release: 'Write, show and compare releases',
  repository: 'Look for bundles where they are published',
};

/** A parsed command line, or the reason why there is nothing to run. */
export type ParsedCommandLine =
  | { readonly kind: 'run'; readonly command: CommandSpec; readonly input: CommandInput }
  | { readonly kind: 'done'; readonly exitCode: ExitCode };

/** Where help and usage errors go. */
export interface ParserOutput {
  out(text: string): void;
  note(text: string): void;
}

/** Parses `process.argv`. Help, version and usage errors are written to `output`. */
export function parseCommandLine(commands: readonly CommandSpec[], argv: readonly string[], output: ParserOutput): ParsedCommandLine {
  let result: ParsedCommandLine = { kind: 'done', exitCode: EXIT.ok };
  const program = createProgram(commands, output, (command, input) => (result = { kind: 'run', command, input }));
  try {
    program.parse(argv);
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return { kind: 'done', exitCode: error.exitCode === 0 ? EXIT.ok : EXIT.usage };
  }
  return result;
}

/** Builds the program. `chosen` is called with the command that was typed. */
export function createProgram(
  commands: readonly CommandSpec[],
  output: ParserOutput,
  chosen: (command: CommandSpec, input: CommandInput) => void,
): Command {
  const program = new Command('sluice')
    .description('Runs a Sluice kernel, and builds, deploys and examines its bundles.')
    .version(kernelVersion(), '-V, --version', 'print the version')
    .configureHelp({ showGlobalOptions: true, sortSubcommands: false })
    .helpOption('-h, --help', 'print help')
    .helpCommand('help [command]', 'print help about a command')
    .showHelpAfterError('(sluice <command> --help tells more)');
  prepare(program, output);
  for (const option of GLOBAL_OPTIONS) program.addOption(optionOf(option));
  const parents = new Map<string, Command>();
  for (const spec of commands) {
    const [first = '', second] = spec.name.split(' ');
    const parent = second === undefined ? program : parentOf(program, parents, first, spec.group, output);
    const command = parent.command(second ?? first, { hidden: spec.hidden === true }).summary(spec.summary);
    if (second === undefined) {
      command.helpGroup(`${spec.group}:`);
      // It may hold others beside what it does itself: `keys` lists them, `keys trust` is below it.
      parents.set(first, command);
    }
    prepare(command, output).description(spec.description ?? spec.summary);
    for (const argument of spec.arguments ?? []) {
      const parsed = new Argument(argument.usage, argument.summary);
      command.addArgument(Array.isArray(argument.completes) ? parsed.choices(argument.completes as string[]) : parsed);
    }
    for (const option of spec.options ?? []) command.addOption(optionOf(option));
    if (spec.examples !== undefined) command.addHelpText('after', `\nExamples:\n${spec.examples.map((line) => `  $ ${line}`).join('\n')}`);
    command.action(() => {
      const given = command.processedArgs.flat() as (string | undefined)[];
      chosen(spec, { arguments: given.filter((value) => value !== undefined), options: command.optsWithGlobals() });
    });
  }
  return program;
}

function parentOf(program: Command, parents: Map<string, Command>, name: string, group: string, output: ParserOutput): Command {
  let parent = parents.get(name);
  if (parent === undefined) {
    const summary = COMMAND_PARENTS[name] ?? '';
    parent = prepare(program.command(name).summary(summary).helpGroup(`${group}:`), output).description(summary);
    parents.set(name, parent);
  }
  return parent;
}

function prepare(command: Command, output: ParserOutput): Command {
  return command.exitOverride().configureOutput({ writeOut: (text) => output.out(text), writeErr: (text) => output.note(text) });
}

function optionOf(spec: OptionSpec): Option {
  const option = new Option(spec.flags, spec.summary);
  return spec.choices === undefined ? option : option.choices(spec.choices);
}

/** Version of the installed kernel. */
export function kernelVersion(): string {
  const file = join(__dirname, '..', '..', 'package.json');
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}
