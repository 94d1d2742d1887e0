/** `sluice create`: writes the folder of a new bundle and makes its packages available. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { SluiceError } from '../../admin/errors.js';
import { EXIT, type ExitCode } from '../../admin/exit-codes.js';
import { checkoutRoot, KERNEL_ROOT, packageVersion } from '../checkout.js';
import type { CommandContext, CommandInput } from '../command.js';
import { packageNameOf, scaffoldFiles } from '../scaffold.js';

const SYMBOLIC_NAME = /^[a-z][a-z0-9-]*(\.[a-z0-9][a-z0-9-]*)*$/;
/** Families that a symbolic name begins with. */
const FAMILIES = ['platform', 'business', 'channel', 'core'];
/** What the tests and the type check of a bundle need, and where each lies in the node_modules of a checkout. */
const TOOLS = { '@types/mocha': '^10.0.10', '@types/node': '^20.19.43', mocha: '^12.0.3', typescript: '^7.0.2' } as const;

/** Runs the command. */
export async function run(context: CommandContext, input: CommandInput): Promise<ExitCode> {
  const symbolicName = input.arguments[0] ?? '';
  checkName(symbolicName);
  const { folder: named, family } = input.options;
  const folder = resolve(context.workingFolder, typeof named === 'string' ? named : packageNameOf(symbolicName));
  await refuseUsedFolder(folder);
  const guessed = FAMILIES.find((one) => symbolicName.startsWith(`${one}.`)) ?? 'other';
  const root = checkoutRoot();
  const files = scaffoldFiles({
    symbolicName,
    family: typeof family === 'string' ? family : guessed,
    dependencies: { '@sluice/sdk': rangeOf(folder, root, 'sdk') },
    devDependencies: { '@sluice/kernel': rangeOf(folder, root, 'kernel'), ...TOOLS },
  });
  for (const [path, text] of files) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
  if (input.options['install'] !== false) await providePackages(context, folder, root);
  const place = relative(context.workingFolder, folder) || '.';
  if (context.json) context.terminal.out(JSON.stringify({ symbolicName, folder, files: [...files.keys()] }));
  else {
    context.terminal.out(`Created ${symbolicName} in ${place}`);
    context.terminal.out(`Next: cd ${place}, then \`npx sluice dev\` while you work, \`npx sluice test\`, \`npx sluice deploy .\``);
  }
  return EXIT.ok;
}

function checkName(symbolicName: string): void {
  if (SYMBOLIC_NAME.test(symbolicName) && symbolicName.length <= 100) return;
  throw new SluiceError('USAGE_NAME', `'${symbolicName}' cannot be the name of a bundle`, {
    details: { symbolicName },
    httpStatus: 400,
    remedy: 'Use small letters, digits and dashes, in parts joined by dots, such as business.rates',
  });
}

async function refuseUsedFolder(folder: string): Promise<void> {
  if (!existsSync(folder) || (await readdir(folder)).length === 0) return;
  throw new SluiceError('FOLDER_CONFLICT', `Folder '${folder}' is not empty`, {
    details: { folder },
    httpStatus: 409,
    remedy: 'Choose another name, or another place with --folder',
  });
}

/** In a checkout a path, so that the bundle is built with what lies there; otherwise the installed version or a compatible one. */
function rangeOf(folder: string, root: string | undefined, name: 'sdk' | 'kernel'): string {
  if (root !== undefined) return `file:${relative(folder, join(root, name))}`;
  const installed = name === 'kernel' ? KERNEL_ROOT : dirname(require.resolve('@sluice/sdk/package.json'));
  return `^${packageVersion(installed)}`;
}

/** In a checkout everything is there already and only linked; that also works without a network. */
async function providePackages(context: CommandContext, folder: string, root: string | undefined): Promise<void> {
  if (root === undefined) return npmInstall(context, folder);
  if (folder.startsWith(`${root}/`)) return;
  // The command itself is among them, for `npx sluice` and the scripts of package.json.
  for (const name of ['@sluice/sdk', '@sluice/kernel', ...Object.keys(TOOLS), '.bin/sluice']) {
    const link = join(folder, 'node_modules', name);
    await mkdir(dirname(link), { recursive: true });
    await symlink(join(root, 'node_modules', name), link);
  }
}

function npmInstall(context: CommandContext, folder: string): void {
  if (!context.json) context.terminal.progress('npm install');
  const result = spawnSync('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  if (result.status === 0) return;
  throw new SluiceError('CREATE_INSTALL_FAILED', `The bundle was written to '${folder}', but npm could not install its packages`, {
    details: { folder, exitCode: result.status },
    remedy: `Run \`npm install\` in ${folder}`,
  });
}
