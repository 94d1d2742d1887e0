/**
 * Keeps the built-ins that all inline bundles share as they were: sealed, so that nothing is added or taken away, and compared with a
 * snapshot, because sealed members can still be overwritten (frozen ones break libraries that assign inherited names).
 * Sees what was changed and puts it back; who did it is for others to find.
 */

/** A built-in that was overwritten and put back. */
export interface Tampering {
  /** For people, e.g. `Array.prototype.map`. */
  readonly member: string;
  /** What was found there. */
  readonly found: unknown;
}

interface Snapshot {
  readonly name: string;
  readonly target: object;
  readonly members: ReadonlyMap<PropertyKey, PropertyDescriptor>;
}

/** Global built-ins that are watched, with the members of their prototypes. */
const WATCHED = [
  'Object',
  'Function',
  'Array',
  'String',
  'Number',
  'Boolean',
  'Symbol',
  'BigInt',
  'Date',
  'RegExp',
  'Map',
  'Set',
  'WeakMap',
  'WeakSet',
  'WeakRef',
  'Promise',
  'Proxy',
  'Error',
  'TypeError',
  'RangeError',
  'ArrayBuffer',
  'SharedArrayBuffer',
  'DataView',
  'Uint8Array',
  'Buffer',
  'URL',
  'URLSearchParams',
  'AbortController',
  'AbortSignal',
  'EventTarget',
  'TextEncoder',
  'TextDecoder',
  'JSON',
  'Math',
  'Reflect',
  'Atomics',
] as const;

/** Global functions that are watched themselves. */
const GLOBALS = [
  'setTimeout',
  'setInterval',
  'setImmediate',
  'clearTimeout',
  'clearInterval',
  'clearImmediate',
  'queueMicrotask',
  'structuredClone',
  'fetch',
  'parseInt',
  'parseFloat',
  'isNaN',
  'isFinite',
  'encodeURIComponent',
  'decodeURIComponent',
] as const;

/** Members that change by themselves, or by what everybody may do. */
const LIVELY: ReadonlySet<PropertyKey> = new Set(['prepareStackTrace', 'stackTraceLimit', 'poolSize', '$1', 'lastMatch']);

/** See the head of the file. */
export class PrototypeSeal {
  private readonly snapshots: readonly Snapshot[];
  private readonly globals: Snapshot;

  private constructor(targets: readonly { name: string; target: object }[]) {
    this.snapshots = targets.map(({ name, target }) => ({ name, target, members: membersOf(target) }));
    const wanted = new Set<PropertyKey>([...WATCHED, ...GLOBALS]);
    const members = [...membersOf(globalThis)].filter(([key]) => wanted.has(key));
    this.globals = { name: 'globalThis', target: globalThis, members: new Map(members) };
  }

  /** Seals the built-ins of this realm, and takes the snapshot. Cannot be undone. */
  static close(): PrototypeSeal {
    const targets = watchedObjects();
    for (const { target } of targets) Object.seal(target);
    return new PrototypeSeal(targets);
  }

  /** Compares, puts back what was overwritten, and tells it. */
  check(): readonly Tampering[] {
    const found: Tampering[] = [];
    for (const snapshot of [...this.snapshots, this.globals]) {
      for (const [key, was] of snapshot.members) {
        const is = Object.getOwnPropertyDescriptor(snapshot.target, key);
        if (is !== undefined && is.value === was.value && is.get === was.get && is.set === was.set) continue;
        found.push({ member: `${snapshot.name}.${String(key)}`, found: is?.value ?? is?.get ?? is?.set });
        putBack(snapshot.target, key, was);
      }
    }
    return found;
  }
}

function watchedObjects(): { name: string; target: object }[] {
  const all: { name: string; target: object }[] = [];
  for (const name of WATCHED) {
    const builtin = (globalThis as unknown as Record<string, object & { prototype?: object }>)[name];
    if (builtin === undefined) continue;
    // Constructors stay open: libraries hang their own statics on them (reflect-metadata on Reflect, for one).
    if (builtin.prototype !== undefined) all.push({ name: `${name}.prototype`, target: builtin.prototype });
  }
  const iterator = Object.getPrototypeOf([][Symbol.iterator]()) as object;
  const typedArray = Object.getPrototypeOf(Uint8Array.prototype) as object;
  const generator = Object.getPrototypeOf(function* () {}) as { prototype: object };
  const asyncFunction = Object.getPrototypeOf(async () => undefined) as object;
  return [
    ...all,
    { name: 'ArrayIterator.prototype', target: iterator },
    { name: 'Iterator.prototype', target: Object.getPrototypeOf(iterator) as object },
    { name: 'TypedArray.prototype', target: typedArray },
    { name: 'Generator.prototype', target: generator.prototype },
    { name: 'AsyncFunction.prototype', target: asyncFunction },
    { name: 'JSON', target: JSON },
    { name: 'Math', target: Math },
  ];
}

function membersOf(target: object): Map<PropertyKey, PropertyDescriptor> {
  const members = new Map<PropertyKey, PropertyDescriptor>();
  for (const key of Reflect.ownKeys(target)) {
    const descriptor = Object.getOwnPropertyDescriptor(target, key);
    if (descriptor !== undefined && !LIVELY.has(key)) members.set(key, descriptor);
  }
  return members;
}

function putBack(target: object, key: PropertyKey, was: PropertyDescriptor): void {
  try {
    Object.defineProperty(target, key, was);
  } catch {
    // A sealed accessor cannot be redefined; nobody could overwrite it either.
  }
}
