/**
 * Packs a bundle folder into its artifact, `<symbolicName>-<version>.tgz`: build, derive the contracts, check the whole
 * manifest, write a tarball that is the same, byte for byte, for the same content.
 */
import { createHash } from 'node:crypto';
import { mkdir, readFile, readdir, rename, writeFile } from 'node:fs/promises';
import { join, relative, resolve, sep } from 'node:path';
import { writeArchive } from '../../host/archive.js';
import { parseManifest } from '../../model/index.js';
import { ARTIFACT_FOLDER } from '../artifact-folder.js';
import { buildBundle, BUNDLE_FILE, type BuiltBundle } from './build.js';
import type { DefinitionReading } from './contracts.js';
import { DefinitionReader } from './definition-reader.js';
import { artifactPackageJson, crossCheck, fragmentPackageJson } from './manifest-file.js';
import { refuseIfAny, type BuildProblem } from './problem.js';
import { readBundleFolder, type BundleSource } from './source.js';

/** Options of `packBundle`. */
export interface PackOptions {
  /** Where the artifact goes; default `build/bundles`. */
  readonly outDir?: string;
  /** Instead of the version in package.json. */
  readonly version?: string;
  /** A reader to share between several bundles; without it one is started and closed. */
  readonly reader?: DefinitionReader;
}

/** A written artifact. */
export interface PackedBundle {
  readonly file: string;
  readonly symbolicName: string;
  readonly version: string;
  /** SHA-256 of the file, hex. */
  readonly digest: string;
  readonly bytes: number;
  readonly provides: readonly string[];
  readonly requires: readonly string[];
  readonly warnings: readonly string[];
  /** Every file the artifact depends on, absolute. */
  readonly inputs: readonly string[];
}

/**
 * Builds and packs a bundle folder.
 * @throws SluiceError with a `BUILD_*` code; all mistakes of a manifest come together as `BUILD_REFUSED`.
 */
export async function packBundle(folder: string, options: PackOptions = {}): Promise<PackedBundle> {
  const source = await readBundleFolder(folder);
  if (source.isFragment) return packFragment(source, options);
  const reader = options.reader ?? new DefinitionReader();
  reader.warm();
  try {
    const built = await buildBundle(folder);
    const derived = await reader.read(built.source.symbolicName, join(built.source.folder, BUNDLE_FILE));
    const artifact = await assembleArtifact(built, derived, options.version ?? built.source.version);
    return {
      ...(await writeArtifact(built.source, artifact, options)),
      provides: derived.provides.map((entry) => `${entry.contract}@${entry.version}`),
      requires: derived.requires.map((entry) => `${entry.contract}@${entry.range}`),
      warnings: built.warnings,
      inputs: [...built.inputs, ...artifact.files],
    };
  } finally {
    if (options.reader === undefined) reader.close();
  }
}

/** Packs a folder without code: nothing is built, its files go in as they are. */
async function packFragment(source: BundleSource, options: PackOptions): Promise<PackedBundle> {
  const version = options.version ?? source.version;
  const packageJson = fragmentPackageJson(source, version);
  const { files, problems } = await packagedFiles(source.folder);
  refuseIfAny('pack', source.symbolicName, [...problems, ...manifestProblems(packageJson)]);
  const artifact = { version, bytes: writeArchive(await contentOf(source, packageJson, files)), files };
  const inputs = [join(source.folder, 'package.json'), ...files];
  return { ...(await writeArtifact(source, artifact, options)), provides: [], requires: [], warnings: [], inputs };
}

async function writeArtifact(
  source: BundleSource,
  artifact: Artifact,
  options: PackOptions,
): Promise<Pick<PackedBundle, 'file' | 'symbolicName' | 'version' | 'digest' | 'bytes'>> {
  const { version, bytes } = artifact;
  const outDir = resolve(options.outDir ?? ARTIFACT_FOLDER);
  const file = join(outDir, `${source.symbolicName}-${version}.tgz`);
  await writeWhole(outDir, file, bytes);
  const digest = createHash('sha256').update(bytes).digest('hex');
  return { file, symbolicName: source.symbolicName, version, digest, bytes: bytes.length };
}

/** package.json and the files of the folder, by their paths in the artifact. */
async function contentOf(source: BundleSource, packageJson: unknown, files: readonly string[]): Promise<Map<string, Uint8Array>> {
  const entries = new Map<string, Uint8Array>([['package.json', Buffer.from(`${JSON.stringify(packageJson, null, 2)}\n`)]]);
  for (const file of files) entries.set(relative(source.folder, file).split(sep).join('/'), await readFile(file));
  return entries;
}

/** An artifact in memory. */
export interface Artifact {
  readonly version: string;
  readonly bytes: Buffer;
  /** Files of the folder in it besides the bundle, absolute. */
  readonly files: readonly string[];
}

/** Puts an artifact together in memory and checks its manifest. */
export async function assembleArtifact(built: BuiltBundle, derived: DefinitionReading, version: string): Promise<Artifact> {
  const { source } = built;
  const packageJson = artifactPackageJson(source, derived, version);
  const { files, problems } = await packagedFiles(source.folder);
  refuseIfAny('pack', source.symbolicName, [...problems, ...crossCheck(source, derived), ...manifestProblems(packageJson)]);
  const entries = await contentOf(source, packageJson, files);
  entries.set(BUNDLE_FILE, Buffer.from(built.code));
  entries.set(`${BUNDLE_FILE}.map`, Buffer.from(built.map));
  return { version, bytes: writeArchive(entries), files };
}

const DOCUMENTS = ['README.md', 'CHANGELOG.md'];
const RESOURCE_FOLDERS = ['public', 'migrations'];

/** Files that go into the artifact as they are, sorted. */
async function packagedFiles(folder: string): Promise<{ readonly files: readonly string[]; readonly problems: BuildProblem[] }> {
  const present = await readdir(folder);
  const files = DOCUMENTS.filter((name) => present.includes(name)).map((name) => join(folder, name));
  const problems: BuildProblem[] = [];
  for (const name of RESOURCE_FOLDERS.filter((resource) => present.includes(resource))) {
    for (const entry of await readdir(join(folder, name), { recursive: true, withFileTypes: true })) {
      const file = join(entry.parentPath, entry.name);
      if (entry.isFile()) files.push(file);
      else if (!entry.isDirectory()) {
        problems.push({
          code: 'BUILD_RESOURCE_INVALID',
          message: `'${relative(folder, file)}' is neither a file nor a folder`,
          remedy: 'Replace the link by the file itself',
        });
      }
    }
  }
  return { files: files.sort(), problems };
}

function manifestProblems(packageJson: Readonly<Record<string, unknown>>): BuildProblem[] {
  const result = parseManifest(packageJson);
  if (result.ok) return [];
  return result.mistakes.map((mistake) => ({
    code: 'BUILD_MANIFEST_INVALID',
    message: mistake.message,
    ...(mistake.nearest === undefined ? {} : { remedy: `Did you mean '${mistake.nearest}'?` }),
  }));
}

/** A reader of the folder (the deployer's watch) must never see half a file. */
async function writeWhole(folder: string, file: string, bytes: Uint8Array): Promise<void> {
  await mkdir(folder, { recursive: true });
  const part = `${file}.part`;
  await writeFile(part, bytes);
  await rename(part, file);
}
