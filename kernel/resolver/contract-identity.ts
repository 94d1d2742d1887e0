/**
 * Contract identity across wires. When a consumer is wired to a provider, values pass between them; whoever both know under one contract
 * must be the same thing to both, so for each contract that both see they must see a common major version ("uses" in OSGi, without the
 * search). What a bundle sees: the contracts it is wired to and those it provides. A provider may narrow the check with an attribute
 * `uses`: a list of the contracts whose values pass through what it provides.
 *
 * A conflict is settled by taking, for one of the three wires involved, the next best offer that fits; an offer once left is never
 * taken again, so this ends. Existing wires of other bundles are not moved for it.
 */
import { isUsable, type Engine } from './engine.js';
import { requirementData } from './derive.js';
import { compareNodes, isAlive, type Node, type Offer, type Slot } from './node.js';
import { CONTRACT_NAMESPACE, PACKAGE_NAMESPACE, type Capability, type ContractConflictProblem, type Requirement } from './types.js';

type Majors = Map<string, Set<number>>;

interface Conflict {
  readonly consumer: Node;
  readonly provider: Node;
  readonly slot: Slot | null;
  readonly requirement: Requirement;
  readonly contract: string;
  readonly consumerSees: ReadonlySet<number>;
  readonly providerSees: ReadonlySet<number>;
}

/** Settles conflicts one after the other. Returns true when anything changed. */
export function settleContractIdentity(engine: Engine): boolean {
  const views = new Views(engine);
  let changed = false;
  for (let again = true; again; changed ||= again) {
    again = false;
    const consumers = consumersInDoubt(engine);
    if (!anyContractHasTwoMajors(engine, consumers)) break;
    for (const consumer of consumers.sort(compareNodes)) {
      for (let conflict = conflictOf(engine, consumer, views); conflict !== undefined; conflict = conflictOf(engine, consumer, views)) {
        again = true;
        settle(engine, conflict, views);
        engine.propagate();
      }
    }
  }
  return changed;
}

/** What bundles see, remembered until they see something else. */
class Views {
  private readonly known = new Map<Node, { readonly changes: number; readonly majors: Majors }>();

  constructor(private readonly engine: Engine) {}

  of(node: Node): Majors {
    const known = this.known.get(node);
    const changes = node.work?.changes ?? 0;
    if (known?.changes === changes) return known.majors;
    const majors = seenBy(this.engine, node);
    this.known.set(node, { changes, majors });
    return majors;
  }
}

/** Majors of each contract that a bundle sees. */
function seenBy(engine: Engine, node: Node): Majors {
  const majors: Majors = new Map();
  const add = ({ namespace, name, version }: Capability) => {
    if (namespace !== CONTRACT_NAMESPACE || version === null) return;
    const seen = majors.get(name);
    if (seen === undefined) majors.set(name, new Set([version.major]));
    else seen.add(version.major);
  };
  for (const capability of node.derived.capabilities) add(capability);
  for (const { capability } of engine.usesOf(node)) add(capability);
  return majors;
}

function conflictOf(engine: Engine, consumer: Node, views: Views): Conflict | undefined {
  if (!isAlive(consumer)) return undefined;
  for (const { slot, requirement, provider, capability } of engine.usesOf(consumer)) {
    engine.budget.spend(1);
    if (provider === consumer || provider.bundle === null) continue;
    if (capability.namespace !== CONTRACT_NAMESPACE && capability.namespace !== PACKAGE_NAMESPACE) continue;
    const found = disagreement(views.of(consumer), views.of(provider), capability);
    if (found !== undefined) return { consumer, provider, slot, requirement, ...found };
  }
  return undefined;
}

/** The usual case ends here, without any view being made: no contract is about in two majors. */
function anyContractHasTwoMajors(engine: Engine, consumers: readonly Node[]): boolean {
  const majors = new Map<string, number>();
  const seen = new Set<Node>();
  const isSecond = ({ namespace, name, version }: Capability): boolean => {
    if (namespace !== CONTRACT_NAMESPACE || version === null) return false;
    const first = majors.get(name);
    if (first === undefined) majors.set(name, version.major);
    return first !== undefined && first !== version.major;
  };
  const hasSecond = (node: Node): boolean => {
    if (node.bundle === null || seen.has(node)) return false;
    seen.add(node);
    return node.derived.capabilities.some(isSecond) || engine.usesOf(node).some((use) => isSecond(use.capability));
  };
  for (const consumer of consumers) {
    engine.budget.spend(1);
    if (hasSecond(consumer) || engine.usesOf(consumer).some((use) => hasSecond(use.provider))) return true;
  }
  return false;
}

/** Bundles whose wires changed, and those that keep their wires to such a bundle: its view may differ from theirs now. */
function consumersInDoubt(engine: Engine): Node[] {
  const opened = engine.opened.filter(isAlive);
  const kept = new Set<Node>();
  for (const { consumers, wires } of opened) {
    if (wires === null) continue;
    for (const consumer of consumers) if (isAlive(consumer) && !consumer.work?.slots) kept.add(consumer);
  }
  return [...opened, ...kept];
}

