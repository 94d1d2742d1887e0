/**
 * Bundles a folder's entry into one CommonJS file with a source map, using rolldown.
 * Owned here: the call of rolldown and what its messages mean. Which content is refused is decided in content-checks.ts.
 * Nothing is written unless every check passed, so a failed build leaves the previous file in place.
 */
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { messageOf } from '@sluice/sdk';
import { checkContent } from './content-checks.js';
import { externalsOf } from './host-packages.js';
import { refuseIfAny, type BuildProblem } from './problem.js';
import { readBundleFolder, type BundleSource } from './source.js';

/** Name of the bundled file in the artifact. */
export const BUNDLE_FILE = 'dist/bundle.cjs';

/** What was built. */
export interface BuiltBundle {
  readonly source: BundleSource;
  readonly code: string;
  /** The source map as JSON text; sources are relative to `dist/`, their content is not embedded. */
  readonly map: string;
  /** Modules the file takes from the host at run time, sorted. */
  readonly requires: readonly string[];
  /** Absolute paths of the files packed into it, sorted. */
  readonly modules: readonly string[];
  /** Absolute paths of all files read for it, also those of which nothing is left (a constant, a type), sorted. */
  readonly inputs: readonly string[];
  /** What rolldown noticed and what did not stop the build. */
  readonly warnings: readonly string[];
}

/**
 * Builds a bundle folder and writes `dist/bundle.cjs` and its map.
 * @throws SluiceError with a `BUILD_*` code; several mistakes at once are `BUILD_REFUSED` with `details.problems`.
 */
export async function buildBundle(folder: string, options: { readonly outDir?: string } = {}): Promise<BuiltBundle> {
  const source = await readBundleFolder(folder);
  const built = await bundleSource(source);
  const file = options.outDir === undefined ? join(source.folder, BUNDLE_FILE) : join(options.outDir, 'bundle.cjs');
  await mkdir(dirname(file), { recursive: true });
  await Promise.all([writeFile(file, built.code), writeFile(`${file}.map`, built.map)]);
  return built;
}

/** Builds in memory. */
export async function bundleSource(source: BundleSource): Promise<BuiltBundle> {
  const { rolldown } = await import('rolldown');
  const logs: RolldownLog[] = [];
  const build = await rolldown({
    input: source.entry,
    cwd: source.folder,
    platform: 'node',
    tsconfig: false,
    external: externalsOf(source.hostPackages),
    // An interface used as the type of a decorated parameter is imported as a value by the metadata; it becomes undefined there.
    shimMissingExports: true,
    resolve: { extensionAlias: { '.js': ['.ts', '.js'], '.cjs': ['.cts', '.cjs'], '.mjs': ['.mts', '.mjs'] } },
    transform: { decorator: { legacy: true, emitDecoratorMetadata: true }, target: 'node20' },
    plugins: [refuseNativeAddons()],
    onLog: (level, log) => void logs.push({ level, code: log.code ?? '', message: log.message }),
  });
  try {
    const { output } = await build.generate({
      format: 'cjs',
      file: join(source.folder, BUNDLE_FILE),
      sourcemap: true,
      sourcemapExcludeSources: true,
      exports: 'named',
      codeSplitting: false,
    });
    const chunk = output[0];
    const modules = chunk.moduleIds.filter((id) => !id.startsWith('\0')).sort();
    const map = chunk.map?.toString() ?? '';
    const missing = await missingExports(source, logs);
    const content = await checkContent({ source, code: chunk.code, map, modules });
    refuseIfAny('build', source.symbolicName, [...missing, ...content.problems]);
    const warnings = logs.filter((log) => log.level === 'warn' && log.code !== 'SHIMMED_EXPORT').map((log) => plain(log.message));
    const inputs = (await build.watchFiles).filter((file) => !file.startsWith('\0')).sort();
    return { source, code: chunk.code, map, requires: content.requires, modules, inputs, warnings };
  } catch (error) {
    refuseIfAny('build', source.symbolicName, rolldownProblems(source, error));
    throw error;
  } finally {
    await build.close();
  }
}

