/**
 * The bundle set behind a resolution, and its memory between resolutions.
 *
 * A resolution is a pure function of its input, but to index a thousand bundles anew for each change of one would cost more than the
 * change. So each wiring that was handed out remembers, weakly, the set it came from. When it comes back as the wiring in force, only
 * the difference to the candidates is applied. A set serves one line of wirings; whoever goes back to an older wiring (a dry run that
 * was dropped is none: it never changed the set) gets a new set. The answer never depends on which way was taken; a property test
 * holds both ways against each other.
 */
import { BundleSet } from './bundle-set.js';
import { derive } from './derive.js';
import { changedWiring } from './layered-wiring.js';
import { newNode, type Node } from './node.js';
import type { Capability, ResolveInput, ResolverBundle, Wire, Wiring } from './types.js';

/** A set brought in line with the candidates, for one resolution. */
export interface Preparation {
  readonly set: BundleSet;
  /** Bundles whose wires have to be found. */
  readonly toOpen: Iterable<Node>;
  /** Makes the new wiring from the wires that changed (null: no longer resolved). */
  finish(changes: ReadonlyMap<Node, readonly Wire[] | null>): Wiring;
  /** Must be called once the resolution is over. */
  end(): void;
}

/** A change of a set that comes into force when its wiring is used. */
interface Step {
  readonly from: Wiring;
  readonly candidates: readonly ResolverBundle[];
  readonly removed: readonly Node[];
  readonly added: readonly Node[];
  readonly wires: ReadonlyMap<Node, readonly Wire[] | null>;
}

interface Memory {
  readonly set: BundleSet;
  step: Step | null;
}

const memories = new WeakMap<Wiring, Memory>();
/** The wiring each set is in line with. */
const inForce = new WeakMap<BundleSet, Wiring>();
const NO_KERNEL: readonly Capability[] = [];

/** Brings a set in line with the candidates. */
export function prepare(input: ResolveInput): Preparation {
  const set = remembered(input);
  return set === undefined ? prepareNew(input) : prepareChange(input, set, input.wired as Wiring);
}

/** The set behind the wiring in force, when it can still serve. */
function remembered({ wired, kernel = NO_KERNEL }: ResolveInput): BundleSet | undefined {
  const set = wired === undefined ? undefined : inLineWith(wired);
  return set !== undefined && isSame(set.kernelCapabilities, kernel) ? set : undefined;
}

/** The set of a wiring, brought in line with it; undefined when it went on to another wiring. */
function inLineWith(wired: Wiring): BundleSet | undefined {
  const memory = memories.get(wired);
  if (memory === undefined) return undefined;
  const { set, step } = memory;
  if (inForce.get(set) === wired) return set;
  if (step === null || inForce.get(set) !== step.from) return undefined;
  for (const node of step.removed) set.remove(node);
  for (const node of step.added) set.insert(node);
  for (const [node, wires] of step.wires) set.setWires(node, wires);
  set.candidates = step.candidates;
  memory.step = null;
  inForce.set(set, wired);
  return set;
}

function prepareNew({ candidates, wired, kernel = NO_KERNEL }: ResolveInput): Preparation {
  const set = new BundleSet(kernel);
  for (const bundle of candidates) set.insert(nodeOf(bundle));
  set.candidates = [...candidates];
  const stale: Node[] = [];
  for (const node of wired === undefined ? [] : set.nodes.values()) {
    const wires = wired?.get(node.key);
    if (wires === undefined || wires.some((wire) => !node.derived.needs.some((need) => need === wire.requirement))) continue;
    set.setWires(node, wires);
    if (wires.some((wire) => !set.node(wire.provider)?.derived.capabilities.includes(wire.capability))) stale.push(node);
  }
  return {
    set,
    toOpen: toOpen(set, stale),
    finish(changes) {
      for (const [node, wires] of changes) set.setWires(node, wires);
      const wiring = new Map<string, readonly Wire[]>();
      for (const node of set.nodes.values()) if (node.wires !== null) wiring.set(node.key, node.wires);
      memories.set(wiring, { set, step: null });
      inForce.set(set, wiring);
      return wiring;
    },
    end() {},
  };
}

