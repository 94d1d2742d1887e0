/**
 * What a bundle may `require` besides its own file and its wired imports: the packages of the host. They are loaded once, by the kernel,
 * because they are native, process-wide, or leak when loaded per revision.
 */
import { createRequire, isBuiltin } from 'node:module';
import { SluiceError } from '@sluice/sdk';

/** Open to every bundle. */
export const OPEN_PACKAGES = ['@sluice/sdk', 'tsyringe', 'reflect-metadata', '@koa/router'] as const;

/** Granted by name in `permissions.hostPackages`, to system bundles. */
export const GRANTABLE_PACKAGES = [
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
] as const;

/** Never granted: each of them reaches around the class space or into other bundles. */
const REFUSED_BUILTINS = new Set(['module', 'repl', 'inspector', 'cluster']);

// Relative to the kernel: a bundle sees the kernel's copy, whatever lies in the folder the process was started from.
const kernelRequire = createRequire(__filename);

/** Loads a package with the kernel's own `require`. */
export function requireFromKernel(name: string): unknown {
  return kernelRequire(name);
}

/** Package of a request such as `ajv/dist/2020` or `@koa/router`. */
export function packageOf(request: string): string {
  return request
    .split('/')
    .slice(0, request.startsWith('@') ? 2 : 1)
    .join('/');
}

/** Name of a built-in module without `node:`, or undefined for anything else. */
export function builtinName(request: string): string | undefined {
  if (!isBuiltin(request)) return undefined;
  return request.startsWith('node:') ? request.slice(5) : request;
}

/** True when `granted` names a built-in or the one it is a part of (`fs` covers `fs/promises`), with or without `node:`. */
export function isGranted(builtin: string, granted: readonly string[]): boolean {
  if (REFUSED_BUILTINS.has(packageOf(builtin))) return false;
  const names = granted.map((name) => (name.startsWith('node:') ? name.slice(5) : name));
  return names.includes(builtin) || names.includes(packageOf(builtin));
}

/** True for built-ins that no manifest can ask for. */
export function isNeverGranted(builtin: string): boolean {
  return REFUSED_BUILTINS.has(packageOf(builtin));
}

/** A granted built-in, without what must not run inline. */
export function loadBuiltin(builtin: string): unknown {
  if (builtin === 'child_process') return asyncChildProcess();
  return kernelRequire(`node:${builtin}`);
}

// While a synchronous child runs, nothing does: no request of any bundle, no watchdog.
function asyncChildProcess(): object {
  const facade: Record<string, unknown> = { ...(kernelRequire('node:child_process') as Record<string, unknown>) };
  for (const name of ['execSync', 'execFileSync', 'spawnSync']) {
    facade[name] = () => {
      throw new SluiceError('PROCESS_REFUSED', `child_process.${name}() would stop the whole process until the child ends`, {
        details: { name },
        remedy: `Use ${name.slice(0, -4)} and await its end.`,
      });
    };
  }
  return Object.freeze(facade);
}

let frozenSdk: object | undefined;

/** The SDK of the host, frozen: what one bundle changed there would change for all. */
export function sharedSdk(): object {
  if (frozenSdk !== undefined) return frozenSdk;
  const sdk = require('@sluice/sdk') as Record<string, unknown>;
  for (const value of Object.values(sdk)) {
    if (typeof value === 'function') Object.freeze((value as { prototype?: object }).prototype ?? {});
    if (typeof value === 'function' || (typeof value === 'object' && value !== null)) Object.freeze(value);
  }
  frozenSdk = Object.freeze(sdk);
  return frozenSdk;
}
