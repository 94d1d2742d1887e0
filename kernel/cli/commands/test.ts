/** `sluice test`: checks the types of a bundle and runs its tests with mocha, both as child processes of their own. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { SluiceError } from '../../admin/errors.js';
import { EXIT, type ExitCode } from '../../admin/exit-codes.js';
import type { CommandContext, CommandInput } from '../command.js';
import { compileTests } from '../toolchain/tests.js';

const MOCHA_SETTINGS = ['.mocharc.cjs', '.mocharc.js', '.mocharc.json', '.mocharc.jsonc', '.mocharc.yaml', '.mocharc.yml'];

/** Runs the command. */
export async function run(context: CommandContext, input: CommandInput): Promise<ExitCode> {
  const folder = resolve(context.workingFolder, input.arguments[0] ?? '.');
  const checking = input.options['types'] === false ? EXIT.ok : checkTypes(context, folder);
  const files = await compileTests(folder);
  if ((await checking) !== EXIT.ok) return EXIT.buildFailed;
  const { grep } = input.options;
  const mocha = toolOf(folder, 'mocha/bin/mocha.js', 'mocha');
  // mocha looks for its settings in the folders above too, and those belong to somebody else.
  const ownSettings = MOCHA_SETTINGS.some((name) => existsSync(join(folder, name)));
  const options = [
    '--enable-source-maps',
    ...(ownSettings ? [] : ['--no-config']),
    ...(typeof grep === 'string' ? ['--fgrep', grep] : []),
    ...(context.json ? ['--reporter', 'json'] : []),
  ];
  const exitCode = await runTool(context, folder, [mocha, ...options, ...files]);
  return exitCode === 0 ? EXIT.ok : EXIT.buildFailed;
}

async function checkTypes(context: CommandContext, folder: string): Promise<number> {
  if (!existsSync(join(folder, 'tsconfig.json'))) return EXIT.ok;
  return runTool(context, folder, [toolOf(folder, 'typescript/package.json', 'typescript').replace('package.json', 'bin/tsc'), '--noEmit']);
}

function toolOf(folder: string, path: string, name: string): string {
  for (const from of [join(folder, 'package.json'), __filename]) {
    try {
      return createRequire(from).resolve(path);
    } catch {
      // Not installed there; the next place, or the message below.
    }
  }
  throw new SluiceError('TEST_TOOL_UNKNOWN', `Cannot test '${folder}': the package '${name}' is not installed`, {
    httpStatus: 404,
    remedy: `Run \`npm install --save-dev ${name}\` in the folder`,
  });
}

function runTool(context: CommandContext, folder: string, argv: readonly string[]): Promise<number> {
  const child = spawn(process.execPath, argv, { cwd: folder, stdio: 'inherit', signal: context.signal });
  return new Promise((done, fail) => {
    child.on('error', (error) => (error.name === 'AbortError' ? done(EXIT.interrupted) : fail(error)));
    child.on('exit', (code) => done(code ?? EXIT.interrupted));
  });
}
