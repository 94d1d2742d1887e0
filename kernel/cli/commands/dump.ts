/** `sluice dump`: one archive for whoever looks for a fault elsewhere; of the running kernel, or of the data folder when none runs. */
import { resolve } from 'node:path';
import { isSluiceError } from '../../admin/errors.js';
import { EXIT, type ExitCode } from '../../admin/exit-codes.js';
import type { CommandContext, CommandInput } from '../command.js';
import { formatBytes, formatTime } from '../format.js';

/** Runs the command. */
export async function run(context: CommandContext, input: CommandInput): Promise<ExitCode> {
  const { terminal, json } = context;
  const stamp = formatTime(Date.now()).replaceAll('-', '').replaceAll(':', '').replace(' ', '-');
  const target = resolve(context.workingFolder, input.arguments[0] ?? `sluice-dump-${stamp}.tgz`);
  const { diagnoseFolder, writeDump } = require('../../host/dump.js') as typeof import('../../host/dump.js');
  let isRunning = true;
  const files = await context
    .client()
    .dump({ heap: input.options['heap'] === true })
    .catch((error: unknown) => {
      if (!isSluiceError(error) || error.code !== 'KERNEL_NOT_RUNNING') throw error;
      isRunning = false;
      return diagnoseFolder(context.dataFolder);
    });
  const written = await writeDump(target, files);
  if (json) terminal.out(JSON.stringify({ ...written, running: isRunning }));
  else {
    terminal.out(`${written.path}  ${formatBytes(written.bytes)}  ${written.files.length} files`);
    if (!isRunning) terminal.note('No kernel runs on the data folder: it holds what the folder tells');
    terminal.note('Secrets are taken out as far as they are known; look through it before it leaves the house');
  }
  return EXIT.ok;
}
