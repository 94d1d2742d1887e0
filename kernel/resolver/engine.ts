/**
 * The wiring itself: opens the bundles whose wires have to be found, gives each requirement the best living offer, and lets bundles
 * die whose requirements cannot be met, until nothing changes. The largest set that can resolve is unique, so the order of work does
 * not matter. No recursion, no going back: each step removes an offer for good, which bounds the work.
 *
 * Only what is opened is looked at; all other bundles keep the wires in force.
 */
import { indexKeysOf } from '../model/index.js';
import type { StepBudget } from './budget.js';
import type { BundleSet } from './bundle-set.js';
import { matchable, type Need } from './derive.js';
import { compareOffers, isAlive, type Death, type Node, type Offer, type Slot, type Work } from './node.js';
import type { Capability, Requirement, Wire } from './types.js';

/** Offers of one name that are looked at one by one; beyond, answers are shared and an index over an attribute is worth making. */
const SCAN_MAX = 8;
const NONE: readonly never[] = [];

/** One wire of a bundle as things stand. */
export interface Use {
  readonly provider: Node;
  readonly capability: Capability;
  readonly requirement: Requirement;
  /** Null for a wire that is kept. */
  readonly slot: Slot | null;
}

/** One resolution over a set of bundles. Leaves the set as it was, once {@link Engine.end} was called. */
export class Engine {
  /** Bundles whose wires are being found. In no fixed order: whoever depends on one must sort. */
  readonly opened: Node[] = [];
  private readonly touched: Node[] = [];
  private readonly dying: Node[] = [];
  private readonly matches = new Map<string, readonly Offer[]>();
  private readonly namespaces = new Map<string, readonly Offer[]>();
  private readonly indexes = new Map<string, Map<string, Offer[]>>();

  constructor(
    readonly set: BundleSet,
    readonly budget: StepBudget,
  ) {}

  /** Opens bundles whose wires have to be found. */
  openAll(nodes: Iterable<Node>): void {
    for (const node of nodes) this.open(node);
  }

  /** Lets a node die; {@link propagate} carries the consequences. */
  kill(node: Node, death: Death): void {
    const work = this.workOn(node);
    if (work.death !== null) return;
    work.death = death;
    this.dying.push(node);
  }

  /** Gives every consumer of a dead node its next best offer, or lets it die as well. */
  propagate(): void {
    for (let at = 0; at < this.dying.length; at++) {
      const dead = this.dying[at] as Node;
      for (const { node, slot } of dead.work?.watchers ?? NONE) {
        if (isAlive(node) && slot.choice?.node === dead) this.choose(node, slot);
      }
      this.openAll(dead.consumers.filter((node) => isAlive(node) && (node.work?.slots ?? null) === null));
    }
    this.dying.length = 0;
  }

  /** Gives a slot its best living offer. A mandatory slot without one kills its node. */
  choose(node: Node, slot: Slot): void {
    const choice = slot.closed ? null : bestOf(slot, this.budget);
    slot.choice = choice;
    this.workOn(node).changes++;
    if (choice === null) {
      if (!slot.need.optional) this.kill(node, { kind: 'requirement' });
    } else if (choice.node.bundle !== null) {
      const provider = this.workOn(choice.node);
      if (provider.watchers === null) provider.watchers = [{ node, slot }];
      else provider.watchers.push({ node, slot });
    }
  }

  /** Leaves an optional slot unwired for good. */
  close(node: Node, slot: Slot): void {
    slot.closed = true;
    this.choose(node, slot);
  }

  /** Wires of a node as things stand. */
  usesOf({ wires, work }: Node): readonly Use[] {
    const uses: Use[] = [];
    const slots = work?.slots ?? null;
    if (slots === null) {
      for (const { provider, capability, requirement } of wires ?? NONE) {
        const node = this.set.node(provider);
        if (node !== undefined) uses.push({ provider: node, capability, requirement, slot: null });
      }
      return uses;
    }
    for (const slot of slots) {
      if (slot.choice === null || !slot.need.wires) continue;
      uses.push({ provider: slot.choice.node, capability: slot.choice.capability, requirement: slot.need, slot });
    }
    return uses;
  }

  /** Forgets the work on all nodes. */
  end(): void {
    for (const node of this.touched) node.work = null;
    this.touched.length = 0;
  }

  /** Nodes that were opened or died. */
  get touchedNodes(): readonly Node[] {
    return this.touched;
  }

  private workOn(node: Node): Work {
    if (node.work !== null) return node.work;
    this.touched.push(node);
    return (node.work = { slots: null, death: null, changes: 0, watchers: null });
  }

