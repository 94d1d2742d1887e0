/** The desired state as a document: what is installed, in which content, whether and where it runs, and how it is configured. */
import type { DeployedRelease } from '../host/ports.js';
import { secretKeys } from './configuration.js';
import type { KernelState } from './kernel-state.js';
import { isPlainSecret } from './release-configuration.js';
import type { DesiredStateDocument, ReleaseEntry } from './runtime.js';

/** Writes down the desired state. Secrets that are kept as plain values are left out and named; references to them are kept. */
export async function desiredState(state: KernelState): Promise<DesiredStateDocument> {
  const configuration: Record<string, Record<string, unknown>> = {};
  const omitted: { bundle: string; key: string }[] = [];
  await state.withConfigSource(async (source) => {
    for (const { symbolicName, artifact } of state.inOrder()) {
      if (artifact.manifest.config === null || source === undefined) continue;
      const secrets = secretKeys(artifact.manifest);
      const values = Object.assign(
        {},
        ...(await source.layers(symbolicName)).filter(({ layer }) => layer !== 'plugin').map((layer) => layer.stored ?? layer.values),
      ) as object;
      const kept = Object.entries(values).filter(([key, value]) => !(secrets.has(key) && isPlainSecret(value)));
      if (kept.length > 0) configuration[symbolicName] = Object.fromEntries(kept);
      for (const key of Object.keys(values)) {
        if (!kept.some(([name]) => name === key)) omitted.push({ bundle: symbolicName, key });
      }
    }
  });
  const release = currentRelease(state);
  return {
    generation: state.registry.generation,
    startLevel: state.startLevel,
    release: release === undefined ? null : { name: release.release.name, version: release.release.version },
    bundles: state.inOrder().map(({ symbolicName, version, artifact, autostart, startLevel, chosenTier }) => ({
      ...{ name: symbolicName, version, digest: artifact.digest, autostart, startLevel },
      ...(chosenTier === null ? {} : { tier: chosenTier }),
    })),
    configuration,
    omitted,
  };
}

/** The release in force: the one deployed last that was not taken back. */
export function currentRelease(state: KernelState): DeployedRelease | undefined {
  return state.journal.view.state.releases?.findLast((one) => one.outcome !== 'rolled-back');
}

/** A deployed release as plain data. */
export function releaseEntry({ release, deployId, at, actor, generation, outcome }: DeployedRelease): ReleaseEntry {
  const { name, version, note, complete, bundles, configuration } = release;
  return {
    ...{ name, version, deployId, at, actor, generation, outcome, complete, configuration },
    ...(note === undefined ? {} : { note }),
    bundles: bundles.map(({ symbolicName, ...rest }) => ({ name: symbolicName, ...rest })),
  };
}
