/** Views of the state as plain data: what `ls`, `inspect`, `services`, `history` print. */
import { describeWiring } from '../resolver/index.js';
import type { HistoryRecord } from '../host/ports.js';
import { nameOfKey, type Bundle } from './bundle.js';
import type { KernelState } from './kernel-state.js';
import type { BundleDetail, BundleSummary, HistoryEntry } from './runtime.js';
import type { Trials } from './trials.js';

/** One line of `ls`. */
export function summarise(bundle: Bundle, trials: Trials): BundleSummary {
  const { manifest } = bundle.artifact;
  return {
    id: bundle.bundleId,
    symbolicName: bundle.symbolicName,
    version: bundle.version,
    state: bundle.state,
    startLevel: bundle.startLevel,
    autostart: bundle.autostart,
    revision: bundle.revisionNumber,
    digest: bundle.artifact.digest,
    family: manifest.family,
    tier: bundle.tier,
    lingering: bundle.older === null ? 0 : 1,
    onTrial: trials.of(bundle) !== undefined,
    ...(bundle.error === null ? {} : { error: bundle.error }),
  };
}

/** Everything about one bundle. */
export function detail(bundle: Bundle, state: KernelState, trials: Trials): BundleDetail {
  const rows = describeWiring(state.wiring);
  const { key } = bundle;
  const services = state.registry
    .services()
    .filter((service) => service.bundle === bundle.symbolicName && service.bundleVersion === bundle.version);
  return {
    ...summarise(bundle, trials),
    manifest: bundle.artifact.manifest.raw,
    previous: bundle.previous,
    wires: rows.filter((row) => row.consumer === key).map(({ namespace, name, provider }) => ({ namespace, name, provider })),
    usedBy: rows
      .filter((row) => row.provider === key && row.consumer !== key)
      .map(({ namespace, name, consumer }) => ({ namespace, name, consumer })),
    services: services.map(({ id, contract, version, users }) => ({ id, contract, version, users })),
    components: bundle.current?.components() ?? [],
    scope: bundle.current?.scope.describe() ?? [],
  };
}

/** One deploy of the history. */
export function historyEntry(record: HistoryRecord): HistoryEntry {
  return {
    deployId: record.deployId,
    at: record.at,
    kind: record.kind,
    actor: record.actor,
    outcome: record.outcome === 'aborted' ? 'refused' : record.outcome,
    generation: record.generation,
    bundles: record.changes.map(({ symbolicName, from, to }) => ({ symbolicName, from: from?.version ?? null, to: to?.version ?? null })),
    ...(record.release === undefined ? {} : { release: record.release }),
    ...(record.error === undefined ? {} : { error: { ...record.error, details: {} } }),
  };
}

/** Names of bundles with a component that must be built anew when one of the changed bundles is replaced. */
export function restartsWith(state: KernelState, changed: ReadonlySet<string>): readonly string[] {
  const names = new Set<string>();
  for (const bundle of state.inOrder()) {
    if (bundle.current?.hasComponents !== true || changed.has(bundle.symbolicName)) continue;
    for (const component of bundle.current.components()) {
      const hit = component.references.some(
        (reference) => reference.policy === 'static' && reference.bound.some((bound) => changed.has(nameOfKey(bound))),
      );
      if (hit) names.add(bundle.symbolicName);
    }
  }
  return [...names].sort();
}
