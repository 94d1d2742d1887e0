/** `sluice upgrade`: asks the supervisor to replace the kernel, and tells how it went. */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { SluiceError } from '../../admin/errors.js';
import { EXIT, type ExitCode } from '../../admin/exit-codes.js';
import { askForUpgrade } from '../../supervisor/control.js';
import type { CommandContext, CommandInput } from '../command.js';
import { formatDuration, parseDuration } from '../format.js';

/** Runs the command. */
export async function run(context: CommandContext, input: CommandInput): Promise<ExitCode> {
  const { kernel, node, lameDuck } = input.options;
  const kernelFolder = typeof kernel === 'string' ? kernelFolderOf(resolve(context.workingFolder, kernel)) : undefined;
  const result = await askForUpgrade(context.dataFolder, {
    ...(kernelFolder === undefined ? {} : { kernelFolder }),
    ...(typeof node === 'string' ? { node: resolve(context.workingFolder, node) } : {}),
    ...(typeof lameDuck === 'string' ? { lameDuckMs: parseDuration('lame-duck', lameDuck) } : {}),
  });
  const { terminal } = context;
  if (context.json) terminal.out(JSON.stringify(result));
  else if (result.outcome === 'replaced') {
    const { from, to } = result;
    terminal.out(
      `${terminal.paint('good', 'Replaced')} kernel ${from.version} (process ${from.pid}) by ${to.version} (process ${to.pid}); ` +
        `new connections waited ${formatDuration(result.pauseMs)}`,
    );
  } else {
    const what =
      result.outcome === 'refused' ? 'Not replaced; the kernel was not touched' : 'The new kernel does not serve; the one before is back';
    terminal.note(`${terminal.paint('bad', what)}: ${result.error?.message ?? ''}`);
  }
  if (result.outcome === 'replaced') return EXIT.ok;
  return result.outcome === 'refused' ? EXIT.refused : EXIT.rolledBack;
}

function kernelFolderOf(folder: string): string {
  if (existsSync(join(folder, 'bin/sluice.cjs'))) return folder;
  throw new SluiceError('KERNEL_UNKNOWN', `'${folder}' is no folder of @sluice/kernel: it has no bin/sluice.cjs`, {
    details: { folder },
    remedy: 'Name the folder of the package, as in `--kernel /opt/sluice/node_modules/@sluice/kernel`.',
    httpStatus: 404,
  });
}
