/**
 * Plans a change: what the system looks like afterwards, whether it resolves, and the blast radius as data. Pure: reads bundles,
 * touches nothing.
 */
import { effectiveTier, type Manifest, type Tier } from '../model/index.js';
import {
  consumersOf,
  PACKAGE_NAMESPACE,
  renderProblem,
  resolve,
  type Capability,
  type Resolution,
  type ResolutionProblem,
  type ResolveInput,
  type ResolverBundle,
  type Wiring,
} from '../resolver/index.js';
import { keyOf, nameOfKey, type Artifact, type Bundle } from './bundle.js';
import type { BundleTable } from './bundle-table.js';
import { tierProblem } from './tier-problem.js';
import { attachments, changedHosts, shallTargetRun, type Attachments, type FragmentContent } from './fragments.js';
import { contractChanges, contractProblems } from './contract-changes.js';
import type { ChangePlan, ContractChange, ProblemData } from './runtime.js';
import { unservedWithout } from './unserved.js';

/** What shall become of one bundle. */
export interface Target {
  /** The installed bundle, or null when it is new. */
  readonly bundle: Bundle | null;
  readonly bundleId: number;
  /** Content afterwards; null: uninstalled. */
  readonly artifact: Artifact | null;
  readonly autostart: boolean;
  readonly startLevel: number;
  /** The isolation tier an operator chose; null: as the manifest says. */
  readonly tier: Tier | null;
  /** A new revision also of the same content: it imports a package of a bundle that is replaced, or its configuration changes with it. */
  readonly refresh?: boolean;
}

/** What a target does. */
export type Action = ChangePlan['changes'][number]['action'];

/** A plan with what the runner needs besides the data. */
export interface PreparedPlan {
  readonly plan: ChangePlan;
  /** Wiring after the change. */
  readonly wiring: Wiring;
  readonly actions: ReadonlyMap<Target, Action>;
  /** Fragments after the change. */
  readonly attachments: Attachments;
}

/** The system as the planner sees it. */
export interface PlannerInput {
  readonly bundles: BundleTable;
  readonly targets: readonly Target[];
  readonly wiring: Wiring;
  readonly kernel: readonly Capability[];
  readonly generation: number;
  readonly frameworkStartLevel: number;
  /** Names of bundles with components that a change of provider builds anew. */
  readonly restartsWith: (changed: ReadonlySet<string>) => readonly string[];
}

/** Resolver key of a target's content after the change: a new revision gets the next number. */
export function targetKey(target: Target, action: Action): string | null {
  const { artifact, bundle } = target;
  if (artifact === null) return null;
  if (bundle !== null && (action === 'nothing' || action === 'stop')) return bundle.key;
  return keyOf(artifact.manifest, nextRevision(bundle));
}

/** Number of the next revision of a bundle. */
export function nextRevision(bundle: Bundle | null): number {
  return (bundle?.revisionNumber ?? 0) + 1;
}

/**
 * Computes the plan. Problems make it a refusal; nothing throws. Hosts that get other fragments by the change get a new revision with it,
 * and so does whoever imports their packages.
 */
export function planChange(input: PlannerInput): PreparedPlan {
  const prepared = planTargets(input);
  const hosts = hostsOf(input, prepared);
  if (hosts.length === 0) return prepared;
  const targets = [...input.targets, ...hosts];
  return planTargets({ ...input, targets: [...targets, ...importersOf(input.bundles, targets, input.wiring)] });
}

