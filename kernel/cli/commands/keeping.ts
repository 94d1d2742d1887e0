/** `sluice backup` and `sluice restore`. A backup is made by the running kernel, a restore needs it to be stopped. */
import { resolve } from 'node:path';
import type { BackupResult } from '../../admin/contract.js';
import { EXIT, type ExitCode } from '../../admin/exit-codes.js';
import type { CommandContext, CommandInput } from '../command.js';
import { formatBytes, formatTime } from '../format.js';
import { printable } from '../terminal.js';

/** Runs `sluice backup [file]`. */
export async function backup(context: CommandContext, input: CommandInput): Promise<ExitCode> {
  const stamp = formatTime(Date.now()).replaceAll('-', '').replaceAll(':', '').replace(' ', '-');
  const target = resolve(context.workingFolder, input.arguments[0] ?? `sluice-backup-${stamp}.tgz`);
  const result = await context.client().backup(target);
  context.terminal.out(context.json ? JSON.stringify(result) : `${result.path}  ${formatBytes(result.bytes)}  sha256 ${result.digest}`);
  noteElsewhere(context, result);
  return EXIT.ok;
}

/** Runs `sluice restore <file>`. */
export async function restore(context: CommandContext, input: CommandInput): Promise<ExitCode> {
  const archive = resolve(context.workingFolder, input.arguments[0] ?? '');
  const { restoreBackup } = require('../../host/backup.js') as typeof import('../../host/backup.js');
  const result = await restoreBackup(archive, context.dataFolder);
  const text = `Restored ${result.files} files of ${result.createdAt} into ${context.dataFolder}; \`sluice start\` runs it`;
  context.terminal.out(context.json ? JSON.stringify({ ...result, dataFolder: context.dataFolder }) : text);
  noteElsewhere(context, result);
  return EXIT.ok;
}

/** Says what else has to be copied or restored. On standard error, so that a script that throws output away still shows it. */
function noteElsewhere(context: CommandContext, { elsewhere }: Pick<BackupResult, 'elsewhere'>): void {
  if (context.json) return;
  for (const { part, note } of elsewhere) {
    context.terminal.note(`${context.terminal.paint('warning', 'Warning')} '${printable(part)}' is not in it. ${printable(note)}`);
  }
}
