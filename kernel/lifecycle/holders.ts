/** What keeps an ended revision alive, grouped by kind, each with the cure. Pure: reads the lines that the heap search and the scope wrote. */
import type { HolderGroup } from './runtime.js';

interface Kind {
  readonly kind: HolderGroup['kind'];
  readonly pattern: RegExp;
  readonly remedy: string;
}

const KINDS: readonly Kind[] = [
  { kind: 'timer', pattern: /^timer: |^(interval|timeout|sleep|immediate)\b/, remedy: 'Use ctx.clock: its timers end with the bundle.' },
  { kind: 'process listener', pattern: /^process listener: /, remedy: 'Take the listener away in ctx.own(); better, look at ctx.signal.' },
  {
    kind: 'event listener',
    pattern: /^(emitter|event) listener\b/,
    remedy: 'Remove the listener in ctx.own(), or give it { signal: ctx.signal }.',
  },
  { kind: 'global', pattern: /^global property: /, remedy: 'Delete the property in ctx.own(); better, register a service.' },
  { kind: 'patched class', pattern: /^patched class: /, remedy: 'Wrap the class instead of changing its prototype.' },
  {
    kind: 'variable of another',
    pattern: /^variable '/,
    remedy:
      'Keep references (they follow swaps), not objects that another bundle handed over; with callbacks, drop them when their owner ends.',
  },
  { kind: 'native handle', pattern: /^native handle: /, remedy: 'Close the socket, watcher or worker in ctx.own().' },
  { kind: 'pending promise', pattern: /^pending promise: /, remedy: 'Give what is awaited a time limit, or end it with ctx.signal.' },
  { kind: 'collection', pattern: /^entry of a (Map|Set)/, remedy: 'Remove the entry in ctx.own(), or key a WeakMap with the object.' },
  {
    kind: 'left behind',
    pattern: /^(service|reference|optional|references|list|tracker|publisher)\b/,
    remedy: 'Acquire through the context, not through one that outlives the bundle.',
  },
  {
    kind: 'unknown',
    pattern: /./,
    remedy: 'Look for the object in a heap snapshot: node --inspect, Memory, the name SluiceRevision_<bundle>.',
  },
];

/** The holders by kind, in the order in which they were found. The same line found twice counts once. */
export function groupHolders(holders: readonly string[]): readonly HolderGroup[] {
  const groups = new Map<string, { readonly kind: HolderGroup['kind']; readonly remedy: string; readonly holders: string[] }>();
  for (const holder of new Set(holders)) {
    const { kind, remedy } = KINDS.find(({ pattern }) => pattern.test(holder)) as Kind;
    const group = groups.get(kind) ?? { kind, remedy, holders: [] };
    group.holders.push(holder);
    groups.set(kind, group);
  }
  return [...groups.values()];
}
