/**
 * Names what keeps a revision in memory: the shortest paths from the roots of the heap to its marker, read backwards until something
 * an author knows is found (a timer, a listener, a global property, a variable of another bundle ...). Pure over a heap graph.
 */
import type { HeapGraph } from './heap-graph.js';

/** Different holders that are looked for; each costs one search of the heap. */
const HOLDERS_MAX = 4;
/** Steps printed of a path in which nothing is recognised. */
const STEPS_SHOWN = 6;
/** Scopes looked through from the inside out. */
const SCOPES_MAX = 20;
/** Variable in the outermost scope of a revision that holds its marker. */
export const MARKER_EDGE = '__sluiceRevision';
/** Class name of a marker: bundle, version, revision. */
export const MARKER_NAME = /^SluiceRevision_([^_]+)_([^_]+)_(\d+)_\d+$/;

interface Step {
  readonly from: number;
  readonly edge: number;
  readonly to: number;
}

/** A recognised part of a path. `last` when nothing further out would explain more. */
interface Part {
  readonly text: string;
  readonly last: boolean;
}

/** What keeps the object of a unique name alive, nearest explanation first in each line. Empty when nothing does. */
export function holdersOf(graph: HeapGraph, markerName: string): readonly string[] {
  const marker = graph.nodesNamed(markerName, 'object')[0];
  if (marker === undefined) return [];
  const banned = new Set<number>();
  const holders = new Set<string>();
  while (holders.size < HOLDERS_MAX && banned.size < 2 * HOLDERS_MAX) {
    const path = shortestPath(graph, marker, banned);
    if (path === undefined) break;
    const { text, holder } = explain(graph, path, markerName);
    holders.add(text);
    banned.add(holder.to);
  }
  return [...holders];
}

/** Breadth first from the root, over everything that keeps alive. */
function shortestPath(graph: HeapGraph, target: number, banned: ReadonlySet<number>): Step[] | undefined {
  const cameBy = new Int32Array(graph.nodeCount).fill(-1);
  const cameFrom = new Int32Array(graph.nodeCount);
  const queue = new Uint32Array(graph.nodeCount);
  let queued = 1;
  for (let head = 0; head < queued; head += 1) {
    const from = queue[head] ?? 0;
    if (from === target) return stepsTo(target, cameBy, cameFrom);
    if (isPassing(graph, from)) continue;
    const { first, end } = graph.edgesOf(from);
    for (let edge = first; edge < end; edge += 1) {
      const to = graph.edgeTo(edge);
      if (to === 0 || cameBy[to] !== -1 || banned.has(to) || !keepsAlive(graph, from, edge)) continue;
      cameBy[to] = edge;
      cameFrom[to] = from;
      queue[queued++] = to;
    }
  }
  return undefined;
}

function stepsTo(target: number, cameBy: Int32Array, cameFrom: Int32Array): Step[] {
  const steps: Step[] = [];
  for (let to = target; to !== 0; to = cameFrom[to] ?? 0) steps.push({ from: cameFrom[to] ?? 0, edge: cameBy[to] ?? 0, to });
  return steps.reverse();
}

/** The stack of the code that takes the snapshot holds nothing for long. */
function isPassing(graph: HeapGraph, node: number): boolean {
  return graph.nodeType(node) === 'synthetic' && ['(Stack roots)', '(Handle scope)'].includes(graph.nodeName(node));
}

/** True for edges whose target lives as long as their source. */
export function keepsAlive(graph: HeapGraph, from: number, edge: number): boolean {
  const type = graph.edgeType(edge);
  if (type === 'weak') return false;
  if (type !== 'internal') return true;
  const name = graph.edgeName(edge);
  // Our own look at a WeakRef, until the current job ends.
  if (name === 'weak_refs_keep_during_job') return false;
  // A value in a WeakMap is kept by its key together with the map; the edge from the key stands for both.
  return !(name.includes('in WeakMap') && graph.nodeName(from).includes('EphemeronHashTable'));
}

/** Reads a path from the marker outwards. Where `holder` leads is left out when the next path is looked for. */
function explain(graph: HeapGraph, path: readonly Step[], markerName: string): { text: string; holder: Step } {
  const parts: string[] = [];
  let holder: Step | undefined;
  for (let index = path.length - 1; index >= 0; index -= 1) {
    const part = recognise(graph, path, index, markerName);
    if (part === undefined || parts.includes(part.text)) continue;
    parts.push(part.text);
    holder ??= path[index];
    if (part.last) break;
  }
  const fallback = path[Math.max(0, path.length - STEPS_SHOWN)] ?? { from: 0, edge: 0, to: 0 };
  if (holder === undefined) return { text: `unknown holder: ${describe(graph, path)}`, holder: fallback };
  return { text: parts.join(', kept by '), holder };
}

