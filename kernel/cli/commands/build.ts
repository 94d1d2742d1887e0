/** `sluice build`: one bundle folder to dist/bundle.cjs. */
import { relative, resolve } from 'node:path';
import { EXIT, type ExitCode } from '../../admin/exit-codes.js';
import type { CommandContext, CommandInput } from '../command.js';
import { printable } from '../terminal.js';
import { buildBundle, BUNDLE_FILE } from '../toolchain/build.js';

/** Runs the command. */
export async function run(context: CommandContext, input: CommandInput): Promise<ExitCode> {
  const { terminal } = context;
  const folder = resolve(context.workingFolder, input.arguments[0] ?? '.');
  const started = performance.now();
  const built = await buildBundle(folder);
  const durationMs = Math.round(performance.now() - started);
  if (context.json) {
    terminal.out(
      JSON.stringify({
        bundle: built.source.symbolicName,
        file: resolve(folder, BUNDLE_FILE),
        bytes: built.code.length,
        requires: built.requires,
        modules: built.modules.map((module) => relative(folder, module)),
        warnings: built.warnings,
        durationMs,
      }),
    );
    return EXIT.ok;
  }
  for (const warning of built.warnings) terminal.note(`${terminal.paint('warning', 'Warning')} ${printable(warning)}`);
  terminal.out(
    `${built.source.symbolicName}: ${BUNDLE_FILE}, ${built.code.length} bytes from ${built.modules.length} files in ${durationMs} ms`,
  );
  return EXIT.ok;
}