interface RolldownLog {
  readonly level: string;
  readonly code: string;
  readonly message: string;
}

const NATIVE_MARK = 'sluice:native-addon';

/** A `.node` file would otherwise be bundled as text. */
function refuseNativeAddons() {
  return {
    name: NATIVE_MARK,
    load: {
      filter: { id: /\.node$/ },
      handler(id: string): never {
        throw new Error(`native add-on ${id}`);
      },
    },
  };
}

/** Shimmed exports that are not types: a real mistake which the compiler would report too. */
async function missingExports(source: BundleSource, logs: readonly RolldownLog[]): Promise<BuildProblem[]> {
  const shims = logs.flatMap((log) => {
    const match = log.code === 'SHIMMED_EXPORT' ? /Missing export "(.+?)" has been shimmed in module "(.+?)"/.exec(log.message) : null;
    return match === null ? [] : [{ name: match[1] ?? '', module: match[2] ?? '' }];
  });
  if (shims.length === 0) return [];
  const texts = await Promise.all((await typescriptFiles(source.folder)).map((file) => readFile(file, 'utf8')));
  const isType = (name: string): boolean => {
    const declaration = new RegExp(`\\b(interface|type)\\s+${name.replace(/\W/g, '\\$&')}\\b`);
    return texts.some((text) => declaration.test(text));
  };
  return shims
    .filter((shim) => !(/\.[cm]?ts$/.test(shim.module) && isType(shim.name)))
    .map((shim) => ({
      code: 'BUILD_EXPORT_MISSING',
      message: `'${shim.module}' has no export named '${shim.name}'`,
      remedy: 'Correct the import, or write `import type` when it names a type',
    }));
}

async function typescriptFiles(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && /\.[cm]?ts$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => !/[\\/](node_modules|dist)[\\/]/.test(relative(folder, file)));
}

interface RolldownError {
  readonly code?: string;
  readonly message: string;
  readonly id?: string;
  readonly loc?: { readonly file?: string; readonly line: number; readonly column: number };
}

function rolldownProblems(source: BundleSource, error: unknown): BuildProblem[] {
  const errors = (error as { errors?: readonly RolldownError[] }).errors;
  if (!Array.isArray(errors)) return [];
  return errors.map((one: RolldownError): BuildProblem => {
    const file = one.loc?.file ?? one.id;
    const position = one.loc === undefined ? '' : `:${one.loc.line}:${one.loc.column + 1}`;
    const place = file === undefined ? {} : { place: `${relative(source.folder, file)}${position}` };
    const text = plain(one.message);
    const native = /native add-on (.+\.node)/.exec(one.message);
    if (native !== null) {
      return {
        code: 'BUILD_NATIVE_ADDON',
        message: `native add-on '${relative(source.folder, native[1] ?? '')}' cannot be packed: it cannot be unloaded with a revision`,
        remedy: 'Use a package without native code, or a host package named in "sluice.permissions.hostPackages"',
      };
    }
    if (one.code === 'RESOLVE_ERROR' || one.code === 'UNRESOLVED_IMPORT') {
      return { code: 'BUILD_IMPORT_UNRESOLVED', message: text, remedy: 'Install the package, or correct the path', ...place };
    }
    return { code: one.code === 'PARSE_ERROR' ? 'BUILD_SYNTAX' : 'BUILD_FAILED', message: text || messageOf(error), ...place };
  });
}

/** First line of a message of rolldown without its code and frame. */
function plain(message: string): string {
  const lines = message.split('\n');
  const first = (lines[0] ?? '').replace(/^\[[A-Z_]+\]\s*/, '');
  const note = lines.find((line) => /╰─+ \S/.test(line))?.replace(/^.*╰─+ /, '');
  return note === undefined ? first : `${first}: ${note.trim()}`;
}
