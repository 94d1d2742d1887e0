/**
 * Bundles that are wanted but whose artifact is gone from the store: recovery raised an alarm, and there is nothing to show of them. Deploying
 * an artifact makes one the bundle that it was, under its old id; uninstalling one ends the alarm.
 */
import type { DesiredBundle } from '../host/ports.js';
import { Version, type Manifest } from '../model/index.js';
import type { KernelState } from './kernel-state.js';

/** The lost bundle that an artifact brings back: the one of its name, for non-singletons the one of its name and major version. */
export function lostBundleOf(state: KernelState, { symbolicName, singleton, version }: Manifest): DesiredBundle | undefined {
  return lostBundles(state).find(
    (one) => one.symbolicName === symbolicName && (singleton || Version.parse(one.version).major === version.major),
  );
}

/** The lost bundle of a name. */
export function lostBundleNamed(state: KernelState, name: string): DesiredBundle | undefined {
  return lostBundles(state).find(({ symbolicName, version }) => symbolicName === name || `${symbolicName}@${version}` === name);
}

function lostBundles(state: KernelState): readonly DesiredBundle[] {
  const present = new Set(state.inOrder().map(({ bundleId }) => bundleId));
  return state.journal.view.state.bundles.filter(({ bundleId }) => !present.has(bundleId));
}

/** Records that a lost bundle is not wanted any more: nothing of it runs, so there is nothing to stop. Returns the generation. */
export async function uninstallLost(state: KernelState, lost: DesiredBundle, deployId: string, actor: string): Promise<number> {
  const at = state.clock.now();
  const { symbolicName, bundleId, digest, version, startLevel } = lost;
  const generation = state.registry.generation + 1;
  const change = { symbolicName, bundleId, from: { digest, version }, to: null, autostart: false, startLevel };
  const baseGeneration = state.registry.generation;
  await state.journal.append([
    { type: 'begin', at, deployId, kind: 'uninstall', actor, baseGeneration, changes: [change] },
    { type: 'commit', at, deployId, generation },
    { type: 'done', at, deployId, outcome: 'confirmed' },
  ]);
  state.registry.withdraw([], generation);
  state.committed(generation);
  state.log.info(`'${symbolicName}' ${version}, whose artifact was lost, is uninstalled`, { generation });
  return generation;
}