function planTargets(input: PlannerInput): PreparedPlan {
  const actions = new Map(input.targets.map((target) => [target, actionOf(target, input.frameworkStartLevel)]));
  const { candidates, required } = afterwards(input, actions);
  const resolution = resolve({ candidates, required, wired: input.wiring, kernel: input.kernel });
  const changedKeys = input.targets.flatMap((target) => {
    const key = targetKey(target, actions.get(target) ?? 'nothing');
    return [...(target.bundle === null ? [] : [target.bundle.key]), ...(key === null ? [] : [key])];
  });
  const changedNames = new Set(changedKeys.map(nameOfKey));
  const reached = new Set([...consumersOf(input.wiring, changedKeys), ...newConsumersOf(resolution, changedKeys)].map(nameOfKey));
  for (const name of changedNames) reached.delete(name);
  const problems = resolution.ok ? [] : resolution.problems.map(problemData);
  const contracts = input.targets.flatMap(contractsOf);
  const migrations = input.targets.flatMap(migrationsOf);
  const unserved = unservedWithout(input.bundles.inOrder(), leaving(input.targets, actions));
  return {
    wiring: resolution.wiring,
    actions,
    attachments: attachments(fragmentsAfterwards(input, actions), resolution.wiring),
    plan: {
      generation: input.generation,
      changes: input.targets.filter(isRecorded).map((target) => changeData(target, actions.get(target) ?? 'nothing')),
      rebinds: [...reached].sort(),
      restarts: [...new Set([...input.restartsWith(changedNames), ...refreshed(input.targets)])].sort(),
      routes: input.targets.flatMap((target) => routeData(target, actions.get(target) ?? 'nothing')),
      problems: [...problems, ...refusals(input.targets, contracts)],
      ...(unserved.length === 0 ? {} : { unserved }),
      ...(contracts.length === 0 ? {} : { contracts }),
      ...(migrations.length === 0 ? {} : { migrations }),
    },
  };
}

/** The bundles that run now and will not. */
function leaving(targets: readonly Target[], actions: ReadonlyMap<Target, Action>): ReadonlySet<Bundle> {
  const ends = (target: Target): boolean => actions.get(target) === 'stop' || actions.get(target) === 'uninstall';
  return new Set(
    targets.flatMap((target) => (target.bundle !== null && target.bundle.current !== null && ends(target) ? [target.bundle] : [])),
  );
}

/** Bundles whose wires changed and now lead to one of the given bundles. */
function newConsumersOf({ rewired, wiring }: Resolution, keys: readonly string[]): readonly string[] {
  const changed = new Set(keys);
  return rewired.filter((key) => wiring.get(key)?.some((wire) => changed.has(wire.provider)) === true);
}

function refreshed(targets: readonly Target[]): string[] {
  return targets.flatMap((target) => (isRecorded(target) || target.bundle === null ? [] : [target.bundle.symbolicName]));
}

/** The fragments there are after the change, under the keys they have then. */
function fragmentsAfterwards({ bundles, targets }: PlannerInput, actions: ReadonlyMap<Target, Action>): readonly FragmentContent[] {
  const changed = new Set(targets.map(({ bundleId }) => bundleId));
  const stayed = fragmentsOf(bundles).filter(({ bundleId }) => !changed.has(bundleId));
  const come = targets.flatMap((target): FragmentContent[] => {
    const { artifact, bundleId } = target;
    const key = targetKey(target, actions.get(target) ?? 'nothing');
    return artifact === null || key === null || artifact.manifest.fragment === null ? [] : [{ bundleId, key, artifact }];
  });
  return [...stayed, ...come];
}

/** The installed fragments. */
export function fragmentsOf(bundles: BundleTable): readonly FragmentContent[] {
  return bundles.inOrder().filter((bundle) => bundle.isFragment);
}

/** The running hosts that get other fragments by a change and no new revision by it yet: files and defaults are read at the start. */
function hostsOf({ bundles, wiring, targets }: PlannerInput, { attachments: after }: PreparedPlan): Target[] {
  const taken = new Set(targets.map(({ bundleId }) => bundleId));
  return changedHosts(attachments(fragmentsOf(bundles), wiring), after).flatMap((key) => {
    const bundle = bundles.withKey(key);
    return bundle === undefined || bundle.current === null || taken.has(bundle.bundleId) ? [] : [refreshOf(bundle)];
  });
}

function refreshOf(bundle: Bundle): Target {
  const { bundleId, artifact, autostart, startLevel, chosenTier: tier } = bundle;
  return { bundle, bundleId, artifact, autostart, startLevel, tier, refresh: true };
}

/**
 * The running bundles that import packages of replaced ones, directly or through others: code they hold would be of the old revision, so
 * they get a new revision in the same switch. A bundle that is a target already is left out.
 */