  private open(node: Node): void {
    const work = this.workOn(node);
    if (work.slots !== null) return;
    this.opened.push(node);
    const slots: Slot[] = (work.slots = []);
    for (const need of node.derived.needs) {
      this.budget.spend(1);
      const offers = this.matching(need);
      // A kernel that does not say which SDK it has is not asked.
      if (!need.wires && offers.length === 0 && this.set.named(need.namespace, need.name).length === 0) continue;
      const before = node.wires === null ? NONE : node.wires.filter((wire) => wire.requirement === need);
      // Code that is loaded gains no import any more.
      const closed = node.wires !== null && before.length === 0 && need.optional && !need.dynamic;
      const preferred = offers.length > 1 ? preferredOf(node, before, offers) : NONE;
      slots.push({ need, before, preferred, offers, position: 0, choice: null, excluded: null, closed });
    }
    for (const slot of slots) this.choose(node, slot);
  }

  /** Offers that match a requirement, best first. */
  private matching(need: Need): readonly Offer[] {
    const few = need.name === '' ? NONE : this.set.named(need.namespace, need.name);
    if (need.name !== '' && few.length <= SCAN_MAX) {
      this.budget.spend(few.length);
      return few.every((offer) => isMatch(need, offer)) ? few : few.filter((offer) => isMatch(need, offer));
    }
    const signature = [need.namespace, need.name, need.range, need.filter?.text].join('\n');
    let matches = this.matches.get(signature);
    if (matches === undefined) {
      const candidates = this.narrowed(need, need.name === '' ? this.whole(need.namespace) : few);
      this.budget.spend(candidates.length);
      this.matches.set(signature, (matches = candidates.filter((offer) => isMatch(need, offer))));
    }
    return matches;
  }

  private whole(namespace: string): readonly Offer[] {
    let offers = this.namespaces.get(namespace);
    if (offers === undefined) this.namespaces.set(namespace, (offers = this.set.named(namespace, '')));
    return offers;
  }

  /** Uses one equality of the filter to leave out most of a large namespace. */
  private narrowed(need: Need, offers: readonly Offer[]): readonly Offer[] {
    const equality = need.filter?.equalities()[0];
    if (equality === undefined || offers.length <= SCAN_MAX) return offers;
    const index = this.indexOver(`${need.namespace}\n${need.name}\n${equality.key}`, equality.key, offers);
    const found = new Set<Offer>();
    for (const key of equality.indexKeys) for (const offer of index.get(key) ?? NONE) found.add(offer);
    return [...found].sort(compareOffers);
  }

  private indexOver(name: string, attribute: string, offers: readonly Offer[]): Map<string, Offer[]> {
    let index = this.indexes.get(name);
    if (index !== undefined) return index;
    this.indexes.set(name, (index = new Map()));
    this.budget.spend(offers.length);
    for (const offer of offers) {
      for (const value of indexKeysOf(matchable(offer.capability)[attribute])) {
        const list = index.get(value);
        if (list === undefined) index.set(value, [offer]);
        else list.push(offer);
      }
    }
    return index;
  }
}

/** Living offers of a slot, best first. */
export function livingOf(slot: Slot): readonly Offer[] {
  return slot.offers.filter((offer) => isUsable(slot, offer));
}

/** True when an offer may be wired to a slot. */
export function isUsable(slot: Slot, offer: Offer): boolean {
  return isAlive(offer.node) && (slot.excluded === null || !slot.excluded.has(offer));
}

/** What refuses a capability of the right name; null when it matches. */
export function refusalOf(need: Requirement, capability: Capability): 'range' | 'filter' | null {
  if (need.range !== null && (capability.version === null || !need.range.includes(capability.version))) return 'range';
  if (need.filter !== null && !need.filter.matchesNormalised(matchable(capability))) return 'filter';
  return null;
}

function isMatch(need: Need, offer: Offer): boolean {
  return refusalOf(need, offer.capability) === null;
}

function bestOf(slot: Slot, budget: StepBudget): Offer | null {
  for (const offer of slot.preferred) if (isUsable(slot, offer)) return offer;
  for (; slot.position < slot.offers.length; slot.position++) {
    budget.spend(1);
    const offer = slot.offers[slot.position] as Offer;
    if (isUsable(slot, offer)) return offer;
  }
  return null;
}

/** The offers the consumer is wired to, then its own. */
function preferredOf(node: Node, before: readonly Wire[], matching: readonly Offer[]): readonly Offer[] {
  const isWired = (offer: Offer) => before.some((wire) => wire.provider === offer.node.key && wire.capability === offer.capability);
  const wired = before.length === 0 ? NONE : matching.filter(isWired);
  const own = matching.filter((offer) => offer.node === node);
  return wired.length === 0 ? own : [...wired, ...own];
}
