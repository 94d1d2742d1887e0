/**
 * Turns what a user names into artifacts: a tarball, a folder of tarballs, the folder of a bundle, which is packed first, a URL, or a package
 * of an npm registry.
 */
import { existsSync } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { SluiceError } from '../admin/errors.js';
import { ARTIFACT_FOLDER } from './artifact-folder.js';
import type { CommandContext, CommandInput } from './command.js';
import { fetchNamed, isRemoteName, namedArtifact } from './places.js';
import { printable } from './terminal.js';

/** An artifact and where it came from. */
export interface NamedArtifact {
  readonly file: string;
  readonly bytes: Uint8Array;
  /** The signature file beside it. */
  readonly signatures: Uint8Array | null;
}

/** What is sent of artifacts: each, then the signature files that lie beside them. */
export function partsOf(artifacts: readonly NamedArtifact[]): Uint8Array[] {
  return [...artifacts.map(({ bytes }) => bytes), ...artifacts.flatMap(({ signatures }) => signatures ?? [])];
}

/**
 * Reads the artifacts that the names stand for, in order.
 * @param input options that say which registry is meant.
 * @throws SluiceError `FILE_UNKNOWN`, `FILE_NO_ARTIFACT`, `REPOSITORY_*`, or what packing refuses.
 */
export async function collectArtifacts(context: CommandContext, names: readonly string[], input?: CommandInput): Promise<NamedArtifact[]> {
  const files: string[] = [];
  for (const name of names.filter((one) => !isRemoteName(one))) {
    files.push(...(await filesOf(context, resolve(context.workingFolder, name), name)));
  }
  const fetched: NamedArtifact[] = [];
  for (const name of names.filter(isRemoteName)) fetched.push(namedArtifact(await fetchNamed(context, name, input)));
  return [...(await Promise.all([...new Set(files)].map(readNamed))), ...fetched];
}

async function readNamed(file: string): Promise<NamedArtifact> {
  const beside = `${file}.sig`;
  return { file, bytes: await readFile(file), signatures: existsSync(beside) ? await readFile(beside) : null };
}

async function filesOf(context: CommandContext, path: string, name: string): Promise<string[]> {
  const info = await stat(path).catch(() => undefined);
  if (info === undefined)
    throw fileUnknown(name, 'Name a .tgz file, a folder of .tgz files, the folder of a bundle, a URL, or npm:package');
  if (info.isFile()) return [path];
  if (existsSync(join(path, 'package.json'))) return [await pack(context, path)];
  const tarballs = (await readdir(path)).filter((entry) => entry.endsWith('.tgz')).sort();
  if (tarballs.length > 0) return tarballs.map((entry) => join(path, entry));
  throw new SluiceError('FILE_NO_ARTIFACT', `Cannot deploy folder '${name}': it holds neither a package.json nor a .tgz file`, {
    details: { path },
    httpStatus: 422,
    remedy: 'Name the folder of a bundle, or pack it first with `sluice pack`',
  });
}

/** The error of a file or folder that is not there. */
export function fileUnknown(path: string, remedy: string): SluiceError {
  return new SluiceError('FILE_UNKNOWN', `Cannot find '${path}': no such file or folder`, { details: { path }, httpStatus: 404, remedy });
}

async function pack(context: CommandContext, folder: string): Promise<string> {
  const { packBundle } = require('./toolchain/pack.js') as typeof import('./toolchain/pack.js');
  const packed = await packBundle(folder, { outDir: resolve(context.workingFolder, ARTIFACT_FOLDER) });
  for (const warning of packed.warnings) context.terminal.note(`${context.terminal.paint('warning', 'Warning')} ${printable(warning)}`);
  if (!context.json) context.terminal.progress(`packed ${packed.symbolicName} ${packed.version}`);
  return packed.file;
}
