/** Questions about a wiring: who is reached by a change, what somebody needs, how it looks. Pure. */
import { KERNEL_KEY, type Wire, type Wiring } from './types.js';

/** Consumers that a change of some bundles reaches. */
export interface Affected {
  /** Wired to a changed bundle. Sorted. */
  readonly direct: readonly string[];
  /** Reached only through others. Sorted. */
  readonly transitive: readonly string[];
}

/** One wire as plain data. */
export interface WireRow {
  readonly consumer: string;
  readonly provider: string;
  readonly namespace: string;
  readonly name: string;
  /** Version of the capability. */
  readonly version: string | null;
  readonly optional: boolean;
}

/** Consumers wired to changed bundles, directly and through others. The changed bundles themselves are left out. */
export function affectedBy(wiring: Wiring, changedKeys: readonly string[]): Affected {
  const direct = consumersOf(wiring, changedKeys);
  const seen = new Set([...changedKeys, ...direct]);
  const transitive: string[] = [];
  const consumers = direct.length === 0 ? new Map<string, string[]>() : consumersByProvider(wiring);
  const queue = [...direct];
  for (let at = 0; at < queue.length; at++) {
    for (const consumer of consumers.get(queue[at] as string) ?? []) {
      if (seen.has(consumer)) continue;
      seen.add(consumer);
      transitive.push(consumer);
      queue.push(consumer);
    }
  }
  return { direct, transitive: transitive.sort() };
}

/** The direct part of {@link affectedBy}: one pass, for plans that need no more. Sorted. */
export function consumersOf(wiring: Wiring, keys: readonly string[]): readonly string[] {
  const changed = new Set(keys);
  const direct: string[] = [];
  for (const [consumer, wires] of wiring) {
    if (!changed.has(consumer) && wires.some((wire) => changed.has(wire.provider))) direct.push(consumer);
  }
  return direct.sort();
}

/** The given bundles and all their providers, transitively: what must be resolved to start them. Sorted, without the kernel. */
export function neededBy(wiring: Wiring, keys: readonly string[]): readonly string[] {
  const needed = new Set(keys);
  for (const key of needed) {
    // A set yields what is added while it is walked.
    for (const { provider } of wiring.get(key) ?? []) if (provider !== KERNEL_KEY) needed.add(provider);
  }
  return [...needed].sort();
}

/** Wires as plain rows, sorted by consumer, namespace, name and provider. */
export function describeWiring(wiring: Wiring): readonly WireRow[] {
  const rows = [...wiring.values()].flatMap((wires) => wires.map(rowOf));
  return rows.sort(
    (a, b) =>
      compareText(a.consumer, b.consumer) ||
      compareText(a.namespace, b.namespace) ||
      compareText(a.name, b.name) ||
      compareText(a.provider, b.provider),
  );
}

function rowOf({ consumer, provider, requirement, capability }: Wire): WireRow {
  const { namespace, name, version } = capability;
  return { consumer, provider, namespace, name, version: version?.toString() ?? null, optional: requirement.optional };
}

function consumersByProvider(wiring: Wiring): Map<string, string[]> {
  const consumers = new Map<string, string[]>();
  for (const [consumer, wires] of wiring) {
    for (const { provider } of wires) {
      const list = consumers.get(provider);
      if (list === undefined) consumers.set(provider, [consumer]);
      else list.push(consumer);
    }
  }
  return consumers;
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
