/**
 * Why bundles did not resolve, as typed problems: each dead bundle's own causes, or, when all its causes lie elsewhere, the shortest
 * chain to one. Sorted, causes first.
 */
import { nearestNames } from '../model/index.js';
import { requirementData, SDK_PACKAGE } from './derive.js';
import { livingOf, refusalOf, type Engine } from './engine.js';
import { compareNodes, isAlive, type Node, type Slot } from './node.js';
import { singletonProblem } from './singletons.js';
import type { ChainProblem, RefusedCandidate, ResolutionProblem, RequirementData } from './types.js';

/** Problems with a cause of their own. */
type OwnProblem = Exclude<ResolutionProblem, ChainProblem>;

/** Longest path of a chain in full; of a longer one both ends are kept. */
const PATH_MAX = 32;
const REFUSED_MAX = 5;
/** Different missing names for which similar ones are looked up; a report with more is not read name by name. */
const HINTS_MAX = 200;

/** Problems of required bundles (with their causes), and of all others. */
export function report(engine: Engine, isRequired: (key: string) => boolean): Record<'problems' | 'others', readonly ResolutionProblem[]> {
  const dead = engine.touchedNodes.filter((node) => !isAlive(node)).sort(compareNodes);
  if (dead.length === 0) return { problems: [], others: [] };
  const hints = new Hints(engine);
  const own = new Map(dead.map((node) => [node, ownProblems(engine, node, hints)]));
  const chains = chainProblems(engine, dead, own);
  const relevant = new Set<Node>();
  for (const node of dead) {
    if (!isRequired(node.key)) continue;
    relevant.add(node);
    const chain = chains.get(node);
    if (chain !== undefined) relevant.add(engine.set.node(chain.cause.bundle) as Node);
  }
  const ofAll = (nodes: readonly Node[]) => [
    ...nodes.flatMap((node) => own.get(node) ?? []),
    ...nodes.flatMap((node) => chains.get(node) ?? []),
  ];
  return { problems: ofAll(dead.filter((node) => relevant.has(node))), others: ofAll(dead.filter((node) => !relevant.has(node))) };
}

function ownProblems(engine: Engine, node: Node, hints: Hints): readonly OwnProblem[] {
  const death = node.work?.death;
  if (death?.kind === 'reported') return [death.problem];
  const exhausted = exhaustedSlots(node);
  return exhausted.flatMap((slot) => slotProblem(engine, node, slot, hints) ?? []);
}

/** The cause of an unfulfilled requirement; undefined when its providers are there but dead. */
function slotProblem(engine: Engine, node: Node, slot: Slot, hints: Hints): OwnProblem | undefined {
  const { need } = slot;
  const requirement = requirementData(need);
  for (const [offer, problem] of slot.excluded ?? []) if (isAlive(offer.node)) return { ...problem, bundle: node.key };
  if (slot.offers.length > 0) return undefined;
  const named = engine.set.named(need.namespace, need.name);
  if (named.length === 0) {
    const nearest = hints.for(need.namespace, need.name);
    return { kind: 'missing', code: 'RESOLVER_MISSING', bundle: node.key, requirement, nearest, suggestion: advice(requirement, nearest) };
  }
  const refused = named.slice(0, REFUSED_MAX).map(({ node: provider, capability }): RefusedCandidate => {
    const by = refusalOf(need, capability) ?? 'filter';
    return { provider: provider.key, version: capability.version?.toString() ?? null, by };
  });
  return {
    kind: 'filtered',
    code: 'RESOLVER_FILTERED',
    bundle: node.key,
    requirement,
    refused,
    suggestion: adviceFiltered(node, requirement, refused),
  };
}

interface Step {
  readonly slot: Slot;
  readonly provider: Node;
}

/** Chains of the dead that have no problem of their own, from the causes outwards, so that each is reached over the shortest. */
function chainProblems(engine: Engine, dead: readonly Node[], own: Map<Node, readonly OwnProblem[]>): Map<Node, ChainProblem> {
  const consumers = deadConsumers(dead, own);
  const next = new Map<Node, Step>();
  const queue = dead.filter((node) => hasOwn(own, node));
  spread(queue, consumers, next);
  for (const node of dead) {
    if (hasOwn(own, node) || next.has(node)) continue;
    // It was set aside because, in the end, it needs another version of itself.
    const others = engine.set
      .versionsOf(node)
      .filter((other) => other !== node && other.bundle?.manifest.singleton)
      .sort(compareNodes);
    const chosen = others.find(isAlive) ?? others[0];
    if (chosen === undefined) continue;
    own.set(node, [singletonProblem(node, chosen, 'needed')]);
    spread([node], consumers, next);
  }
  const chains = new Map<Node, ChainProblem>();
  for (const [node, { slot }] of next) if (!hasOwn(own, node)) chains.set(node, chainProblem(node, slot, next, own));
  return chains;
}

