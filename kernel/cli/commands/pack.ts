/** `sluice pack`: bundle folders to artifacts. */
import { relative, resolve } from 'node:path';
import { EXIT, type ExitCode } from '../../admin/exit-codes.js';
import { ARTIFACT_FOLDER } from '../artifact-folder.js';
import type { CommandContext, CommandInput } from '../command.js';
import { failureOf, printFailure } from '../failure.js';
import { printable } from '../terminal.js';
import { buildAll, type BuildAllEntry } from '../toolchain/build-all.js';
import { DefinitionReader } from '../toolchain/definition-reader.js';
import { packBundle } from '../toolchain/pack.js';

/** Runs the command. */
export async function run(context: CommandContext, input: CommandInput): Promise<ExitCode> {
  const folders = (input.arguments.length === 0 ? ['.'] : input.arguments).map((folder) => resolve(context.workingFolder, folder));
  const out = typeof input.options['out'] === 'string' ? { outDir: resolve(context.workingFolder, input.options['out']) } : {};
  const started = performance.now();
  const entries: BuildAllEntry[] = [];
  const report = (entry: BuildAllEntry): void => void (entries.push(entry), context.json || printEntry(context, entry));
  if (input.options['all'] === true) {
    for (const root of folders) await buildAll(root, { ...out, force: input.options['force'] === true, report });
  } else {
    const version = typeof input.options['asVersion'] === 'string' ? { version: input.options['asVersion'] } : {};
    await packEach(folders, { outDir: resolve(context.workingFolder, ARTIFACT_FOLDER), ...out, ...version }, report);
  }
  const failures = entries.flatMap((entry) => ('error' in entry ? [failureOf(entry.error)] : []));
  if (context.json) context.terminal.out(JSON.stringify(entries.map(entryData)));
  else if (entries.length > 1) printTotal(context, entries, performance.now() - started);
  return failures[0]?.exitCode ?? EXIT.ok;
}

async function packEach(
  folders: readonly string[],
  options: { readonly outDir: string; readonly version?: string },
  report: (entry: BuildAllEntry) => void,
): Promise<void> {
  const reader = new DefinitionReader();
  try {
    for (const folder of folders) {
      const started = performance.now();
      try {
        const packed = await packBundle(folder, { ...options, reader });
        report({ folder, packed, skipped: false, durationMs: performance.now() - started });
      } catch (error) {
        report({ folder, error });
      }
    }
  } finally {
    reader.close();
  }
}

function printEntry(context: CommandContext, entry: BuildAllEntry): void {
  const { terminal } = context;
  if ('error' in entry) return printFailure(terminal, failureOf(entry.error), false);
  const { packed } = entry;
  for (const warning of packed.warnings) terminal.note(`${terminal.paint('warning', 'Warning')} ${printable(warning)}`);
  const how = entry.skipped ? terminal.paint('faint', 'unchanged') : `${packed.bytes} bytes in ${Math.round(entry.durationMs)} ms`;
  terminal.out(`${relative(context.workingFolder, packed.file)}  ${how}`);
}

function printTotal(context: CommandContext, entries: readonly BuildAllEntry[], durationMs: number): void {
  const failed = entries.filter((entry) => 'error' in entry).length;
  const skipped = entries.filter((entry) => 'packed' in entry && entry.skipped).length;
  const packed = entries.length - failed - skipped;
  context.terminal.out(`${packed} packed, ${skipped} unchanged, ${failed} failed in ${Math.round(durationMs)} ms`);
}

function entryData(entry: BuildAllEntry): unknown {
  if ('error' in entry) {
    const { code, message, details } = failureOf(entry.error);
    return { folder: entry.folder, error: { code, message, details } };
  }
  const { inputs: _inputs, ...packed } = entry.packed;
  return { folder: entry.folder, ...packed, skipped: entry.skipped };
}
