/**
 * Reads a bundle folder as its author keeps it: package.json with the `sluice` section and a TypeScript entry.
 * Checks only what the tool-chain needs to go on; the whole manifest is checked by the kernel's model when packing.
 */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { messageOf } from '@sluice/sdk';
import { refuseIfAny, type BuildProblem } from './problem.js';

/** A bundle folder, read. */
export interface BundleSource {
  /** Absolute path. */
  readonly folder: string;
  readonly packageJson: Readonly<Record<string, unknown>>;
  readonly packageName: string;
  readonly version: string;
  readonly symbolicName: string;
  /** Absolute path of the source entry. A fragment has none. */
  readonly entry: string;
  readonly isFragment: boolean;
  /** The `sluice` section as written. */
  readonly section: Readonly<Record<string, unknown>>;
  readonly hostPackages: readonly string[];
  /** Granted Node built-ins, as `node:name`. */
  readonly builtins: readonly string[];
}

/**
 * Reads and checks a bundle folder.
 * @throws SluiceError `BUILD_PACKAGE_MISSING`, `BUILD_PACKAGE_INVALID`, `BUILD_ENTRY_MISSING`, or `BUILD_REFUSED` for several.
 */
export async function readBundleFolder(folder: string): Promise<BundleSource> {
  const absolute = resolve(folder);
  const packageJson = await readPackageJson(absolute);
  const problems: BuildProblem[] = [];
  const packageName = textOf(packageJson['name'], 'name', problems);
  const version = textOf(packageJson['version'], 'version', problems);
  const main = typeof packageJson['main'] === 'string' ? packageJson['main'] : 'activator.ts';
  const section = objectOf(packageJson['sluice']);
  if (section === undefined) {
    problems.push({
      code: 'BUILD_PACKAGE_INVALID',
      message: "package.json has no 'sluice' section",
      remedy: 'Add "sluice": { "sdk": "^1.0.0" } to package.json',
    });
  }
  const entry = join(absolute, main);
  const isFragment = section?.['fragment'] !== undefined;
  if (!isFragment && !existsSync(entry)) {
    problems.push({
      code: 'BUILD_ENTRY_MISSING',
      message: `the entry '${main}' named by "main" in package.json does not exist`,
      remedy: 'Create it with `export default defineBundle({ ... })`, or correct "main"',
    });
  }
  refuseIfAny('build', packageName === '' ? absolute : packageName, problems);
  const permissions = objectOf(section?.['permissions']) ?? {};
  return {
    folder: absolute,
    packageJson,
    packageName,
    version,
    symbolicName: typeof section?.['symbolicName'] === 'string' ? section['symbolicName'] : packageName.replace(/^@[^/]+\//, ''),
    entry,
    isFragment,
    section: section ?? {},
    hostPackages: textsOf(permissions['hostPackages']),
    builtins: textsOf(permissions['builtins']).map((name) => (name.startsWith('node:') ? name : `node:${name}`)),
  };
}

async function readPackageJson(folder: string): Promise<Readonly<Record<string, unknown>>> {
  let text: string;
  try {
    text = await readFile(join(folder, 'package.json'), 'utf8');
  } catch {
    refuseIfAny('build', folder, [
      {
        code: 'BUILD_PACKAGE_MISSING',
        message: 'the folder has no package.json',
        remedy: 'Name the folder of a bundle, or make one with `sluice create <name>`',
      },
    ]);
    throw new Error('unreachable');
  }
  let parsed: unknown;
  let reason = 'it is not a JSON object';
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    reason = messageOf(error);
  }
  const packageJson = objectOf(parsed);
  if (packageJson === undefined) {
    refuseIfAny('build', folder, [{ code: 'BUILD_PACKAGE_INVALID', message: `package.json cannot be read: ${reason}` }]);
  }
  return packageJson ?? {};
}

function textOf(value: unknown, key: string, problems: BuildProblem[]): string {
  if (typeof value === 'string' && value !== '') return value;
  problems.push({
    code: 'BUILD_PACKAGE_INVALID',
    message: `package.json must have a text at "${key}", found ${JSON.stringify(value) ?? 'nothing'}`,
  });
  return '';
}

function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined;
}
