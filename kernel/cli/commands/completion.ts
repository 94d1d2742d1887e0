/** `sluice completion <shell>` prints a script; `sluice complete -- <words>` is what the script calls. */
import { EXIT, type ExitCode } from '../../admin/exit-codes.js';
import type { CommandContext, CommandInput } from '../command.js';
import { COMMANDS } from '../commands.js';
import { completeWords, completionScript, type Shell } from '../completion.js';
import { GLOBAL_OPTIONS } from '../program.js';

/** Longest question to the kernel; somebody waits at the keyboard. */
const KERNEL_ANSWER_MS_MAX = 500;

/** Runs `sluice completion`. */
export async function script(context: CommandContext, input: CommandInput): Promise<ExitCode> {
  context.terminal.out(completionScript(input.arguments[0] as Shell));
  return EXIT.ok;
}

/** Runs `sluice complete`. */
export async function complete(context: CommandContext, input: CommandInput): Promise<ExitCode> {
  const visible = COMMANDS.filter((command) => command.hidden !== true);
  const completion = completeWords(visible, GLOBAL_OPTIONS, input.arguments);
  if (completion.kind === 'words') for (const word of completion.words) context.terminal.out(word);
  else if (completion.kind !== 'bundles') context.terminal.out(`:${completion.kind}`);
  else for (const name of await bundleNames(context)) if (name.startsWith(input.arguments.at(-1) ?? '')) context.terminal.out(name);
  return EXIT.ok;
}

async function bundleNames(context: CommandContext): Promise<readonly string[]> {
  const late = new Promise<readonly string[]>((resolve) => setTimeout(() => resolve([]), KERNEL_ANSWER_MS_MAX).unref());
  const names = context
    .client()
    .bundles()
    .then((bundles) => bundles.map((bundle) => bundle.symbolicName))
    // Without a kernel there are no names, and a message would end up in the command line.
    .catch(() => []);
  return Promise.race([names, late]);
}
