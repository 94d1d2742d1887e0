/**
 * How content comes in: stored, held against its signatures before it is read, read, held against name and version. The rules are the gate's;
 * here is their order.
 */
import { codeOf, SluiceError } from '@sluice/sdk';
import { addedPermissions } from '../trust/permission-rules.js';
import type { TrustGate } from '../trust/ports.js';
import type { KnownVersion } from '../trust/version-rules.js';
import { readArtifact, type ArchiveReader } from './artifacts.js';
import type { Artifact, Bundle } from './bundle.js';
import type { KernelState } from './kernel-state.js';
import type { ChangeOptions } from './runtime.js';

/**
 * Stores bytes and checks them in every respect. A refusal is recorded with the digest.
 * @throws SluiceError `SIGNATURE_*`, `ARCHIVE_*`, `MANIFEST_INVALID`, `VERSION_REUSED`, `VERSION_DOWNGRADE`, `PERMISSION_INCREASE`.
 */
export async function stageArtifact(state: KernelState, bytes: Uint8Array, read: ArchiveReader, options: ChangeOptions): Promise<Artifact> {
  const digest = await state.store.put(bytes);
  try {
    const verdict = state.trust.admit(digest, options.signatures ?? []);
    const artifact = readArtifact(bytes, digest, read);
    const installed = installedFor(state, artifact);
    const warnings = state.trust.accept(verdict, contentOf(artifact), {
      replaces: installed?.version,
      addedPermissions:
        installed === undefined ? [] : addedPermissions(installed.artifact.manifest.permissions, artifact.manifest.permissions),
      grantPermissions: options.grantPermissions === true,
      singleton: artifact.manifest.singleton,
      allowDowngrade: options.allowDowngrade === true,
    });
    for (const { code, message } of warnings) {
      // That nothing is signed is normal where nothing has to be; everything else deserves a look.
      const level = code === 'SIGNATURE_MISSING' ? 'debug' : 'warn';
      state.log[level](`'${artifact.manifest.symbolicName}' ${artifact.manifest.versionText} is let in: ${message}`, { code, digest });
    }
    await state.trust.settled();
    return artifact;
  } catch (error) {
    const [target, outcome] = [digest.slice(0, 12), 'not let in'];
    await state.audit.write({
      actor: options.actor,
      role: '',
      action: 'stage',
      target,
      phase: 'refused',
      outcome,
      code: codeOf(error),
      digests: [digest],
    });
    throw error;
  }
}

/** The bundle that an artifact would replace: the one of its name, for non-singletons the one of its name and major version. */
function installedFor({ bundles }: KernelState, { manifest }: Artifact): Bundle | undefined {
  const { singleton, symbolicName, version } = manifest;
  return bundles.named(symbolicName).find(({ artifact }) => singleton || artifact.manifest.version.major === version.major);
}

/**
 * Asked for every revision, right before its code is compiled: keys may have been revoked since it came in.
 * @throws SluiceError `SIGNATURE_*`.
 */
export function assertTrusted(trust: TrustGate, artifact: Artifact): void {
  const problem = trust.mayRun(contentOf(artifact));
  if (problem === null) return;
  const { symbolicName, versionText } = artifact.manifest;
  throw new SluiceError(problem.code, `'${symbolicName}' ${versionText} may not run: ${problem.message}`, {
    details: problem.details,
    httpStatus: 422,
    ...(problem.remedy === undefined ? {} : { remedy: problem.remedy }),
  });
}

/** Name, version and digest of an artifact; of a fragment also its host. */
export function contentOf({ digest, manifest }: Artifact): KnownVersion {
  const { symbolicName: bundle, versionText: version, fragment } = manifest;
  return { bundle, version, digest, ...(fragment === null ? {} : { host: fragment.host }) };
}
