/**
 * One bundle under development: from its sources to its new revision in the kernel, as fast as possible. Keeps rolldown loaded and the
 * evaluating child warm; packs in memory. Owns the child: close it.
 */
import { join, sep } from 'node:path';
import { SluiceError } from '../admin/errors.js';
import type { AdminClient } from '../admin/client.js';
import { buildBundle, BUNDLE_FILE, type BuiltBundle } from './toolchain/build.js';
import { codeForDebugger } from './toolchain/debug-map.js';
import { DefinitionReader } from './toolchain/definition-reader.js';
import { assembleArtifact } from './toolchain/pack.js';

/** What one turn did. Times in milliseconds; `totalMs` counts from the save. */
export type DevTurn =
  | {
      readonly bundle: string;
      readonly version: string;
      readonly buildMs: number;
      readonly packMs: number;
      readonly deployMs: number;
      readonly totalMs: number;
    }
  | { readonly error: unknown };

/** Builds and deploys one folder again and again. */
export class DevSession {
  private readonly reader = new DefinitionReader();
  private built: BuiltBundle | undefined;

  constructor(
    private readonly folder: string,
    private readonly client: Pick<AdminClient, 'deploy'>,
  ) {
    this.reader.warm();
  }

  /** Builds, packs and deploys. A failure is part of the answer: the next save may mend it. */
  async turn(savedAt: number): Promise<DevTurn> {
    try {
      const started = performance.now();
      const built = (this.built = await buildBundle(this.folder));
      const builtAt = performance.now();
      const { source } = built;
      const reading = await this.reader.read(source.symbolicName, join(source.folder, BUNDLE_FILE));
      // Each save is a version of its own, above the last one: the store keeps contents by version.
      const version = `${source.version.replace(/[-+].*$/, '')}-dev.${Date.now()}`;
      const artifact = await assembleArtifact({ ...built, code: codeForDebugger(built) }, reading, version);
      const packedAt = performance.now();
      const outcome = await this.client.deploy([artifact.bytes], { watchMs: 0 });
      if (outcome.outcome !== 'committed') throw refusal(outcome.error);
      const now = performance.now();
      return {
        bundle: source.symbolicName,
        version,
        buildMs: builtAt - started,
        packMs: packedAt - builtAt,
        deployMs: now - packedAt,
        totalMs: performance.timeOrigin + now - savedAt,
      };
    } catch (error) {
      return { error };
    }
  }

  /** Files outside the folder that the bundle is made of, except installed packages. */
  outsideFiles(): readonly string[] {
    const inside = this.folder + sep;
    return (this.built?.inputs ?? []).filter((file) => !file.startsWith(inside) && !file.includes(`${sep}node_modules${sep}`));
  }

  /** Ends the child. */
  close(): void {
    this.reader.close();
  }
}

function refusal(error: { readonly code: string; readonly message: string; readonly remedy?: string } | undefined): SluiceError {
  return new SluiceError(error?.code ?? 'DEPLOY_REFUSED', error?.message ?? 'The deploy was refused', {
    httpStatus: 422,
    ...(error?.remedy === undefined ? {} : { remedy: error.remedy }),
  });
}
