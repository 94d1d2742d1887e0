/**
 * Who is reached by a change of some bundles. Asks the set behind the wiring in force, which knows the consumers of each bundle; any other
 * wiring is gone through once. The answer is the same.
 */
import { rememberedConsumers } from './snapshot.js';
import { KERNEL_KEY, type Wiring } from './types.js';

/** Consumers that a change of some bundles reaches. */
export interface Affected {
  /** Wired to a changed bundle. Sorted. */
  readonly direct: readonly string[];
  /** Reached only through others. Sorted. */
  readonly transitive: readonly string[];
}

/** Consumers wired to changed bundles, directly and through others. The changed bundles themselves are left out. */
export function affectedBy(wiring: Wiring, changedKeys: readonly string[]): Affected {
  const consumers = consumerLookUp(wiring, changedKeys);
  const direct = directly(consumers, changedKeys);
  const seen = new Set([...changedKeys, ...direct]);
  const transitive: string[] = [];
  const queue = [...direct];
  for (let at = 0; at < queue.length; at++) {
    for (const consumer of consumers(queue[at] as string)) {
      if (seen.has(consumer)) continue;
      seen.add(consumer);
      transitive.push(consumer);
      queue.push(consumer);
    }
  }
  return { direct, transitive: transitive.sort() };
}

/** The direct part of {@link affectedBy}. Sorted. */
export function consumersOf(wiring: Wiring, keys: readonly string[]): readonly string[] {
  return directly(consumerLookUp(wiring, keys), keys);
}

function directly(consumers: (key: string) => readonly string[], keys: readonly string[]): readonly string[] {
  const direct = new Set(keys.flatMap(consumers));
  for (const key of keys) direct.delete(key);
  return [...direct].sort();
}

function consumerLookUp(wiring: Wiring, keys: readonly string[]): (key: string) => readonly string[] {
  // Nobody keeps a list of the kernel's consumers: it never changes while it runs.
  const remembered = keys.includes(KERNEL_KEY) ? undefined : rememberedConsumers(wiring);
  if (remembered !== undefined) return remembered;
  const byProvider = new Map<string, string[]>();
  for (const [consumer, wires] of wiring) {
    for (const { provider } of wires) {
      const list = byProvider.get(provider);
      if (list === undefined) byProvider.set(provider, [consumer]);
      else list.push(consumer);
    }
  }
  return (key) => byProvider.get(key) ?? [];
}