/** The first contract, by name, of which the two sides see no common major. */
function disagreement(
  consumer: Majors,
  provider: Majors,
  through: Capability,
): Pick<Conflict, 'contract' | 'consumerSees' | 'providerSees'> | undefined {
  const uses = through.attributes['uses'];
  let first: Pick<Conflict, 'contract' | 'consumerSees' | 'providerSees'> | undefined;
  for (const [contract, consumerSees] of consumer) {
    const providerSees = provider.get(contract);
    if (providerSees === undefined || (first !== undefined && first.contract < contract)) continue;
    if (Array.isArray(uses) && !uses.includes(contract)) continue;
    if (!overlaps(consumerSees, providerSees)) first = { contract, consumerSees, providerSees };
  }
  return first;
}

function overlaps(a: ReadonlySet<number>, b: ReadonlySet<number>): boolean {
  for (const major of a) if (b.has(major)) return true;
  return false;
}

/** One wire that could be another, to end a conflict. */
interface Move {
  readonly node: Node;
  readonly slot: Slot;
  readonly fits: (offer: Offer) => boolean;
}

function settle(engine: Engine, conflict: Conflict, views: Views): void {
  const moves = movesFor(conflict, views);
  // Wires in force are moved last, and those of the provider not at all.
  for (const inForce of [false, true]) {
    const open = moves.filter(({ node, slot }) => isHeld(slot) === inForce && !(inForce && node === conflict.provider));
    if (open.some((move) => narrow(engine, move, conflict))) return;
    // An optional wire is given up before a bundle is.
    const optional = open.find(({ slot }) => slot.need.optional);
    if (optional !== undefined) return engine.close(optional.node, optional.slot);
  }
  engine.kill(conflict.consumer, { kind: 'reported', problem: conflictProblem(conflict, conflict.consumer) });
}

/** The consumer's wire to the contract, its wire to the provider, the provider's wire to the contract: where they were chosen now. */
function movesFor({ consumer, provider, slot, contract, consumerSees, providerSees }: Conflict, views: Views): readonly Move[] {
  const inMajors = (majors: ReadonlySet<number>) => (offer: Offer) => majors.has(offer.capability.version?.major ?? -1);
  const fits = (offer: Offer) => offer.node.bundle === null || agrees(views.of(offer.node), contract, consumerSees);
  const own = slotFor(consumer, contract);
  const theirs = slotFor(provider, contract);
  return [
    ...(own === undefined ? [] : [{ node: consumer, slot: own, fits: inMajors(providerSees) }]),
    ...(slot === null ? [] : [{ node: consumer, slot, fits }]),
    ...(theirs === undefined ? [] : [{ node: provider, slot: theirs, fits: inMajors(consumerSees) }]),
  ];
}

function slotFor(node: Node, contract: string): Slot | undefined {
  return node.work?.slots?.find(
    ({ need, choice }) => need.namespace === CONTRACT_NAMESPACE && choice?.capability.name === contract && choice.node !== node,
  );
}

/** True when the slot has the wire that was in force before. */
function isHeld({ before, choice }: Slot): boolean {
  return before.some((wire) => wire.provider === choice?.node.key && wire.capability === choice.capability);
}

function agrees(majors: Majors, contract: string, others: ReadonlySet<number>): boolean {
  const seen = majors.get(contract);
  return seen === undefined || overlaps(seen, others);
}

/** Excludes the offers of a slot that do not fit, provided one that fits is left. */
function narrow(engine: Engine, { node, slot, fits }: Move, conflict: Conflict): boolean {
  const { offers } = slot;
  engine.budget.spend(offers.length);
  if (slot.choice === null || fits(slot.choice) || !offers.some((offer) => isUsable(slot, offer) && fits(offer))) return false;
  const problem = conflictProblem(conflict, node);
  slot.excluded ??= new Map();
  for (const offer of offers) if (!slot.excluded.has(offer) && !fits(offer)) slot.excluded.set(offer, problem);
  engine.choose(node, slot);
  return true;
}

/** The conflict as the side sees it that cannot have the wire it wants. */
function conflictProblem(conflict: Conflict, side: Node): ContractConflictProblem {
  const { consumer, provider, requirement, contract } = conflict;
  const sorted = (majors: ReadonlySet<number>) => [...majors].sort((a, b) => a - b);
  const [consumerSees, providerSees] = [sorted(conflict.consumerSees), sorted(conflict.providerSees)];
  return {
    kind: 'contract-conflict',
    code: 'RESOLVER_CONTRACT_CONFLICT',
    bundle: side.key,
    contract,
    other: side === consumer ? provider.key : consumer.key,
    through: requirementData(requirement),
    sees: side === consumer ? consumerSees : providerSees,
    otherSees: side === consumer ? providerSees : consumerSees,
    suggestion: `Deploy '${consumer.key}' and '${provider.key}' in revisions that use the same major version of '${contract}'.`,
  };
}
