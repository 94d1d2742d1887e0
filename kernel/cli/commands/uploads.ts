/** `sluice upload`, `sluice artifacts`, `sluice approve`: artifacts that wait to be activated by somebody else. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { StoredArtifact } from '../../admin/contract.js';
import { EXIT, type ExitCode } from '../../admin/exit-codes.js';
import { collectArtifacts, partsOf } from '../artifacts.js';
import type { CommandContext, CommandInput } from '../command.js';
import { formatBytes, formatTime } from '../format.js';
import { renderTable, type Column } from '../table.js';

const COLUMNS: readonly Column<StoredArtifact>[] = [
  { title: 'BUNDLE', value: (one) => one.bundle, style: () => 'strong' },
  { title: 'VERSION', value: (one) => one.version },
  { title: 'SIZE', value: (one) => formatBytes(one.bytes), align: 'right' },
  { title: 'UPLOADED', value: (one) => formatTime(one.uploadedAt) },
  { title: 'BY', value: (one) => one.uploadedBy },
  {
    title: 'APPROVAL',
    value: (one) => (one.approved ? 'complete' : one.problems.map(({ message }) => message).join('; ')),
    style: (one) => (one.approved ? 'good' : 'warning'),
    flexible: true,
  },
  { title: 'DIGEST', value: (one) => one.digest },
];

/** Runs `sluice upload <artifacts...>`. */
export async function upload(context: CommandContext, input: CommandInput): Promise<ExitCode> {
  const artifacts = await collectArtifacts(context, input.arguments);
  return shown(context, await context.client().upload(partsOf(artifacts)));
}

/** Runs `sluice artifacts`. */
export async function list(context: CommandContext): Promise<ExitCode> {
  return shown(context, await context.client().artifacts());
}

/** Runs `sluice approve <files...>`. */
export async function approve(context: CommandContext, input: CommandInput): Promise<ExitCode> {
  const client = context.client();
  const approved: StoredArtifact[] = [];
  for (const name of input.arguments) approved.push(await client.addSignatures(await readFile(resolve(context.workingFolder, name))));
  return shown(context, approved);
}

function shown(context: CommandContext, artifacts: readonly StoredArtifact[]): ExitCode {
  if (context.json) context.terminal.out(JSON.stringify(artifacts));
  else for (const line of renderTable(context.terminal, COLUMNS, artifacts, 'Nothing waits to be activated')) context.terminal.out(line);
  return EXIT.ok;
}
