/**
 * Packs every bundle below a `plugins` folder, several at once, and leaves alone what has not changed since.
 * A stamp beside the artifacts records the digest of every input of each artifact; when all agree, nothing is built.
 */
import { createHash } from 'node:crypto';
import { readFile, readdir, mkdir, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { ARTIFACT_FOLDER } from '../artifact-folder.js';
import { DefinitionReader } from './definition-reader.js';
import { packBundle, type PackedBundle } from './pack.js';

/** Bundles built at once. rolldown uses threads of its own; more only costs memory. */
const PARALLEL_MAX = 4;

/** Families below `plugins/` that hold contracts, not bundles. */
const NOT_BUNDLES = new Set(['api']);

/** Outcome for one bundle folder. */
export type BuildAllEntry =
  | { readonly folder: string; readonly packed: PackedBundle; readonly skipped: boolean; readonly durationMs: number }
  | { readonly folder: string; readonly error: unknown };

/**
 * Packs `plugins/<family>/<name>` of a root folder.
 * @returns one entry per folder, in the order of their paths. A bundle that fails does not stop the others.
 */
export async function buildAll(
  root: string,
  options: { readonly outDir?: string; readonly force?: boolean; readonly report?: (entry: BuildAllEntry) => void } = {},
): Promise<readonly BuildAllEntry[]> {
  const outDir = resolve(root, options.outDir ?? ARTIFACT_FOLDER);
  const folders = await bundleFolders(resolve(root));
  const entries: BuildAllEntry[] = new Array<BuildAllEntry>(folders.length);
  const reader = new DefinitionReader();
  const toolchain = await toolchainDigest();
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let index = next++; index < folders.length; index = next++) {
      const folder = folders[index] ?? '';
      const entry = await buildOne(folder, { outDir, reader, toolchain, force: options.force ?? false });
      entries[index] = entry;
      options.report?.(entry);
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(PARALLEL_MAX, folders.length) }, worker));
  } finally {
    reader.close();
  }
  return entries;
}

/** Folders of bundles below `plugins/`, sorted. */
export async function bundleFolders(root: string): Promise<string[]> {
  const plugins = join(root, 'plugins');
  const families = await readdir(plugins, { withFileTypes: true });
  const folders: string[] = [];
  for (const family of families.filter((entry) => entry.isDirectory() && !NOT_BUNDLES.has(entry.name))) {
    for (const entry of await readdir(join(plugins, family.name), { withFileTypes: true })) {
      const folder = join(plugins, family.name, entry.name);
      if (entry.isDirectory() && existsSync(join(folder, 'package.json'))) folders.push(folder);
    }
  }
  return folders.sort();
}

interface BuildSettings {
  readonly outDir: string;
  readonly reader: DefinitionReader;
  readonly toolchain: string;
  readonly force: boolean;
}

async function buildOne(folder: string, settings: BuildSettings): Promise<BuildAllEntry> {
  const started = performance.now();
  const { outDir, reader } = settings;
  try {
    const known = settings.force ? undefined : await unchanged(folder, settings);
    if (known !== undefined) return { folder, packed: known, skipped: true, durationMs: performance.now() - started };
    const packed = await packBundle(folder, { outDir, reader });
    await writeStamp(folder, packed, settings);
    return { folder, packed, skipped: false, durationMs: performance.now() - started };
  } catch (error) {
    return { folder, error };
  }
}

interface Stamp {
  readonly toolchain: string;
  /** Digest by path relative to the bundle folder. */
  readonly inputs: Readonly<Record<string, string>>;
  readonly listing: string;
  readonly packed: PackedBundle;
}

async function unchanged(folder: string, settings: BuildSettings): Promise<PackedBundle | undefined> {
  try {
    const stamp = JSON.parse(await readFile(stampFile(folder, settings.outDir), 'utf8')) as Stamp;
    if (stamp.toolchain !== settings.toolchain || stamp.listing !== (await listingDigest(folder))) return undefined;
    if ((await digestOf(stamp.packed.file)) !== stamp.packed.digest) return undefined;
    for (const [path, digest] of Object.entries(stamp.inputs)) {
      if ((await digestOf(resolve(folder, path))) !== digest) return undefined;
    }
    return stamp.packed;
  } catch {
    // No stamp, an unreadable one, or an input that is gone: build.
    return undefined;
  }
}

async function writeStamp(folder: string, packed: PackedBundle, settings: BuildSettings): Promise<void> {
  const inputs: Record<string, string> = {};
  for (const file of [join(folder, 'package.json'), ...packed.inputs]) inputs[relative(folder, file)] = await digestOf(file);
  const stamp: Stamp = { toolchain: settings.toolchain, inputs, listing: await listingDigest(folder), packed };
  const file = stampFile(folder, settings.outDir);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, JSON.stringify(stamp));
}

function stampFile(folder: string, outDir: string): string {
  return join(outDir, '.stamps', `${createHash('sha256').update(folder).digest('hex').slice(0, 16)}.json`);
}

/** A new file can change what an import resolves to or what is packed, so the names of all files count too. */
async function listingDigest(folder: string): Promise<string> {
  const names = await readdir(folder, { recursive: true });
  const own = names.filter((name) => !/^(dist|node_modules)\b/.test(name)).sort();
  return createHash('sha256').update(own.join('\n')).digest('hex');
}

/** Digest of the tool-chain itself: its own code, the SDK it evaluates with, and the version of rolldown. */
async function toolchainDigest(): Promise<string> {
  const hash = createHash('sha256');
  for (const folder of [__dirname, dirname(require.resolve('@sluice/sdk'))]) {
    const names = (await readdir(folder)).filter((name) => name.endsWith('.js')).sort();
    for (const name of names) hash.update(await readFile(join(folder, name)));
  }
  const rolldown = JSON.parse(await readFile(require.resolve('rolldown/package.json'), 'utf8')) as { version: string };
  return hash.update(rolldown.version).digest('hex');
}

async function digestOf(file: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(file))
    .digest('hex');
}
