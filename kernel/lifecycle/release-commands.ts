/**
 * Releases: a named set of bundles and configuration, deployed as one journaled change and taken back as one. Turns a release into
 * targets of the ordinary planner; everything after that is a change like any other. Runs inside the queue.
 */
import { randomUUID } from 'node:crypto';
import { SluiceError } from '@sluice/sdk';
import type { ReleaseRecord } from '../host/ports.js';
import { releaseLabel, type Manifest, type Release, type Tier } from '../model/index.js';
import { loadArtifact, type ArchiveReader } from './artifacts.js';
import { problemOf, type Artifact, type Bundle } from './bundle.js';
import type { Commands } from './commands.js';
import { asSluiceError } from './failure.js';
import type { KernelState } from './kernel-state.js';
import type { Target } from './planner.js';
import { planConfiguration } from './release-configuration.js';
import type { ChangeOptions, ChangeOutcome, ProblemData } from './runtime.js';
import { withConfigured } from './undo.js';
import type { RunningTrial, Trials } from './trials.js';

type ReleaseBundle = Release['bundles'][number];

/** Deploys and returns from releases. */
export class ReleaseCommands {
  readonly #state: KernelState;
  readonly #commands: Commands;
  readonly #trials: Trials;
  readonly #readArchive: ArchiveReader;

  constructor(state: KernelState, commands: Commands, trials: Trials, readArchive: ArchiveReader) {
    this.#state = state;
    this.#commands = commands;
    this.#trials = trials;
    this.#readArchive = readArchive;
  }

  /** Deploys a release. Artifacts that the kernel has need not come along. */
  async deploy(release: Release, bytes: readonly Uint8Array[], options: ChangeOptions): Promise<ChangeOutcome> {
    const deployId = options.deployId ?? randomUUID();
    const repeated = this.#commands.recorded(deployId);
    if (repeated !== null) return repeated;
    const refusals: ProblemData[] = [];
    const staged = await this.#commands.stage(bytes, options, refusals);
    const targets = await this.#targets(withTier(release, options.tier), staged, refusals);
    if (refusals.length > 0) return this.#commands.refused(deployId, refusals);
    const { changes, differences, problems } = await planConfiguration(this.#state, release, manifestsAfter(this.#state, targets));
    const work = { record: recordOf(release, targets), configuration: changes };
    return this.#commands.run('deploy', deployId, withConfigured(this.#state, targets, changes), options, {
      work,
      differences,
      problems,
    });
  }

  async #targets(release: Release, staged: readonly Artifact[], refusals: ProblemData[]): Promise<readonly Target[]> {
    const targets: Target[] = [];
    const unnamed = new Set(staged);
    for (const entry of release.bundles) {
      try {
        const artifact = await this.#artifactOf(entry, staged);
        unnamed.delete(artifact);
        targets.push(this.#target(entry, artifact, targets.length));
      } catch (error) {
        refusals.push(problemOf(asSluiceError(error)));
      }
    }
    refusals.push(...sameBundleTwice(targets));
    for (const { manifest } of unnamed) refusals.push(notNamed(release, manifest));
    if (release.complete === true) targets.push(...this.#removals(targets));
    return targets;
  }

  async #artifactOf(entry: ReleaseBundle, staged: readonly Artifact[]): Promise<Artifact> {
    const { name, version, digest } = entry;
    const installed = this.#state.bundles.named(name).map((bundle) => bundle.artifact);
    const known = [...staged, ...installed].filter(({ manifest }) => manifest.symbolicName === name && manifest.versionText === version);
    const found = digest === undefined ? known[0] : known.find((artifact) => artifact.digest === digest);
    if (found !== undefined) return found;
    if (digest !== undefined && (await this.#state.store.has(digest))) {
      const artifact = await loadArtifact(digest, this.#state.store, this.#readArchive);
      if (artifact.manifest.symbolicName === name && artifact.manifest.versionText === version) return artifact;
    }
    const other = digest === undefined ? undefined : known[0];
    throw new SluiceError(
      other === undefined ? 'RELEASE_ARTIFACT_MISSING' : 'RELEASE_DIGEST_MISMATCH',
      other === undefined
        ? `The artifact of '${name}' ${version} did not come with the release, and the kernel does not have it`
        : `'${name}' ${version} has the digest ${other.digest}, but the release names ${digest ?? ''}`,
      {
        details: { bundle: name, version, ...(digest === undefined ? {} : { digest }) },
        remedy:
          other === undefined ? 'Name its source in the release, or deploy it once.' : 'Take the artifact that the release was made of.',
        httpStatus: 422,
      },
    );
  }

  #target(entry: ReleaseBundle, artifact: Artifact, index: number): Target {
    const bundle = this.#commands.installedFor(artifact);
    const sameContent = bundle?.artifact.digest === artifact.digest;
    return {
      bundle,
      bundleId: bundle?.bundleId ?? this.#commands.idFor(artifact, index),
      artifact,
      autostart: entry.autostart ?? bundle?.autostart ?? true,
      startLevel: entry.startLevel ?? (sameContent ? (bundle as Bundle).startLevel : artifact.manifest.startLevel),
      tier: entry.tier ?? bundle?.chosenTier ?? null,
    };
  }

  /** What a complete release takes away: every bundle that it does not name. */
  #removals(targets: readonly Target[]): readonly Target[] {
    const named = new Set(targets.map(({ bundle }) => bundle));
    return this.#state.inOrder().flatMap((bundle) => {
      if (named.has(bundle)) return [];
      const { bundleId, startLevel, chosenTier } = bundle;
      return [{ bundle, bundleId, artifact: null, autostart: false, startLevel, tier: chosenTier }];
    });
  }

  /** Returns from the release deployed last: at once while it is on trial, by a swap later. */
  rollback(options: ChangeOptions): Promise<ChangeOutcome> {
    const { releases = [] } = this.#state.journal.view.state;
    const last = releases.findLast((one) => one.outcome !== 'rolled-back');
    const trial = last === undefined ? undefined : this.#trialOf(last.deployId);
    if (last === undefined) {
      throw new SluiceError('NOTHING_TO_ROLL_BACK', 'No release is deployed', {
        remedy: `'sluice releases' lists them; 'sluice rollback <bundle>' returns a single bundle.`,
        httpStatus: 409,
      });
    }
    if (trial !== undefined && options.dryRun !== true) {
      const reason = new SluiceError('ROLLED_BACK', `Release ${releaseLabel(last.release)} rolled back by ${options.actor}`);
      return this.#commands.returnTrial(trial, reason, options);
    }
    return this.#commands.undo(last.deployId, last.before, last.configuration, { ...options, watchMs: options.watchMs ?? 0 });
  }

  #trialOf(deployId: string): RunningTrial | undefined {
    return this.#trials.running.find((trial) => trial.deployId === deployId);
  }
}

