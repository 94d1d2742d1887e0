/**
 * The class space of one revision: everything its code can name besides its own file. `require` yields the SDK, tsyringe through a facade,
 * granted host packages and built-ins, and wired imports; anything else is refused with what to add to the manifest.
 */
import { SluiceError } from '@sluice/sdk';
import type { DependencyContainer } from 'tsyringe';
import { BundleConsole } from './bundle-console.js';
import { BundleTimers, timerFunctions } from './bundle-timers.js';
import {
  GRANTABLE_PACKAGES,
  OPEN_PACKAGES,
  builtinName,
  isGranted,
  isNeverGranted,
  loadBuiltin,
  packageOf,
  requireFromKernel,
} from './host-packages.js';
import type { LoadRequest } from './ports.js';
import { generationFor, sdkGenerations, type SdkGeneration } from './sdk-generations.js';
import { processModule, ShadowProcess } from './shadow-process.js';
import { newRootContainer, tsyringeFacade } from './tsyringe-facade.js';

/** Names of the shadowed globals, in the order of {@link ClassSpace.globals}. */
export const SHADOWED_GLOBALS = [
  'process',
  'console',
  'setTimeout',
  'setInterval',
  'setImmediate',
  'clearTimeout',
  'clearInterval',
  'clearImmediate',
] as const;

/** See the head of the file. */
export class ClassSpace {
  private ownTimers: BundleTimers | undefined;
  private ownContainer: DependencyContainer | undefined;
  private facade: object | undefined;
  private closed = false;

  /** @param generations SDKs to choose from; default: those of this kernel. */
  constructor(
    private readonly request: LoadRequest,
    private readonly generations: readonly SdkGeneration[] = sdkGenerations(),
  ) {}

  /** The revision's root container, made when first asked for: most bundles have no class that needs one. */
  get container(): DependencyContainer {
    return (this.ownContainer ??= newRootContainer());
  }

  /** The timers of the revision; most have none. */
  get timers(): BundleTimers {
    if (this.ownTimers === undefined) {
      this.ownTimers = new BundleTimers(this.request.manifest.symbolicName, this.request.hooks);
      if (this.closed) this.ownTimers.close();
    }
    return this.ownTimers;
  }

  /** What `close` would take down. */
  pending(): readonly string[] {
    return this.ownTimers?.pending() ?? [];
  }

  /** Cancels the timers and refuses new ones. */
  close(): void {
    this.closed = true;
    this.ownTimers?.close();
  }

  /** Values of the shadowed globals. Nothing of them is kept here: what the code does not name is garbage at once. */
  globals(): unknown[] {
    const { hooks } = this.request;
    return [this.process(), new BundleConsole((level, message) => hooks.print(level, message)), ...timerFunctions(this)];
  }

  private process(): ShadowProcess {
    const { hooks, manifest } = this.request;
    return new ShadowProcess(manifest.symbolicName, (text) => hooks.print('warn', text));
  }

  /** `require` as the code sees it. */
  readonly require = (name: unknown): unknown => {
    if (typeof name !== 'string') throw new TypeError(`require() takes a string, found ${typeof name}`);
    if (name === '@sluice/sdk') return generationFor(this.generations, this.request.manifest.sdkRange).load();
    if (name === 'tsyringe') return (this.facade ??= tsyringeFacade(() => this.container));
    const wired = this.request.imports.get(name);
    if (wired !== undefined) return wired();
    const builtin = builtinName(name);
    if (builtin !== undefined) return this.requireBuiltin(name, builtin);
    if ((OPEN_PACKAGES as readonly string[]).includes(name)) return requireFromKernel(name);
    const { hostPackages } = this.request.manifest.permissions;
    const owner = packageOf(name);
    if ((GRANTABLE_PACKAGES as readonly string[]).includes(owner) && hostPackages.includes(owner)) return requireFromKernel(name);
    throw this.refusal(name, remedyFor(name, owner));
  };

  private requireBuiltin(name: string, builtin: string): unknown {
    if (isNeverGranted(builtin)) throw this.refusal(name, 'No manifest can grant it: it reaches into other bundles. Use the SDK instead.');
    if (!isGranted(builtin, this.request.manifest.permissions.builtins)) {
      throw this.refusal(name, `Add "node:${builtin}" to sluice.permissions.builtins in its package.json.`);
    }
    return builtin === 'process' ? processModule(this.process()) : loadBuiltin(builtin);
  }

  private refusal(name: string, remedy: string): SluiceError {
    const { symbolicName, versionText } = this.request.manifest;
    return new SluiceError(
      'REQUIRE_REFUSED',
      `Bundle '${symbolicName}' ${versionText} requires '${name}', which it was not granted. ${remedy}`,
      {
        details: { bundle: symbolicName, version: versionText, module: name },
        remedy,
      },
    );
  }
}

function remedyFor(name: string, owner: string): string {
  if (name.startsWith('.') || name.startsWith('/')) {
    return 'An artifact is evaluated from one self-contained file: build it with `sluice build`.';
  }
  if ((GRANTABLE_PACKAGES as readonly string[]).includes(owner)) {
    return `Add "${owner}" to sluice.permissions.hostPackages in its package.json (system bundles only).`;
  }
  return `Pack '${owner}' into the bundle (list it under dependencies and run \`sluice build\`), or import it from another bundle with sluice.imports.`;
}
