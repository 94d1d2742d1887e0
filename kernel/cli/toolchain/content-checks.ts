/**
 * What may be inside a bundle's single file: checks on the built code and on the packages packed into it.
 * Every check answers with all its findings; build.ts turns them into one refusal.
 */
import { existsSync, readFileSync } from 'node:fs';
import { SourceMap } from 'node:module';
import { dirname, join, relative, sep } from 'node:path';
import { builtinName, GRANTED_PACKAGES, isNodeBuiltin, NEVER_PACKED, OPEN_PACKAGES } from './host-packages.js';
import type { BuildProblem } from './problem.js';
import type { BundleSource } from './source.js';

/** What the checks look at. */
export interface BuiltContent {
  readonly source: BundleSource;
  readonly code: string;
  readonly map: string;
  readonly modules: readonly string[];
}

/** Checks a built file. `requires` are the modules it takes from the host, sorted. */
export async function checkContent(
  content: BuiltContent,
): Promise<{ readonly requires: readonly string[]; readonly problems: BuildProblem[] }> {
  const calls = await moduleCalls(content.code);
  const required = calls.filter((call) => call.kind === 'require').map((call) => (isNodeBuiltin(call.id) ? builtinName(call.id) : call.id));
  const requires = [...new Set(required)].sort();
  const problems = [
    ...packedProblems(content.source, content.modules),
    ...builtinProblems(content.source, requires),
    ...requires.flatMap((id) => requireProblem(content.source, id) ?? []),
    ...calls.filter((call) => call.kind === 'import').map((call) => importProblem(content, call.offset)),
  ];
  return { requires, problems };
}

interface ModuleCall {
  readonly kind: 'require' | 'import';
  readonly id: string;
  readonly offset: number;
}

/** Finds `require('x')` and `import(...)` in the code. Parsed, because comments and texts may contain both. */
async function moduleCalls(code: string): Promise<ModuleCall[]> {
  const { parseAst } = await import('rolldown/parseAst');
  const calls: ModuleCall[] = [];
  const visit = (node: unknown): void => {
    if (Array.isArray(node)) return node.forEach(visit);
    if (typeof node !== 'object' || node === null) return;
    const { type } = node as { type?: string };
    if (type === 'ImportExpression') calls.push({ kind: 'import', id: '', offset: (node as { start: number }).start });
    if (type === 'CallExpression') calls.push(...requireCall(node as never));
    for (const value of Object.values(node)) if (typeof value === 'object') visit(value);
  };
  visit(parseAst(code, { lang: 'js', sourceType: 'script' }).body);
  return calls;
}

function requireCall(node: {
  readonly start: number;
  readonly callee: { readonly type: string; readonly name?: string };
  readonly arguments: readonly { readonly type: string; readonly value?: unknown }[];
}): ModuleCall[] {
  const [first] = node.arguments;
  if (node.callee.type !== 'Identifier' || node.callee.name !== 'require' || typeof first?.value !== 'string') return [];
  return [{ kind: 'require', id: first.value, offset: node.start }];
}

function builtinProblems(source: BundleSource, requires: readonly string[]): BuildProblem[] {
  const undeclared = requires.filter((id) => isNodeBuiltin(id) && !source.builtins.includes(id));
  if (undeclared.length === 0) return [];
  const names = undeclared.map((name) => `"${name}"`).join(', ');
  return [
    {
      code: 'BUILD_BUILTIN_UNDECLARED',
      message: `it uses Node built-ins that its permissions do not name: ${undeclared.join(', ')}`,
      remedy: `Add ${names} to "sluice.permissions.builtins" in package.json, or avoid the package that needs them`,
    },
  ];
}

function requireProblem(source: BundleSource, id: string): BuildProblem | undefined {
  if (isNodeBuiltin(id) || OPEN_PACKAGES.includes(id) || source.hostPackages.includes(id)) return undefined;
  return {
    code: 'BUILD_IMPORT_UNRESOLVED',
    message: `it requires '${id}', which is neither packed nor given by the host`,
    remedy: 'Install the package, so that it is packed',
  };
}

function importProblem(content: BuiltContent, offset: number): BuildProblem {
  const place = placeOf(content, offset);
  return {
    code: 'BUILD_DYNAMIC_IMPORT',
    message: '`import()` cannot be used in a bundle: modules loaded that way are never freed when the bundle is replaced',
    remedy: 'Import it at the top of the file',
    ...(place === undefined ? {} : { place }),
  };
}

/** Place in the sources of an offset in the built file. */
function placeOf(content: BuiltContent, offset: number): string | undefined {
  const before = content.code.slice(0, offset).split('\n');
  const entry = new SourceMap(JSON.parse(content.map)).findEntry(before.length - 1, before.at(-1)?.length ?? 0);
  if (!('originalSource' in entry)) return undefined;
  const file = join(content.source.folder, 'dist', entry.originalSource);
  return `${relative(content.source.folder, file)}:${entry.originalLine + 1}:${entry.originalColumn + 1}`;
}

/** Packages whose code must not be inside. */
function packedProblems(source: BundleSource, modules: readonly string[]): BuildProblem[] {
  const moduleFolders = [...new Set(modules.map((module) => dirname(module)))];
  const packages = new Set(moduleFolders.map(packageFolder).filter((folder) => folder !== undefined));
  packages.delete(source.folder);
  return [...packages].flatMap((folder) => packedProblem(folder) ?? []);
}

function packageFolder(folder: string): string | undefined {
  for (let at = folder; ; at = dirname(at)) {
    if (existsSync(join(at, 'package.json')) && namedPackage(at)) return at;
    if (dirname(at) === at || at.endsWith(`${sep}node_modules`)) return undefined;
  }
}

/** Packages put package.json files without a name into sub-folders to mark the module format. */
function namedPackage(folder: string): boolean {
  return typeof packageAt(folder)['name'] === 'string';
}

function packageAt(folder: string): Record<string, unknown> {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Record<string, unknown>;
}

function packedProblem(folder: string): BuildProblem | undefined {
  const packageJson = packageAt(folder);
  const name = String(packageJson['name']);
  if (NEVER_PACKED.has(name)) {
    const granted = GRANTED_PACKAGES.includes(name);
    return {
      code: 'BUILD_PACKED_HOST_PACKAGE',
      message: `'${name}' would be packed, but it must come from the host: a copy per revision leaks or is another brand`,
      remedy: granted ? `Name it in "sluice.permissions.hostPackages" (system bundles only)` : `Import '${name}' itself, no path inside it`,
    };
  }
  if (name === '@sluice/kernel' || isBundlePackage(packageJson)) {
    return {
      code: 'BUILD_IMPORTS_BUNDLE',
      message: `it imports '${name}', but a bundle may use ${name === '@sluice/kernel' ? 'the kernel' : 'another bundle'} through services only`,
      remedy: 'Import the contract from its -api package and declare a @Reference',
    };
  }
  if (existsSync(join(folder, 'binding.gyp'))) {
    return {
      code: 'BUILD_NATIVE_ADDON',
      message: `'${name}' is a native add-on and cannot be packed: it cannot be unloaded with a revision`,
      remedy: 'Use a package without native code, or a host package named in "sluice.permissions.hostPackages"',
    };
  }
  return undefined;
}

function isBundlePackage(packageJson: Record<string, unknown>): boolean {
  const section = packageJson['sluice'];
  return typeof section === 'object' && section !== null && !String(packageJson['name']).endsWith('-api');
}