export function importersOf(bundles: BundleTable, targets: readonly Target[], wiring: Wiring): Target[] {
  const replaced = new Set(
    targets.flatMap(({ bundle, artifact, refresh }) =>
      bundle === null || (bundle.artifact.digest === artifact?.digest && refresh !== true) ? [] : [bundle.key],
    ),
  );
  const taken = new Set(targets.map(({ bundleId }) => bundleId));
  const found: Target[] = [];
  for (let layer = [...replaced]; layer.length > 0;) {
    const next: string[] = [];
    for (const key of consumersOf(wiring, layer)) {
      const bundle = bundles.withKey(key);
      if (bundle === undefined || bundle.current === null || taken.has(bundle.bundleId)) continue;
      const wires = wiring.get(key) ?? [];
      if (!wires.some((wire) => wire.requirement.namespace === PACKAGE_NAMESPACE && replaced.has(wire.provider))) continue;
      found.push(refreshOf(bundle));
      taken.add(bundle.bundleId);
      replaced.add(key);
      next.push(key);
    }
    layer = next;
  }
  return found.sort((a, b) => a.bundleId - b.bundleId);
}

/** False for a target that only gets a new revision of the same content: nothing that the journal keeps changes. */
export function isRecorded({ refresh, bundle, artifact, autostart, startLevel, tier }: Target): boolean {
  if (refresh !== true || bundle === null || bundle.artifact.digest !== artifact?.digest) return true;
  return bundle.autostart !== autostart || bundle.startLevel !== startLevel || bundle.chosenTier !== tier;
}

/** What a target does, given the framework's start level. */
export function actionOf(target: Target, frameworkStartLevel: number): Action {
  const { bundle, artifact } = target;
  if (artifact === null) return 'uninstall';
  if (bundle === null) return 'install';
  const runs = bundle.current !== null;
  const shallRun = shallTargetRun(target, frameworkStartLevel);
  if (bundle.artifact.digest !== artifact.digest || (target.refresh === true && runs)) return 'swap';
  if (runs && shallRun && bundle.tier !== effectiveTier(artifact.manifest.isolation, target.tier)) return 'swap';
  if (runs && !shallRun) return 'stop';
  if (!runs && shallRun) return 'start';
  return 'nothing';
}

/** The bundles after the change, as the resolver sees them, and which of them must resolve because they run. */
function afterwards(input: PlannerInput, actions: ReadonlyMap<Target, Action>): Pick<ResolveInput, 'candidates' | 'required'> {
  const planned = new Map<number, ResolverBundle | null>();
  const runs = new Map<string, boolean>();
  for (const target of input.targets) {
    const { artifact, bundle, bundleId } = target;
    const key = targetKey(target, actions.get(target) ?? 'nothing');
    if (artifact === null || key === null) {
      planned.set(bundleId, null);
      continue;
    }
    planned.set(bundleId, bundle !== null && bundle.key === key ? bundle.candidate : { key, manifest: artifact.manifest, bundleId });
    runs.set(key, shallTargetRun(target, input.frameworkStartLevel));
  }
  const after = input.bundles.inOrder().map((bundle) => {
    const candidate = planned.get(bundle.bundleId);
    planned.delete(bundle.bundleId);
    return candidate === undefined ? bundle.candidate : candidate;
  });
  // What is left is new, and new bundles have the highest ids.
  for (const candidate of planned.values()) after.push(candidate);
  const candidates = after.includes(null) ? after.filter((candidate) => candidate !== null) : (after as ResolverBundle[]);
  return { candidates, required: (key) => runs.get(key) ?? (input.bundles.withKey(key)?.current ?? null) !== null };
}

function changeData(target: Target, action: Action): ChangePlan['changes'][number] {
  return {
    symbolicName: (target.artifact?.manifest ?? target.bundle?.artifact.manifest)?.symbolicName ?? '',
    action,
    from: target.bundle?.version ?? null,
    to: target.artifact?.manifest.versionText ?? null,
    tier: target.artifact === null ? null : effectiveTier(target.artifact.manifest.isolation, target.tier),
  };
}

function routeData(target: Target, action: Action): ChangePlan['routes'] {
  const before = target.bundle?.current?.manifest ?? null;
  const after = action === 'stop' || action === 'uninstall' || !target.autostart ? null : (target.artifact?.manifest ?? null);
  const label = (manifest: Manifest): string => `${manifest.symbolicName}@${manifest.versionText}`;
  const mounts = new Set([before?.mount, after?.mount].filter((mount): mount is string => typeof mount === 'string'));
  return [...mounts].map((mount) => ({
    mount,
    from: before?.mount === mount ? label(before) : null,
    to: after?.mount === mount ? label(after) : null,
  }));
}

