/**
 * Planted leaks: each way a bundle can stay in memory is found, and its holder is named as an author would. And the opposite: a bundle that
 * lets go is not accused.
 */
import { deepStrictEqual as equal, ok } from 'node:assert';
import { EventEmitter, once } from 'node:events';
import type { Server } from 'node:net';
import { createLeakWatch, forceCollection } from '@sluice/kernel/host/leak-watch';
import { createLoader } from '@sluice/kernel/host/loader';
import type { LeakWatch, RevisionLabel } from '@sluice/kernel/host/ports';
import { EMPTY, requestOf, SDK } from '../../unit/host/bundle-source.js';

/** What the leaks are planted in. It must hold nothing of a bundle but the leak itself: timers by number, the server weakly. */
const host = {
  emitter: new EventEmitter(),
  controller: new AbortController(),
  never: undefined as Promise<void> | undefined,
  endWait: (): void => undefined,
  timers: [] as number[],
  server: undefined as WeakRef<Server> | undefined,
};

const loader = createLoader();
const keeper = loader.load(
  requestOf(
    `${SDK} const cache = new Map(); let current; exports.put = (value) => cache.set('key', value); exports.keep = (value) => { current = value; return () => current; };
    exports.clear = () => { cache.clear(); current = undefined; }; ${EMPTY}`,
    {
      name: 'test.keeper',
      version: '2.0.0',
      exports: { keeper: 'dist/bundle.cjs' },
    },
  ),
);

interface Planted {
  readonly kind: string;
  readonly source: string;
  /** What one of the holders must say. */
  readonly named: RegExp;
  /** Lets go. */
  undo(): unknown;
}

const LEAKS: readonly Planted[] = [
  {
    kind: 'a global property',
    source: 'globalThis.leakedCache = { get() {} }',
    named: /^global property: globalThis\.leakedCache$/,
    undo: () => delete (globalThis as { leakedCache?: object }).leakedCache,
  },
  {
    kind: 'a listener on the process',
    source: "globalThis.process.on('SIGUSR2', () => {})",
    named: /^process listener: process\.on\('SIGUSR2'\)$/,
    undo: () => process.removeAllListeners('SIGUSR2'),
  },
  {
    kind: 'a listener on an emitter of the host',
    source: "host.emitter.on('tick', () => {})",
    named: /^emitter listener: 'tick' on EventEmitter, kept by variable 'host' outside of any bundle$/,
    undo: () => host.emitter.removeAllListeners(),
  },
  {
    kind: 'a listener on an abort signal of the host',
    source: "host.controller.signal.addEventListener('abort', function stop() {})",
    named: /^event listener stop on (EventTarget|AbortSignal), kept by entry of a Map, kept by variable 'host' outside of any bundle$/,
    undo: () => (host.controller = new AbortController()),
  },
  {
    kind: 'a raw timeout',
    source: "host.timers.push(Number(require('node:timers').setTimeout(function waitForIt() {}, 1e8)))",
    named: /^timer: Timeout with callback waitForIt$/,
    undo: () => clearTimeout(host.timers[0]),
  },
  {
    kind: 'a raw interval that does not keep the process alive',
    source: "host.timers.push(Number(require('node:timers').setInterval(function poll() {}, 1e8).unref()))",
    named: /^timer: Timeout with callback poll$/,
    undo: () => clearInterval(host.timers[1]),
  },
  {
    kind: 'an entry in a Map of another bundle',
    source: "require('keeper').put({ run() {} })",
    named: /^entry of a Map, kept by variable 'cache' of bundle test\.keeper 2\.0\.0$/,
    undo: () => (keeper.exportsOf('keeper') as { clear(): void }).clear(),
  },
  {
    kind: 'a service object kept by another bundle',
    source: "class Service { run() {} } require('keeper').keep(new Service())",
    named: /^variable 'current' of bundle test\.keeper 2\.0\.0$/,
    undo: () => (keeper.exportsOf('keeper') as { clear(): void }).clear(),
  },
  {
    kind: 'a patched class of JavaScript',
    source: 'Array.prototype.leaky = function () {}',
    named: /^patched class: Array\.prototype\.leaky$/,
    undo: () => delete (Array.prototype as { leaky?: unknown }).leaky,
  },
  {
    kind: 'a promise that never settles',
    source: '(async () => { await host.never; exports.done = true; })()',
    named: /^pending promise: code of the bundle awaits it, kept by variable 'host' outside of any bundle$/,
    undo: () => host.endWait(),
  },
  {
    kind: 'a native handle',
    source: "host.server = new WeakRef(require('node:net').createServer(() => {}).listen(0, '127.0.0.1'))",
    named: /^emitter listener: 'connection' on Server, kept by native handle: TCP$/,
    undo: () => closed(host.server?.deref()),
  },
];

