/** What an honest mistake or a hostile author could write, by name. */
import { EventEmitter } from 'node:events';
import { stat } from 'node:fs';
import { runInThisContext } from 'node:vm';

type Loose = Record<string, unknown>;

/** Never ends. */
export function spin(): number {
  for (let turns = 0; ; turns += 1) if (turns < 0) return turns;
}

const built = (name: string): Loose => (globalThis as unknown as Record<string, { prototype: Loose }>)[name]?.prototype ?? {};

// Calling through the member that is overwritten would be another kind of trouble.
const { apply } = Reflect;

/** Overwrites a member of a built-in. */
function patch(target: Loose, member: string): () => string {
  return () => {
    const before = target[member] as (...args: unknown[]) => unknown;
    target[member] = function patched(this: unknown, ...args: unknown[]) {
      return apply(before, this, args) as unknown;
    };
    return target[member] === before ? 'refused' : 'patched';
  };
}

function add(target: Loose): () => string {
  return () => {
    try {
      target['polluted'] = true;
    } catch {
      return 'refused';
    }
    return 'polluted' in {} || Object.hasOwn(target, 'polluted') ? 'polluted' : 'refused';
  };
}

function take(target: Loose, member: string): () => string {
  return () => {
    try {
      delete target[member];
    } catch {
      return 'refused';
    }
    return member in target ? 'refused' : 'deleted';
  };
}

/** Eight shapes of memory that grows without end. */
const HOGS: Readonly<Record<string, () => unknown>> = {
  'hog-objects': () => {
    const kept: object[] = [];
    for (;;) kept.push({ at: kept.length, text: String(kept.length) });
  },
  'hog-map': () => {
    const kept = new Map<number, number>();
    for (let at = 0; ; at += 1) kept.set(at, at);
  },
  'hog-set': () => {
    const kept = new Set<string>();
    for (let at = 0; ; at += 1) kept.add(`entry ${at}`);
  },
  'hog-json': () => {
    for (let depth = 1_000_000; ; depth *= 2) JSON.parse(`[${'[1,{"a":2}],'.repeat(depth)}0]`);
  },
  'hog-strings': () => {
    const kept: string[] = [];
    for (;;) kept.push(Buffer.alloc(100_000, kept.length % 256).toString('latin1'));
  },
  'hog-promises': async () => {
    const kept: Promise<unknown>[] = [];
    for (;;) {
      for (let at = 0; at < 10_000; at += 1) kept.push(new Promise(() => undefined));
      await new Promise((resolve) => setImmediate(resolve));
    }
  },
  'hog-buffers': async () => {
    const kept: Buffer[] = [];
    for (;;) {
      kept.push(Buffer.alloc(8 * 1024 * 1024, 1));
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  },
  'hog-buffers-at-once': () => {
    const kept: Buffer[] = [];
    for (let at = 0; at < 200; at += 1) kept.push(Buffer.alloc(8 * 1024 * 1024, 1));
    return kept.length;
  },
};

interface Host {
  readonly process: NodeJS.Process & { reallyExit(code: number): void };
}

// The shadowed `process` refuses these; an author who wants to reaches the real one.
const host = globalThis as unknown as Host;

/** Trouble with a target in its name, such as `patch~Array~map`, `add~Object` or `delete~Promise~then`. */
export function targeted(how: string): (() => unknown) | undefined {
  const [what, name = '', member = ''] = how.split('~');
  const target = name === 'JSON' || name === 'Math' ? (globalThis as unknown as Record<string, Loose>)[name] : built(name);
  if (target === undefined) return undefined;
  return { patch: patch(target, member), add: add(target), delete: take(target, member) }[what ?? ''];
}

/** All kinds of trouble. */
export const KINDS: Readonly<Record<string, () => unknown>> = {
  'loop-in-handler': () => spin(),
  'loop-after-await': async () => {
    await Promise.resolve();
    spin();
  },
  'loop-in-timer': () => void setTimeout(() => spin(), 7),
  'loop-in-interval': () => void setInterval(() => spin(), 7),
  'loop-in-immediate': () => void setImmediate(() => spin()),
  'loop-in-file-callback': () => stat('/', () => spin()),
  'loop-in-tick': () => process.nextTick(() => spin()),
  'loop-in-listener': () => {
    const emitter = new EventEmitter();
    emitter.on('x', spin);
    setTimeout(() => emitter.emit('x'), 7);
  },
  'loop-in-catch': () => {
    for (;;) {
      try {
        spin();
      } catch {
        spin();
      }
    }
  },
  'loop-in-regexp': () => /^(a+)+$/.test(`${'a'.repeat(60)}b`),
  'loop-in-script': () => runInThisContext('(spin) => spin()', { filename: 'evaluated.js' })(spin) as unknown,

  ...HOGS,

  exit: () => process.exit(3),
  'real-exit': () => host.process.exit(3),
  'really-exit': () => host.process.reallyExit(3),
  abort: () => host.process.abort(),
  'kill-self': () => host.process.kill(host.process.pid, 'SIGKILL'),
  'forgotten-rejection': () => void Promise.reject(new Error('nobody handles this')),
  'throw-in-listener': () => {
    const emitter = new EventEmitter();
    emitter.on('x', () => {
      throw new Error('thrown in a listener');
    });
    stat('/', () => emitter.emit('x'));
  },
  'throw-in-tick': () =>
    process.nextTick(() => {
      throw new Error('thrown in a tick');
    }),
  'stack-overflow': () => {
    const deeper = (): number => deeper() + 1;
    return deeper();
  },

  'add-to-object': add(built('Object')),
  'add-to-array': add(built('Array')),
  'add-to-function': add(built('Function')),
  'add-to-promise': add(built('Promise')),
  'add-by-proto': () => {
    const target = {} as { __proto__: Loose };
    return add(target.__proto__)();
  },
  'delete-map': take(built('Array'), 'map'),
  'delete-then': take(built('Promise'), 'then'),
  'patch-map': patch(built('Array'), 'map'),
  'patch-then': patch(built('Promise'), 'then'),
  'patch-parse': patch(JSON as unknown as Loose, 'parse'),
  'patch-has-own': patch(built('Object'), 'hasOwnProperty'),
  'patch-split': patch(built('String'), 'split'),
  'patch-global-timer': patch(globalThis as unknown as Loose, 'setTimeout'),
  'patch-map-get': patch(built('Map'), 'get'),
  'patch-random': patch(Math as unknown as Loose, 'random'),
};