/** A tier of the command line is for all bundles of which the file does not say one. */
function withTier(release: Release, tier: Tier | undefined): Release {
  return tier === undefined ? release : { ...release, bundles: release.bundles.map((entry) => ({ tier, ...entry })) };
}

/** The manifests of all bundles as they are after the change. */
function manifestsAfter(state: KernelState, targets: readonly Target[]): ReadonlyMap<string, Manifest> {
  const gone = new Set(targets.flatMap(({ bundle, artifact }) => (artifact === null && bundle !== null ? [bundle] : [])));
  const manifests = new Map<string, Manifest>();
  for (const bundle of state.inOrder()) if (!gone.has(bundle)) manifests.set(bundle.symbolicName, bundle.artifact.manifest);
  for (const { artifact } of targets) if (artifact !== null) manifests.set(artifact.manifest.symbolicName, artifact.manifest);
  return manifests;
}

function recordOf(release: Release, targets: readonly Target[]): ReleaseRecord {
  const { name, version, note, complete, configuration } = release;
  return {
    ...{ name, version, complete: complete === true, configuration: configuration ?? {} },
    ...(note === undefined ? {} : { note }),
    bundles: targets.flatMap(({ artifact, autostart, startLevel, tier }) => {
      if (artifact === null) return [];
      const { symbolicName, versionText } = artifact.manifest;
      const content = { digest: artifact.digest, version: versionText };
      return [{ symbolicName, ...content, autostart, startLevel, ...(tier === null ? {} : { tier }) }];
    }),
  };
}

/** Two contents for one bundle: only bundles that are no singletons may be there in several versions, of different majors. */
function sameBundleTwice(targets: readonly Target[]): readonly ProblemData[] {
  const seen = new Set<string>();
  return targets.flatMap(({ artifact }) => {
    const { symbolicName, singleton, version } = (artifact as Artifact).manifest;
    const key = singleton ? symbolicName : `${symbolicName}@${version.major}`;
    if (!seen.has(key)) {
      seen.add(key);
      return [];
    }
    return [
      {
        code: 'ARTIFACT_TWICE',
        message: `'${symbolicName}' is in the release twice`,
        remedy: 'Name one version of each bundle.',
        details: { bundle: symbolicName },
      },
    ];
  });
}

function notNamed(release: Release, { symbolicName, versionText }: Manifest): ProblemData {
  return {
    code: 'RELEASE_ARTIFACT_UNNAMED',
    message: `The artifact of '${symbolicName}' ${versionText} came along, but release ${releaseLabel(release)} does not name it`,
    remedy: 'Add it to the bundles of the release, or leave it out.',
    details: { bundle: symbolicName, version: versionText },
  };
}
