/**
 * Which modules a bundle takes from the host at run time and which it carries in its own file.
 * The same split is enforced again by the class-space loader; here it decides what rolldown leaves outside.
 */
import { builtinModules } from 'node:module';

/** Open to every bundle, and never packed: a copy per revision would leak or be another brand. */
export const OPEN_PACKAGES: readonly string[] = ['@sluice/sdk', 'tsyringe', 'reflect-metadata', '@koa/router'];

/** Open to bundles that name them in `permissions.hostPackages` (system bundles). */
export const GRANTED_PACKAGES: readonly string[] = [
  'koa',
  'sequelize',
  'sqlite3',
  'pg',
  'pino',
  'chokidar',
  'find-my-way',
  'umzug',
  'croner',
  'ajv',
  'ajv-formats',
  'prom-client',
  '@opentelemetry/api',
];

/** Must not be packed even by a bundle that has no grant: native, process-wide, or leaking when loaded once per revision. */
export const NEVER_PACKED: ReadonlySet<string> = new Set([...OPEN_PACKAGES, 'koa', 'sequelize', 'sqlite3', 'pg', 'pino']);

/** True for a module of Node itself, with or without the `node:` prefix. */
export function isNodeBuiltin(id: string): boolean {
  return id.startsWith('node:') || BUILTINS.has(id);
}

/** A built-in's name in the form manifests use: `node:crypto`. */
export function builtinName(id: string): string {
  return id.startsWith('node:') ? id : `node:${id}`;
}

const BUILTINS: ReadonlySet<string> = new Set(builtinModules);

/** What rolldown leaves as `require` in the bundle, for a bundle with these grants. */
export function externalsOf(hostPackages: readonly string[]): (string | RegExp)[] {
  return [/^node:/, ...builtinModules, ...OPEN_PACKAGES, ...GRANTED_PACKAGES.filter((name) => hostPackages.includes(name))];
}
