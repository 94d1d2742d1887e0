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

/** Overwrites a member of a built-in. */
function patch(target: Loose, member: string): () => string {
  return () => {
    const before = target[member] as (...args: unknown[]) => unknown;
    target[member] = function patched(this: unknown, ...args: unknown[]) {
      return before.apply(this, args);
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

  exit: () => process.exit(3),
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