function recognise(graph: HeapGraph, path: readonly Step[], index: number, markerName: string): Part | undefined {
  const step = path[index];
  if (step === undefined) return undefined;
  const name = graph.nodeName(step.from);
  const edge = graph.edgeName(step.edge);
  const type = graph.edgeType(step.edge);
  if (name === 'Timeout' || name === 'Immediate') return { text: `timer: ${name} with callback ${callback(graph, step)}`, last: true };
  if (edge === '_events') return emitterListener(graph, path, index);
  if (name === 'Listener') return { text: `event listener ${callback(graph, step)} on ${targetOf(graph, path, index)}`, last: false };
  if (name === 'system / PromiseReaction') return { text: 'pending promise: code of the bundle awaits it', last: false };
  if (isHandleRoot(graph, step)) return { text: `native handle: ${graph.nodeName(step.to)}`, last: true };
  if (type === 'context' && edge !== MARKER_EDGE) return scopeVariable(graph, step, edge, markerName);
  if ((name === 'Map' || name === 'Set') && edge === 'table') return { text: `entry of a ${name}`, last: false };
  if (isGlobal(name) && type === 'property') return { text: `global property: globalThis.${symbolText(edge)}`, last: true };
  return patchedPrototype(graph, path, index, markerName);
}

/** V8 names the global object `global`, `global / <url>` or `global*`, depending on its version. */
function isGlobal(name: string): boolean {
  return /^(global\b|Object \/)/.test(name);
}

/** Objects that the event loop or the operating system still knows; older Nodes show their native half. */
const HANDLES = /^(TCP|Pipe|UDP|TTY|TLS|HTTP|FSEvent|FSReq|StatWatcher|FileHandle|MessagePort|Worker|Process|\w+Wrap)/;

function isHandleRoot(graph: HeapGraph, step: Step): boolean {
  const name = graph.nodeName(step.from);
  if (name.startsWith('Node / ')) return true;
  return name === '(Global handles)' && HANDLES.test(graph.nodeName(step.to));
}

function emitterListener(graph: HeapGraph, path: readonly Step[], index: number): Part {
  const step = path[index] as Step;
  const event = path[index + 1];
  const name = event === undefined ? 'an event' : `'${symbolText(graph.edgeName(event.edge))}'`;
  const emitter = graph.nodeName(step.from);
  if (emitter === 'process') return { text: `process listener: process.on(${name})`, last: true };
  return { text: `emitter listener: ${name} on ${emitter}`, last: false };
}

/** Name of the object whose listeners hold the callback: the nearest one outwards that is not part of the bookkeeping. */
function targetOf(graph: HeapGraph, path: readonly Step[], index: number): string {
  for (let outer = index - 1; outer >= 0; outer -= 1) {
    const step = path[outer] as Step;
    if (graph.edgeName(step.edge).includes('kEvents')) return graph.nodeName(step.from);
  }
  return 'an EventTarget';
}

/** A variable in the scope of another bundle, or of no bundle at all. */
function scopeVariable(graph: HeapGraph, step: Step, variable: string, markerName: string): Part | undefined {
  const owner = markerOf(graph, step.from);
  if (owner === markerName) return undefined;
  const [, bundle, version] = MARKER_NAME.exec(owner ?? '') ?? [];
  const place = bundle === undefined ? 'outside of any bundle' : `of bundle ${bundle} ${version}`;
  return { text: `variable '${variable}' ${place}`, last: true };
}

/** Name of the marker of the revision a scope belongs to: in that scope or in one around it. */
function markerOf(graph: HeapGraph, scope: number): string | undefined {
  let current: number | undefined = scope;
  for (let depth = 0; current !== undefined && depth < SCOPES_MAX; depth += 1) {
    const marker = targetOfEdge(graph, current, MARKER_EDGE);
    if (marker !== undefined) return graph.nodeName(marker);
    current = targetOfEdge(graph, current, 'previous');
  }
  return undefined;
}

/** Where the first edge of a name leads. */
export function targetOfEdge(graph: HeapGraph, node: number, name: string): number | undefined {
  const { first, end } = graph.edgesOf(node);
  for (let edge = first; edge < end; edge += 1) if (graph.edgeName(edge) === name) return graph.edgeTo(edge);
  return undefined;
}

/** A function of the revision that was put on the prototype of a class that is not its own: `Array.prototype.x`. */
function patchedPrototype(graph: HeapGraph, path: readonly Step[], index: number, markerName: string): Part | undefined {
  const step = path[index] as Step;
  if (graph.edgeType(step.edge) !== 'property' || !isFunctionOf(graph, step.to, markerName)) return undefined;
  const constructor = targetOfEdge(graph, step.from, 'constructor');
  if (constructor === undefined || isFunctionOf(graph, constructor, markerName)) return undefined;
  if (targetOfEdge(graph, constructor, 'prototype') !== step.from) return undefined;
  return { text: `patched class: ${graph.nodeName(constructor)}.prototype.${symbolText(graph.edgeName(step.edge))}`, last: true };
}

function isFunctionOf(graph: HeapGraph, node: number, markerName: string): boolean {
  const scope = graph.nodeType(node) === 'closure' ? targetOfEdge(graph, node, 'context') : undefined;
  return scope !== undefined && markerOf(graph, scope) === markerName;
}

function callback(graph: HeapGraph, step: Step): string {
  const name = graph.nodeType(step.to) === 'closure' ? graph.nodeName(step.to) : '';
  return name === '' ? '(anonymous)' : name;
}

/** `<symbol x>` as `[Symbol(x)]`. */
function symbolText(edge: string): string {
  return edge.replace(/^<symbol (.*)>$/, '[Symbol($1)]');
}

function describe(graph: HeapGraph, path: readonly Step[]): string {
  return path
    .slice(-STEPS_SHOWN)
    .map((step) => `${graph.nodeName(step.from) || '(anonymous)'}.${graph.edgeName(step.edge)}`)
    .join(' > ');
}
