/**
 * How much of the heap belongs to which bundle: what is reachable only through code or instances of one revision, and so would go with it.
 * What several bundles keep, and what the kernel keeps too, is nobody's; native memory is not seen. So it is a lower bound, and an honest one.
 */
import { takeHeapGraph, type HeapGraph } from './heap-graph.js';
import type { HeapFootprint } from './ports.js';
import { keepsAlive, MARKER_EDGE, MARKER_NAME, targetOfEdge } from './retainers.js';

/** Belongs to no revision alone. */
const SHARED = 0xff_ff;
const SCOPES_MAX = 50;

/** Takes a heap snapshot and measures. Stops the world for about a second per 100 MB. */
export async function measureFootprints(): Promise<readonly HeapFootprint[]> {
  return footprintsOf(await takeHeapGraph());
}

/** The bytes of each revision in a graph, largest first. */
export function footprintsOf(graph: HeapGraph): readonly HeapFootprint[] {
  const revisions = findRevisions(graph);
  const seeds = findSeeds(graph, revisions.numberOf);
  const outside = reachableOutside(graph, seeds);
  const owner = spreadOwners(graph, seeds, outside);
  const bytes = new Float64Array(revisions.labels.length + 1);
  for (let node = 0; node < graph.nodeCount; node += 1) {
    const number = owner[node] as number;
    if (number !== 0 && number !== SHARED) bytes[number] = (bytes[number] as number) + graph.nodeSize(node);
  }
  return revisions.labels.map((label, at) => ({ ...label, bytes: bytes[at + 1] as number })).sort((a, b) => b.bytes - a.bytes);
}

interface Revisions {
  readonly labels: readonly Pick<HeapFootprint, 'bundle' | 'version' | 'revision'>[];
  /** Number (from 1) of a marker's revision. */
  readonly numberOf: ReadonlyMap<number, number>;
}

function findRevisions(graph: HeapGraph): Revisions {
  const labels: Revisions['labels'][number][] = [];
  const numberOf = new Map<number, number>();
  for (let node = 0; node < graph.nodeCount; node += 1) {
    if (graph.nodeType(node) !== 'object') continue;
    const match = MARKER_NAME.exec(graph.nodeName(node));
    if (match === null) continue;
    const [, bundle = '', version = '', revision = ''] = match;
    labels.push({ bundle, version, revision: Number(revision) });
    numberOf.set(node, labels.length);
  }
  return { labels, numberOf };
}

/** Owner of each function, scope and instance of a revision; 0 for everything else. */
function findSeeds(graph: HeapGraph, numberOf: ReadonlyMap<number, number>): Uint16Array {
  const seeds = new Uint16Array(graph.nodeCount);
  const scopes = new Map<number, number>();
  const scopeOwner = (scope: number, depth = 0): number => {
    const known = scopes.get(scope);
    if (known !== undefined || depth > SCOPES_MAX) return known ?? 0;
    const marker = targetOfEdge(graph, scope, MARKER_EDGE);
    const outer = marker === undefined ? targetOfEdge(graph, scope, 'previous') : undefined;
    const found = marker !== undefined ? (numberOf.get(marker) ?? 0) : outer === undefined ? 0 : scopeOwner(outer, depth + 1);
    scopes.set(scope, found);
    return found;
  };
  for (let node = 0; node < graph.nodeCount; node += 1) {
    if (graph.nodeType(node) !== 'closure') continue;
    const scope = targetOfEdge(graph, node, 'context');
    const number = scope === undefined ? 0 : scopeOwner(scope);
    if (number === 0 || scope === undefined) continue;
    seeds[node] = number;
    seeds[scope] = number;
    const prototype = targetOfEdge(graph, node, 'prototype');
    if (prototype !== undefined && seeds[prototype] === 0) seeds[prototype] = number;
  }
  // Instances last: their class must be known. What holds an object of the bundle holds it from outside, and yet it is the bundle's.
  for (let node = 0; node < graph.nodeCount; node += 1) {
    if (seeds[node] !== 0 || graph.nodeType(node) !== 'object') continue;
    const prototype = targetOfEdge(graph, node, '__proto__');
    if (prototype !== undefined && seeds[prototype] !== 0 && seeds[prototype] !== undefined) seeds[node] = seeds[prototype];
  }
  return seeds;
}

/** What can be reached without passing through anything of a revision. */
function reachableOutside(graph: HeapGraph, seeds: Uint16Array): Uint8Array {
  const reached = new Uint8Array(graph.nodeCount);
  const queue = new Uint32Array(graph.nodeCount);
  let queued = 1;
  reached[0] = 1;
  for (let head = 0; head < queued; head += 1) {
    const from = queue[head] as number;
    const { first, end } = graph.edgesOf(from);
    for (let edge = first; edge < end; edge += 1) {
      const to = graph.edgeTo(edge);
      if (reached[to] === 1 || seeds[to] !== 0 || !keepsAlive(graph, from, edge)) continue;
      reached[to] = 1;
      queue[queued++] = to;
    }
  }
  return reached;
}

/** Owner of everything else: the one revision it is reached through, or none. Each node changes at most twice. */
function spreadOwners(graph: HeapGraph, seeds: Uint16Array, outside: Uint8Array): Uint16Array {
  const owner = Uint16Array.from(seeds);
  let wave: number[] = [];
  for (let node = 0; node < graph.nodeCount; node += 1) if (seeds[node] !== 0) wave.push(node);
  while (wave.length > 0) {
    const next: number[] = [];
    for (const from of wave) {
      const number = owner[from] as number;
      const { first, end } = graph.edgesOf(from);
      for (let edge = first; edge < end; edge += 1) {
        const to = graph.edgeTo(edge);
        const found = owner[to] as number;
        if (found === number || found === SHARED || seeds[to] !== 0 || outside[to] === 1 || !keepsAlive(graph, from, edge)) continue;
        owner[to] = found === 0 ? number : SHARED;
        next.push(to);
      }
    }
    wave = next;
  }
  return owner;
}
