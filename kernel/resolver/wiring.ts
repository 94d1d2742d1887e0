/** Questions about a wiring: what somebody needs, how it looks. Pure. */
import { KERNEL_KEY, type Wire, type Wiring } from './types.js';

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

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
