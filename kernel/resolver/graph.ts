/** Circles in directed graphs. Iterative, so that a chain of thousands of bundles cannot exhaust the stack. */

/** Groups of nodes that reach each other, among what can be reached from `starts`. Single nodes are left out. */
export function circles<T>(starts: Iterable<T>, edges: (node: T) => readonly T[]): readonly (readonly T[])[] {
  const groups: T[][] = [];
  const order = new Map<T, number>();
  const low = new Map<T, number>();
  const waiting: T[] = [];
  const isWaiting = new Set<T>();
  for (const start of starts) {
    if (order.has(start)) continue;
    const work: { readonly node: T; readonly next: Iterator<T> }[] = [enter(start)];
    for (let top = work[work.length - 1]; top !== undefined; top = work[work.length - 1]) {
      const step = top.next.next();
      if (step.done !== true) {
        if (!order.has(step.value)) work.push(enter(step.value));
        else if (isWaiting.has(step.value)) lower(top.node, order.get(step.value) as number);
        continue;
      }
      work.pop();
      const parent = work[work.length - 1];
      if (parent !== undefined) lower(parent.node, low.get(top.node) as number);
      if (low.get(top.node) === order.get(top.node)) leave(top.node);
    }
  }
  return groups;

  function enter(node: T): { readonly node: T; readonly next: Iterator<T> } {
    order.set(node, order.size);
    low.set(node, order.size - 1);
    waiting.push(node);
    isWaiting.add(node);
    return { node, next: edges(node)[Symbol.iterator]() };
  }

  function lower(node: T, value: number): void {
    if (value < (low.get(node) as number)) low.set(node, value);
  }

  function leave(root: T): void {
    const group: T[] = [];
    for (let node = waiting.pop() as T; ; node = waiting.pop() as T) {
      isWaiting.delete(node);
      group.push(node);
      if (node === root) break;
    }
    if (group.length > 1) groups.push(group);
  }
}

/** The shortest circle through a node inside a group; the node comes first. */
export function shortestCircle<T>(node: T, group: ReadonlySet<T>, edges: (node: T) => readonly T[]): readonly T[] {
  const cameFrom = new Map<T, T>();
  const queue: T[] = [node];
  for (let at = 0; at < queue.length; at++) {
    const here = queue[at] as T;
    for (const next of edges(here)) {
      if (next === node) return pathTo(here);
      if (!group.has(next) || cameFrom.has(next)) continue;
      cameFrom.set(next, here);
      queue.push(next);
    }
  }
  return [node];

  function pathTo(end: T): readonly T[] {
    const path = [end];
    for (let at = end; at !== node;) path.push((at = cameFrom.get(at) as T));
    return path.reverse();
  }
}