function prepareChange(input: ResolveInput, set: BundleSet, wired: Wiring): Preparation {
  const { left, come } = difference(set.candidates, input.candidates);
  // A key given twice: the way without memory refuses it, and this set stays as it is.
  if (come.some(({ key }) => set.nodes.has(key) && !left.some((one) => one.key === key))) return prepareNew(input);
  const added = come.map(nodeOf);
  const removed = left.map(({ key }) => set.nodes.get(key) as Node);
  const wiresBefore = removed.map((node) => node.wires);
  const orphans = removed.flatMap((node) => node.consumers);
  for (const node of removed) set.remove(node);
  for (const node of added) set.insert(node);
  const gone = new Set(removed);
  return {
    set,
    toOpen: toOpen(
      set,
      orphans.filter((node) => !gone.has(node)),
    ),
    finish(changes) {
      const changed = new Map<string, readonly Wire[] | null>();
      for (const { key } of removed) changed.set(key, null);
      for (const [{ key }, wires] of changes) changed.set(key, wires);
      const wiring = changedWiring(wired, changed);
      memories.set(wiring, { set, step: { from: wired, candidates: [...input.candidates], removed, added, wires: changes } });
      return wiring;
    },
    end() {
      for (const node of added) set.remove(node);
      // All first, wires second: they may be wired to each other.
      for (const node of removed) set.insert(node);
      removed.forEach((node, index) => set.setWires(node, wiresBefore[index] ?? null));
    },
  };
}

/** Which bundles left and which came. Nearly always few did, so both ends that are alike are skipped first. */
function difference(
  before: readonly ResolverBundle[],
  after: readonly ResolverBundle[],
): { left: readonly ResolverBundle[]; come: readonly ResolverBundle[] } {
  const shorter = Math.min(before.length, after.length);
  let start = 0;
  while (start < shorter && isSameBundle(before[start], after[start])) start += 1;
  let end = 0;
  while (end < shorter - start && isSameBundle(before[before.length - 1 - end], after[after.length - 1 - end])) end += 1;
  const left = new Map(before.slice(start, before.length - end).map((bundle) => [bundle.key, bundle]));
  const come: ResolverBundle[] = [];
  for (const bundle of after.slice(start, after.length - end)) {
    if (isSameBundle(left.get(bundle.key), bundle)) left.delete(bundle.key);
    else come.push(bundle);
  }
  return { left: [...left.values()], come };
}

function isSameBundle(a: ResolverBundle | undefined, b: ResolverBundle | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && a.manifest === b.manifest && a.key === b.key);
}

/**
 * Finds the consumers of a key in a wiring that is in force; undefined when its set went on to another wiring. To ask about a wiring is to
 * put it in force: ask about the one before first.
 */
export function rememberedConsumers(wiring: Wiring): ((key: string) => readonly string[]) | undefined {
  const set = inLineWith(wiring);
  if (set === undefined) return undefined;
  return (key) => set.nodes.get(key)?.consumers.map((node) => node.key) ?? [];
}

/** Unresolved bundles, those with a stale wire, and those that may gain a wire to an unresolved bundle. */
function toOpen(set: BundleSet, stale: readonly Node[]): ReadonlySet<Node> {
  const open = new Set([...set.unresolved, ...stale]);
  for (const { derived } of set.unresolved) {
    for (const capability of derived.capabilities) for (const node of set.waitingFor(capability)) open.add(node);
  }
  return open;
}

function nodeOf(bundle: ResolverBundle): Node {
  return newNode(bundle.key, bundle, derive(bundle.manifest));
}

function isSame(a: readonly Capability[], b: readonly Capability[]): boolean {
  return a === b || (a.length === b.length && a.every((capability, index) => capability === b[index]));
}