/** Who might have used what the dead offer. */
function deadConsumers(dead: readonly Node[], own: ReadonlyMap<Node, readonly OwnProblem[]>): Map<Node, { node: Node; slot: Slot }[]> {
  const consumers = new Map<Node, { node: Node; slot: Slot }[]>();
  for (const node of dead) {
    if (hasOwn(own, node)) continue;
    for (const slot of exhaustedSlots(node)) {
      for (const offer of slot.offers) {
        if (offer.node === node) continue;
        const list = consumers.get(offer.node);
        if (list === undefined) consumers.set(offer.node, [{ node, slot }]);
        else list.push({ node, slot });
      }
    }
  }
  return consumers;
}

function spread(queue: Node[], consumers: ReadonlyMap<Node, readonly { node: Node; slot: Slot }[]>, next: Map<Node, Step>): void {
  const causes = new Set(queue);
  for (let at = 0; at < queue.length; at++) {
    const provider = queue[at] as Node;
    for (const { node, slot } of consumers.get(provider) ?? []) {
      if (next.has(node) || causes.has(node)) continue;
      next.set(node, { slot, provider });
      queue.push(node);
    }
  }
}

function hasOwn(own: ReadonlyMap<Node, readonly OwnProblem[]>, node: Node): boolean {
  return (own.get(node) ?? []).length > 0;
}

function chainProblem(
  node: Node,
  slot: Slot,
  next: ReadonlyMap<Node, { readonly provider: Node }>,
  own: ReadonlyMap<Node, readonly OwnProblem[]>,
): ChainProblem {
  const path = [node];
  for (let step = next.get(node); step !== undefined; step = next.get(step.provider)) path.push(step.provider);
  const keys = path.map((at) => at.key);
  const omitted = Math.max(0, keys.length - PATH_MAX);
  if (omitted > 0) keys.splice(PATH_MAX / 2, omitted);
  const cause = own.get(path[path.length - 1] as Node)?.[0] as OwnProblem;
  return {
    kind: 'chain',
    code: 'RESOLVER_CHAIN',
    bundle: node.key,
    requirement: requirementData(slot.need),
    path: keys,
    omitted,
    cause,
    suggestion: cause.suggestion,
  };
}

function exhaustedSlots(node: Node): readonly Slot[] {
  return (node.work?.slots ?? []).filter((slot) => !slot.need.optional && livingOf(slot).length === 0);
}

/** Names that look like a missing one; each name is looked up once. */
class Hints {
  private readonly known = new Map<string, readonly string[]>();

  constructor(private readonly engine: Engine) {}

  for(namespace: string, name: string): readonly string[] {
    const key = `${namespace}\n${name}`;
    let nearest = this.known.get(key);
    if (nearest === undefined) {
      if (name === '' || this.known.size >= HINTS_MAX) return [];
      this.known.set(key, (nearest = nearestNames(name, this.engine.set.names(namespace))));
    }
    return nearest;
  }
}

function advice(requirement: RequirementData, nearest: readonly string[]): string {
  const wanted = requirement.name === '' ? `a capability in namespace '${requirement.namespace}'` : `'${requirement.name}'`;
  const deploy = `Deploy a bundle that offers ${wanted}${requirement.range === null ? '' : ` in ${requirement.range}`}`;
  return nearest.length === 0 ? `${deploy}.` : `${deploy}, or correct the name: '${nearest[0]}' is offered.`;
}

function adviceFiltered(node: Node, requirement: RequirementData, refused: readonly RefusedCandidate[]): string {
  if (requirement.name === SDK_PACKAGE)
    return `Build '${node.key}' against the SDK of this kernel, or deploy it on a kernel with SDK ${requirement.range ?? ''}.`;
  const wanted = requirement.name === '' ? 'a capability' : `'${requirement.name}'`;
  if (refused.every((candidate) => candidate.by === 'filter'))
    return `Deploy a bundle whose ${wanted} has attributes that match ${requirement.filter ?? ''}.`;
  return `Deploy a provider of ${wanted} in ${requirement.range ?? ''}, or a revision of '${node.key}' that accepts ${refused[0]?.version ?? 'what is there'}.`;
}