function problemData(problem: ResolutionProblem): ProblemData {
  const { code, suggestion, ...details } = problem;
  return { code, message: renderProblem(problem), remedy: suggestion, details };
}

/** What is refused although it resolves. */
function refusals(targets: readonly Target[], contracts: readonly ContractChange[]): readonly ProblemData[] {
  // A build of `sluice dev` promises nothing yet: what it breaks is told in the plan, and not refused on the way there or back.
  const inDevelopment = new Set(
    targets.flatMap(({ bundle, artifact }) => {
      const builds = [bundle?.artifact.manifest, artifact?.manifest].filter((manifest) => manifest?.version.prerelease[0] === 'dev');
      return builds.flatMap((manifest) => manifest?.symbolicName ?? []);
    }),
  );
  const versionOf = (bundle: string): string =>
    targets.find(({ artifact }) => artifact?.manifest.symbolicName === bundle)?.artifact?.manifest.versionText ?? '';
  return [
    ...contractProblems(
      contracts.filter(({ bundle }) => !inDevelopment.has(bundle)),
      versionOf,
    ),
    ...targets.flatMap(stateProblem),
    ...isolationProblems(targets),
  ];
}

function contractsOf({ bundle, artifact }: Target): readonly ContractChange[] {
  if (bundle === null || artifact === null || bundle.artifact.digest === artifact.digest) return [];
  return contractChanges(bundle.artifact.manifest, artifact.manifest);
}

/** Migrations that come with a content and were not in the one before: they run while the new revision starts. */
function migrationsOf({ bundle, artifact }: Target): NonNullable<ChangePlan['migrations']> {
  if (artifact === null) return [];
  const known = new Set(bundle?.artifact.manifest.migrations.map(({ name }) => name));
  const added = artifact.manifest.migrations.filter(({ name }) => !known.has(name));
  return added.map(({ name, phase }) => ({ bundle: artifact.manifest.symbolicName, name, phase }));
}

function stateProblem({ bundle, artifact }: Target): readonly ProblemData[] {
  const old = bundle?.current?.manifest;
  if (artifact === null || old === undefined || old.stateVersion === null) return [];
  const { stateVersion, stateReads, symbolicName, versionText } = artifact.manifest;
  if (stateVersion === null || old.stateVersion >= stateReads) return [];
  return [
    {
      code: 'STATE_TOO_OLD',
      message: `'${symbolicName}' ${versionText} takes over state of form ${stateReads} and up, but ${old.versionText} hands over form ${old.stateVersion}`,
      remedy: 'Deploy a version in between that reads the older form first.',
      details: { bundle: symbolicName, from: old.stateVersion, reads: stateReads },
    },
  ];
}

function isolationProblems(targets: readonly Target[]): ProblemData[] {
  return targets.flatMap(({ artifact, tier }) => {
    const manifest = artifact?.manifest;
    if (manifest === undefined) return [];
    const found = tierProblem(manifest, tier);
    return found === null ? [] : [found];
  });
}

/**
 * Order in which to start: by start level, then providers before their consumers, then install order. A cycle is broken at the
 * bundle with the lowest id.
 */
export function startOrder<T extends { readonly key: string; readonly startLevel: number; readonly bundleId: number }>(
  items: readonly T[],
  wiring: Wiring,
): T[] {
  const byKey = new Map(items.map((item) => [item.key, item]));
  const ordered: T[] = [];
  const seen = new Set<string>();
  const visitAll = (roots: readonly T[]): void => {
    // Iterative depth first: a chain of thousands of bundles must not overflow the stack.
    const stack: { item: T; next: number; providers: readonly T[] }[] = [];
    const enter = (item: T): void => {
      if (seen.has(item.key)) return;
      seen.add(item.key);
      const providers = (wiring.get(item.key) ?? [])
        .map((wire) => byKey.get(wire.provider))
        .filter((provider): provider is T => provider !== undefined && provider.startLevel === item.startLevel);
      stack.push({ item, next: 0, providers });
    };
    for (const root of roots) {
      enter(root);
      for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
        const provider = top.providers[top.next++];
        if (provider !== undefined) enter(provider);
        else {
          ordered.push(top.item);
          stack.pop();
        }
      }
    }
  };
  visitAll([...items].sort((a, b) => a.startLevel - b.startLevel || a.bundleId - b.bundleId));
  return ordered;
}
