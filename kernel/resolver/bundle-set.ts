/**
 * The bundles there are, how they are wired, and the look-ups that make a change among thousands cheap: offers by name, consumers by
 * provider, versions by name. Kept from one resolution to the next; resolve.ts decides when.
 *
 * Holds data and keeps its look-ups true; decides nothing.
 */
import { compareOffers, newNode, type Node, type Offer } from './node.js';
import { KERNEL_KEY, type Capability, type ResolverBundle, type Wire } from './types.js';

interface OfferList {
  readonly offers: Offer[];
  sorted: boolean;
}

const NONE: readonly never[] = [];

/** All bundles of one system. */
export class BundleSet {
  readonly nodes = new Map<string, Node>();
  readonly kernel: Node;
  /** What the set was made from, or last brought in line with. */
  candidates: readonly ResolverBundle[] = NONE;
  /** Bundles without wires. */
  readonly unresolved = new Set<Node>();
  private readonly byName = new Map<string, Map<string, OfferList>>();
  private readonly versions = new Map<string, Node[]>();
  /** Resolved bundles by what they would use if somebody offered it: a name, or a namespace without names. */
  private readonly waiting = new Map<string, Set<Node>>();

  constructor(readonly kernelCapabilities: readonly Capability[]) {
    this.kernel = newNode(KERNEL_KEY, null, { capabilities: kernelCapabilities, needs: NONE, dynamic: NONE });
    this.addOffers(this.kernel);
  }

  /** Puts a bundle in, unresolved. */
  insert(node: Node): void {
    this.nodes.set(node.key, node);
    this.unresolved.add(node);
    this.addOffers(node);
    const name = symbolicNameOf(node);
    const versions = this.versions.get(name);
    if (versions === undefined) this.versions.set(name, [node]);
    else versions.push(node);
  }

  /** Takes a bundle out and gives up its wires. Its consumers keep theirs until they are rewired. */
  remove(node: Node): void {
    this.setWires(node, null);
    this.nodes.delete(node.key);
    this.unresolved.delete(node);
    for (const offer of node.offers) this.removeOffer(offer);
    const versions = this.versions.get(symbolicNameOf(node)) ?? [];
    if (versions.length > 1) versions.splice(versions.indexOf(node), 1);
    else this.versions.delete(symbolicNameOf(node));
  }

  /** Puts wires in force; null makes the bundle unresolved. */
  setWires(node: Node, wires: readonly Wire[] | null): void {
    if (wires === node.wires) return;
    for (const { provider } of node.wires ?? NONE) this.removeConsumer(provider, node);
    for (const wanted of waitsFor(node)) this.waiting.get(wanted)?.delete(node);
    node.wires = wires;
    if (wires === null) this.unresolved.add(node);
    else this.unresolved.delete(node);
    for (const { provider } of wires ?? NONE) {
      const consumers = this.nodes.get(provider)?.consumers;
      if (consumers !== undefined && !consumers.includes(node)) consumers.push(node);
    }
    for (const wanted of waitsFor(node)) {
      const nodes = this.waiting.get(wanted);
      if (nodes === undefined) this.waiting.set(wanted, new Set([node]));
      else nodes.add(node);
    }
  }

  /** The bundle (or the kernel) with a key. */
  node(key: string): Node | undefined {
    return key === KERNEL_KEY ? this.kernel : this.nodes.get(key);
  }

  /** Offers of a name, or of a whole namespace when the name is empty, best first. */
  named(namespace: string, name: string): readonly Offer[] {
    const names = this.byName.get(namespace);
    if (names === undefined) return NONE;
    if (name === '' && !(names.size === 1 && names.has(''))) {
      return [...names.values()].flatMap((list) => list.offers).sort(compareOffers);
    }
    const list = names.get(name);
    if (list === undefined) return NONE;
    if (!list.sorted) list.offers.sort(compareOffers);
    list.sorted = true;
    return list.offers;
  }

  /** Names on offer in a namespace. */
  names(namespace: string): Iterable<string> {
    return this.byName.get(namespace)?.keys() ?? NONE;
  }

  /** Bundles with the same symbolic name, the given one among them. */
  versionsOf(node: Node): readonly Node[] {
    return this.versions.get(symbolicNameOf(node)) ?? NONE;
  }

  /** Resolved bundles that would use a capability, and perhaps some that would not. */
  *waitingFor({ namespace, name }: Capability): Iterable<Node> {
    if (this.waiting.size === 0) return;
    if (name !== '') yield* this.waiting.get(name) ?? NONE;
    yield* this.waiting.get(namespace) ?? NONE;
  }

  private addOffers(node: Node): void {
    for (const offer of node.offers) {
      const { namespace, name } = offer.capability;
      let names = this.byName.get(namespace);
      if (names === undefined) this.byName.set(namespace, (names = new Map()));
      const list = names.get(name);
      if (list === undefined) {
        names.set(name, { offers: [offer], sorted: true });
        continue;
      }
      list.offers.push(offer);
      list.sorted = false;
    }
  }

  private removeConsumer(provider: string, node: Node): void {
    // A provider that is gone has taken its list along.
    const consumers = this.nodes.get(provider)?.consumers;
    const at = consumers?.indexOf(node) ?? -1;
    if (at >= 0) consumers?.splice(at, 1);
  }

  private removeOffer(offer: Offer): void {
    const { namespace, name } = offer.capability;
    const names = this.byName.get(namespace);
    const offers = names?.get(name)?.offers ?? [];
    // Most often what leaves came last.
    offers.splice(offers.lastIndexOf(offer), 1);
    if (offers.length === 0) names?.delete(name);
  }
}

function symbolicNameOf(node: Node): string {
  return node.bundle?.manifest.symbolicName ?? '';
}

/** What a resolved bundle may still gain. */
function waitsFor({ derived, wires }: Node): readonly string[] {
  if (wires === null || derived.dynamic.length === 0) return NONE;
  const open = derived.dynamic.filter((need) => need.multiple || !wires.some((wire) => wire.requirement === need));
  return open.map(({ namespace, name }) => (name === '' ? namespace : name));
}
