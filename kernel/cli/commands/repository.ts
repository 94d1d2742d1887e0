/** `sluice repository search | versions | fetch | signatures`: looks for bundles where they are published. Needs no kernel. */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { SluiceError } from '../../admin/errors.js';
import { EXIT, type ExitCode } from '../../admin/exit-codes.js';
import { signaturePackage } from '../../repository/signature-package.js';
import type { RepositoryEntry } from '../../repository/repository.js';
import type { CommandContext, CommandInput } from '../command.js';
import { formatBytes, parseWhole } from '../format.js';
import { fetchNamed, repositoriesOf } from '../places.js';
import { renderTable, type Column } from '../table.js';

const ENTRY_COLUMNS: readonly Column<RepositoryEntry>[] = [
  { title: 'BUNDLE', value: (row) => row.name, style: () => 'strong' },
  { title: 'VERSION', value: (row) => row.version },
  { title: 'PACKAGE', value: (row) => row.packageName },
  { title: 'WHERE', value: (row) => row.location, style: () => 'faint' },
  { title: 'DESCRIPTION', value: (row) => row.description, flexible: true },
];

/** Runs `sluice repository search [text]`. */
export async function search(context: CommandContext, input: CommandInput): Promise<ExitCode> {
  const text = input.arguments[0] ?? '';
  const found = await Promise.all(repositoriesOf(context, input).map((repository) => repository.search(text)));
  return print(context, found.flat(), 'No bundle has this in its name or description');
}

/** Runs `sluice repository versions <name>`. */
export async function versions(context: CommandContext, input: CommandInput): Promise<ExitCode> {
  const name = input.arguments[0] ?? '';
  const found = (await Promise.all(repositoriesOf(context, input).map((repository) => repository.versions(name)))).flat();
  if (found.length > 0) return print(context, found, '');
  throw new SluiceError('REPOSITORY_UNKNOWN', `No place has a bundle '${name}'`, {
    details: { name },
    httpStatus: 404,
    remedy: `'sluice repository search' lists what is there; --from names other places.`,
  });
}

/** Runs `sluice repository fetch <bundles...>`: writes artifacts, and the signatures that came along, into a folder. */
export async function fetch(context: CommandContext, input: CommandInput): Promise<ExitCode> {
  const { out } = input.options;
  const folder = resolve(context.workingFolder, typeof out === 'string' ? out : 'bundles');
  await mkdir(folder, { recursive: true });
  const written: unknown[] = [];
  for (const wanted of input.arguments) {
    const { name, version, bytes, digest, signatures, location } = await fetchNamed(context, wanted, input);
    const file = join(folder, `${name}-${version}.tgz`);
    // The signatures first: a watched folder must not see the artifact without them.
    if (signatures !== null) await writeWhole(`${file}.sig`, signatures);
    await writeWhole(file, bytes);
    written.push({ file, name, version, digest, location, signed: signatures !== null });
    if (!context.json) {
      const signed = signatures === null ? 'no signatures' : 'with signatures';
      context.terminal.out(`${file}  ${formatBytes(bytes.length)}  sha256 ${digest}  ${signed}`);
    }
  }
  if (context.json) context.terminal.out(JSON.stringify(written));
  return EXIT.ok;
}

/** Runs `sluice repository signatures <artifact>`: writes the companion package that carries the signatures of an artifact to a registry. */
export async function signatures(context: CommandContext, input: CommandInput): Promise<ExitCode> {
  const artifact = resolve(context.workingFolder, input.arguments[0] ?? '');
  const { out, step } = input.options;
  const packed = signaturePackage(
    await readFile(artifact),
    await readFile(`${artifact}.sig`),
    artifact,
    typeof step === 'string' ? parseWhole('step', step) : 0,
  );
  const folder = resolve(context.workingFolder, typeof out === 'string' ? out : '.');
  await mkdir(folder, { recursive: true });
  const file = join(folder, packed.fileName);
  await writeWhole(file, packed.bytes);
  const { packageName, version } = packed;
  context.terminal.out(context.json ? JSON.stringify({ file, packageName, version }) : `${file}; publish it with \`npm publish ${file}\``);
  return EXIT.ok;
}

async function writeWhole(file: string, bytes: Uint8Array): Promise<void> {
  await writeFile(`${file}.part`, bytes);
  await rename(`${file}.part`, file);
}

function print(context: CommandContext, entries: readonly RepositoryEntry[], nothing: string): ExitCode {
  if (context.json) context.terminal.out(JSON.stringify(entries));
  else for (const line of renderTable(context.terminal, ENTRY_COLUMNS, entries, nothing)) context.terminal.out(line);
  return EXIT.ok;
}
