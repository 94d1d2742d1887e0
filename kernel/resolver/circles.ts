/**
 * Circles among bundles. Contracts may go round: they are looked up while running, so a circle is only worth a notice. Packages may not:
 * their code is loaded, and none of the bundles could be the first. An optional import is left unwired where that opens the circle.
 */
import type { Engine } from './engine.js';
import { circles, shortestCircle } from './graph.js';
import { compareNodes, compareText, isAlive, type Node, type Offer } from './node.js';
import { PACKAGE_NAMESPACE, type CycleProblem, type ResolutionNotice, type Wiring } from './types.js';

/** Breaks or refuses circles of package imports. Returns notices of the circles that were broken. */
export function settleImportCircles(engine: Engine): readonly ResolutionNotice[] {
  const notices: ResolutionNotice[] = [];
  const starts = () => engine.opened.filter((node) => isAlive(node) && node.work?.slots?.some((slot) => isImport(node, slot.choice)));
  for (let open = starts(); open.length > 0; open = starts()) {
    const groups = circles(open, (node) => importsOf(engine, node));
    if (groups.length === 0) break;
    for (const members of groups) {
      const group = new Set(members);
      const broken = breakOptional(engine, group);
      notices.push(...broken);
      if (broken.length > 0) continue;
      const edges = (node: Node) => importsOf(engine, node);
      const problems = [...group]
        .filter((node) => node.work?.slots)
        .map((node) => cycleProblem(engine, shortestCircle(node, group, edges)));
      for (const problem of problems) engine.kill(engine.set.node(problem.bundle) as Node, { kind: 'reported', problem });
    }
    engine.propagate();
  }
  return notices.sort(compareNotices);
}

/** Circles of mandatory wires through bundles whose wires changed. */
export function contractCircles(wiring: Wiring, rewired: Iterable<string>): readonly ResolutionNotice[] {
  const edges = (key: string): readonly string[] => {
    const wires = wiring.get(key) ?? [];
    return wires.filter((wire) => !wire.requirement.optional && wire.provider !== key).map((wire) => wire.provider);
  };
  const notices = circles(rewired, edges).map((members): ResolutionNotice => {
    const first = [...members].sort(compareText)[0] as string;
    const path = shortestCircle(first, new Set(members), edges);
    const names = path.map((key, index) => {
      const next = path[(index + 1) % path.length];
      return wiring.get(key)?.find((wire) => wire.provider === next && !wire.requirement.optional)?.capability.name ?? '';
    });
    return { kind: 'contract-cycle', path, names };
  });
  return notices.sort(compareNotices);
}

function compareNotices(a: ResolutionNotice, b: ResolutionNotice): number {
  return compareText(a.path.join('\n'), b.path.join('\n')) || compareText(a.names.join('\n'), b.names.join('\n'));
}

function breakOptional(engine: Engine, group: ReadonlySet<Node>): readonly ResolutionNotice[] {
  const notices: ResolutionNotice[] = [];
  for (const node of [...group].sort(compareNodes)) {
    for (const slot of node.work?.slots ?? []) {
      const { need, choice } = slot;
      if (!need.optional || !isImport(node, choice) || !group.has(choice.node)) continue;
      engine.close(node, slot);
      notices.push({ kind: 'cycle-broken', path: [node.key, choice.node.key], names: [need.name] });
    }
  }
  return notices;
}

function cycleProblem(engine: Engine, path: readonly Node[]): CycleProblem {
  const keys = path.map((node) => node.key);
  const packages = packagesAlong(engine, path);
  return {
    kind: 'cycle',
    code: 'RESOLVER_CYCLE',
    bundle: keys[0] ?? '',
    path: keys,
    packages,
    suggestion: `Move what they share out of '${packages[0] ?? ''}' into a package that imports none of them, or make one of the imports optional.`,
  };
}

/** Steps over imports: not to the bundle itself, not to the kernel. */
function importsOf(engine: Engine, node: Node): readonly Node[] {
  const uses = engine.usesOf(node).filter(({ provider, capability }) => isImport(node, { node: provider, capability }));
  return uses.map((use) => use.provider);
}

function isImport(node: Node, choice: Offer | null): choice is Offer {
  return choice !== null && choice.node !== node && choice.node.bundle !== null && choice.capability.namespace === PACKAGE_NAMESPACE;
}

function packagesAlong(engine: Engine, path: readonly Node[]): readonly string[] {
  return path.map((node, index) => {
    const next = path[(index + 1) % path.length];
    const use = engine.usesOf(node).find(({ provider, capability }) => provider === next && isImport(node, { node: provider, capability }));
    return use?.capability.name ?? '';
  });
}
