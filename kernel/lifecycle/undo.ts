/**
 * The way back from a change that is more than swaps: what was before, as targets of the ordinary planner. Reads; changes nothing.
 */
import { SluiceError } from '@sluice/sdk';
import type { BundleContent, DeployedRelease, OpenCommit } from '../host/ports.js';
import type { ConfigurationChange } from '../model/index.js';
import { loadArtifact, type ArchiveReader } from './artifacts.js';
import type { Artifact } from './bundle.js';
import type { KernelState } from './kernel-state.js';
import type { Target } from './planner.js';

/** True when a change cannot be taken back by bringing the replaced revisions back: it is whole, and installed, removed or moved bundles. */
export function wantsMoreThanSwaps({ begin, before }: OpenCommit): boolean {
  if (begin.release === undefined && begin.confirmWithinMs === undefined) return false;
  return begin.changes.some(({ bundleId, from, to, autostart, startLevel }) => {
    const old = before.find((one) => one.bundleId === bundleId);
    const moved = old?.autostart !== autostart || old.startLevel !== startLevel;
    return from === null || to === null || from.digest === to.digest || moved;
  });
}

/** The bundles of a change as they were before it. */
export function beforeOf({ begin, before }: OpenCommit): DeployedRelease['before'] {
  // Of an ordinary deploy, what it installed stays: only what it replaced failed.
  const whole = begin.release !== undefined || begin.confirmWithinMs !== undefined;
  return begin.changes.flatMap(({ symbolicName, bundleId, from, startLevel: level }) => {
    if (from === null && !whole) return [];
    const { autostart = false, startLevel = level, tier } = before.find((one) => one.bundleId === bundleId) ?? {};
    return [{ symbolicName, bundleId, content: from, autostart, startLevel, ...(tier === undefined ? {} : { tier }) }];
  });
}

/**
 * The targets that lead back.
 * @throws SluiceError `ROLLBACK_CONTENT_GONE` when an artifact is no longer stored.
 */
export async function targetsBefore(
  state: KernelState,
  before: DeployedRelease['before'],
  readArchive: ArchiveReader,
): Promise<readonly Target[]> {
  const targets: Target[] = [];
  for (const { symbolicName, bundleId, content, autostart, startLevel, tier = null } of before) {
    const bundle = state.inOrder().find((one) => one.bundleId === bundleId) ?? null;
    if (content === null && bundle === null) continue;
    const artifact = content === null ? null : await keptArtifact(state, symbolicName, content, readArchive);
    targets.push({ bundle, bundleId: bundle?.bundleId ?? state.nextBundleId + targets.length, artifact, autostart, startLevel, tier });
  }
  return targets;
}

async function keptArtifact(
  state: KernelState,
  symbolicName: string,
  { digest, version }: BundleContent,
  readArchive: ArchiveReader,
): Promise<Artifact> {
  const installed = state.bundles.named(symbolicName).find((bundle) => bundle.artifact.digest === digest);
  if (installed !== undefined) return installed.artifact;
  if (await state.store.has(digest)) return loadArtifact(digest, state.store, readArchive);
  throw new SluiceError('ROLLBACK_CONTENT_GONE', `'${symbolicName}' ${version} is no longer stored, so there is no way back to it`, {
    details: { bundle: symbolicName, version, digest },
    remedy: 'Deploy that version again from its source.',
    httpStatus: 409,
  });
}

/** The targets, with a new revision for every running bundle whose configuration changes. */
export function withConfigured(state: KernelState, targets: readonly Target[], changes: readonly ConfigurationChange[]): readonly Target[] {
  const names = new Set(changes.map(({ bundle }) => bundle));
  const all: Target[] = targets.map((one) =>
    names.has(one.artifact?.manifest.symbolicName ?? '') && one.bundle?.current != null ? { ...one, refresh: true } : one,
  );
  const taken = new Set(targets.map(({ bundleId }) => bundleId));
  for (const bundle of state.inOrder()) {
    if (!names.has(bundle.symbolicName) || bundle.current === null || taken.has(bundle.bundleId)) continue;
    const { bundleId, artifact, autostart, startLevel, chosenTier: tier } = bundle;
    all.push({ bundle, bundleId, artifact, autostart, startLevel, tier, refresh: true });
  }
  return all;
}
