/**
 * Start and stop of the whole framework: brings the bundles of the desired state up by ascending start level, and down in the exact
 * reverse order. A bundle that fails stays RESOLVED with its cause; the others start all the same.
 */
import { randomUUID } from 'node:crypto';
import { resolve } from '../resolver/index.js';
import type { Alarm, DesiredState } from '../host/ports.js';
import { loadArtifact, type ArchiveReader } from './artifacts.js';
import { Bundle, keyOf, problemOf, type Artifact } from './bundle.js';
import type { ChangeRunner } from './change-runner.js';
import { asSluiceError } from './failure.js';
import { isQuarantined } from './quarantine.js';
import type { KernelState } from './kernel-state.js';
import { attachments } from './fragments.js';
import { fragmentsOf, nextRevision, startOrder, type Action, type PreparedPlan, type Target } from './planner.js';
import type { ChangeOptions } from './runtime.js';

const OPTIONS: ChangeOptions = { actor: 'kernel', watchMs: 0 };

/** Installs what the desired state names, without starting anything. A content that cannot be read is an alarm, not the end. */
export async function installDesired(state: KernelState, desired: DesiredState, read: ArchiveReader): Promise<void> {
  state.nextBundleId = desired.nextBundleId;
  const loaded = await Promise.all(desired.bundles.map((one) => artifactOf(state, one.digest, read)));
  for (const [index, one] of desired.bundles.entries()) {
    const artifact = loaded[index];
    if (artifact === undefined || artifact === null) continue;
    if (one.autostart && one.startLevel <= desired.startLevel && (one.tier ?? artifact.manifest.isolation) === 'inline') {
      state.loader.compileAhead?.(artifact);
    }
    const { autostart, startLevel, revision, previous, tier = null } = one;
    state.bundles.add(new Bundle(one.bundleId, artifact, { autostart, startLevel, revision: Math.max(0, revision - 1), previous, tier }));
  }
}

async function artifactOf(state: KernelState, digest: string, read: ArchiveReader): Promise<Artifact | null> {
  try {
    return await loadArtifact(digest, state.store, read);
  } catch (error) {
    state.raiseAlarm(problemOf(asSluiceError(error)));
    return null;
  }
}

/** Shows the alarms of recovery. */
export function raiseAlarms(state: KernelState, alarms: readonly Alarm[]): void {
  for (const { code, message, details, remedy } of alarms)
    state.raiseAlarm({ code, message, details, ...(remedy === undefined ? {} : { remedy }) });
}

/** Moves the framework to a start level, level by level. */
export async function moveToStartLevel(state: KernelState, runner: ChangeRunner, level: number): Promise<void> {
  if (level > state.startLevel) await raise(state, runner, level);
  else await lower(state, runner, level);
  state.startLevel = level;
  state.emit('STARTLEVEL_CHANGED', 'framework', String(level));
}

async function raise(state: KernelState, runner: ChangeRunner, level: number): Promise<void> {
  const waiting = state
    .inOrder()
    .filter((bundle) => bundle.autostart && !bundle.isFragment && bundle.current === null && bundle.startLevel <= level)
    .filter((bundle) => !isQuarantined(bundle));
  const future = new Map(waiting.map((bundle) => [bundle, keyOf(bundle.artifact.manifest, nextRevision(bundle))]));
  const candidates = state.inOrder().map((bundle) => {
    const key = future.get(bundle);
    return key === undefined ? bundle.candidate : { ...bundle.candidate, key };
  });
  const resolution = resolve({ candidates, required: [...future.values()], wired: state.wiring, kernel: state.capabilities });
  state.rewire(resolution.wiring);
  const items = waiting.map((bundle) => ({
    key: future.get(bundle) as string,
    startLevel: bundle.startLevel,
    bundleId: bundle.bundleId,
    bundle,
  }));
  for (const { bundle, key, startLevel } of startOrder(items, resolution.wiring)) {
    state.startLevel = Math.max(state.startLevel, startLevel);
    if (!resolution.wiring.has(key)) {
      state.log.error(`'${bundle.symbolicName}' ${bundle.version} does not resolve and is not started`, { bundle: bundle.symbolicName });
      continue;
    }
    await transition(state, runner, [[bundle, 'start']], level);
  }
}

async function lower(state: KernelState, runner: ChangeRunner, level: number): Promise<void> {
  const running = state.inOrder().filter((bundle) => bundle.current !== null && bundle.startLevel > level);
  const items = running.map((bundle) => ({ key: bundle.key, startLevel: bundle.startLevel, bundleId: bundle.bundleId, bundle }));
  const ordered = startOrder(items, state.wiring).reverse();
  const levels = [...new Set(ordered.map((item) => item.startLevel))];
  for (const one of levels) {
    state.startLevel = one - 1;
    const members = ordered.filter((item) => item.startLevel === one).reverse();
    await transition(
      state,
      runner,
      members.map(({ bundle }) => [bundle, 'stop'] as const),
      one - 1,
    );
  }
}

/** Starts or stops bundles as the journal wants them already: not a decision, so not recorded. */
async function transition(
  state: KernelState,
  runner: ChangeRunner,
  members: readonly (readonly [Bundle, Action])[],
  startLevel: number,
): Promise<void> {
  const actions = new Map<Target, Action>();
  for (const [bundle, action] of members) {
    const { bundleId, artifact, autostart, startLevel: own, chosenTier: tier } = bundle;
    actions.set({ bundle, bundleId, artifact, autostart, startLevel: own, tier }, action);
  }
  const prepared: PreparedPlan = {
    wiring: state.wiring,
    actions,
    attachments: attachments(fragmentsOf(state.bundles), state.wiring),
    plan: { generation: state.registry.generation, changes: [], rebinds: [], restarts: [], routes: [], problems: [] },
  };
  const kind = members[0]?.[1] === 'stop' ? 'stop' : 'start';
  await runner.run({ kind, deployId: randomUUID(), prepared, options: OPTIONS, journaled: false, startLevel });
}