async function closed(server: Server | undefined): Promise<void> {
  if (server === undefined) return;
  if (!server.listening) await once(server, 'listening');
  server.close();
  await once(server, 'close');
}

describe('planted leaks', function () {
  this.timeout(120_000);
  let watch: LeakWatch;
  const labels = new Map<string, RevisionLabel>();

  /** In a function of its own, so that no local variable of the test holds what is planted. */
  function plant(kind: string, source: string): void {
    const revision = labels.size + 1;
    const loaded = loader.load(
      requestOf(`"use strict"; ${SDK} const host = require('host'); ${source}; ${EMPTY}`, {
        name: `leak.number${revision}`,
        revision,
        builtins: ['timers', 'net'],
        imports: { host: () => host, keeper: () => keeper.exportsOf('keeper') },
      }),
    );
    const label = { bundle: `leak.number${revision}`, version: '1.0.0', revision };
    labels.set(kind, label);
    watch.watch(label, loaded.marker, loaded.markerName);
    loaded.close();
  }

  before(async () => {
    host.never = new Promise((resolve) => (host.endWait = resolve));
    watch = createLeakWatch();
    plant('nothing at all', '');
    for (const { kind, source } of LEAKS) plant(kind, source);
    await watch.collect();
  });

  after(async () => {
    for (const { undo } of LEAKS) await undo();
    watch.close();
    keeper.close();
  });

  it('are all found, and nothing else is', () => {
    const leaked = watch.verdicts().filter((verdict) => verdict.collected === 'no');
    equal(
      leaked.map((verdict) => verdict.bundle),
      LEAKS.map(({ kind }) => labels.get(kind)?.bundle),
    );
    const clean = labels.get('nothing at all') as RevisionLabel;
    equal(
      watch
        .verdicts()
        .filter((verdict) => verdict.bundle === clean.bundle)
        .map(({ collected }) => collected),
      ['yes'],
    );
  });

  it('has nothing to say about a revision that was collected', async () => {
    equal(await watch.holders(labels.get('nothing at all') as RevisionLabel), []);
    equal(await watch.holders({ bundle: 'never.watched', version: '1.0.0', revision: 1 }), []);
  });

  describe('are named:', () => {
    const holders = new Map<string, readonly string[]>();
    before(async () => {
      await Promise.all(LEAKS.map(async ({ kind }) => holders.set(kind, await watch.holders(labels.get(kind) as RevisionLabel))));
    });
    for (const { kind, named } of LEAKS) {
      it(kind, () => {
        const found = holders.get(kind) ?? [];
        ok(
          found.some((holder) => named.test(holder)),
          `expected ${named}, found ${JSON.stringify(found)}`,
        );
      });
    }
  });

  // In a suite of its own: mocha runs the tests of a suite before its inner suites.
  describe('and then', () => {
    it('are collected once their holders let go: the verdict is not final', async () => {
      for (const { undo } of LEAKS) await undo();
      for (let round = 0; round < 3; round += 1) {
        await new Promise((resolve) => setImmediate(resolve));
        forceCollection();
      }
      equal(
        watch.verdicts().filter((verdict) => verdict.collected !== 'yes'),
        [],
      );
    });
  });
});

describe('leak watch', () => {
  it('is pending until three major collections were seen', async () => {
    const watch = createLeakWatch();
    const held: object[] = [{ name: 'held' }];
    watch.watch({ bundle: 'held', version: '1.0.0', revision: 1 }, held[0] as object, 'none');
    equal(watch.verdicts(), [{ bundle: 'held', version: '1.0.0', revision: 1, collected: 'pending', collections: 0 }]);
    equal((await watch.collect(1))[0]?.collected, 'pending');
    equal((await watch.collect())[0]?.collected, 'no');
    held.length = 0;
    equal((await watch.collect())[0]?.collected, 'no');
    watch.close();
  });

  it('counts collections that nobody forced, and only listens while something is pending', async () => {
    const watch = createLeakWatch();
    const held = { name: 'held' };
    watch.watch({ bundle: 'held', version: '1.0.0', revision: 1 }, held, 'none');
    // A collection of the process' own: the watch hears of it through the performance observer, some turns later.
    for (let turn = 0; turn < 1_000 && watch.verdicts()[0]?.collected === 'pending'; turn += 1) {
      forceCollection();
      await new Promise((resolve) => setImmediate(resolve));
    }
    equal(watch.verdicts()[0]?.collected, 'no');
    const seen = watch.verdicts()[0]?.collections;
    forceCollection();
    for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    equal([watch.verdicts()[0]?.collections, held.name], [seen, 'held']);
    watch.close();
  });
});
