/** Promises of the class-space loader: what a bundle's code can see, what it is refused, and what is left of it. */
import 'reflect-metadata';
import { deepStrictEqual as equal, notStrictEqual, ok, rejects, strictEqual, throws } from 'node:assert';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as sdk from '@sluice/sdk';
import { ClassSpace } from '@sluice/kernel/host/class-space';
import { generationFor, generationsOf } from '@sluice/kernel/host/sdk-generations';
import { parseRange } from '@sluice/kernel/model/index';
import { CodeCacheFolder, createLoader, MemoryCodeCache, type CodeCache } from '@sluice/kernel/host/loader';
import { GRANTABLE_PACKAGES } from '@sluice/kernel/host/host-packages';
import type { HostTimer, LoadedRevision, TimerPort } from '@sluice/kernel/host/ports';
import { container as globalContainer } from 'tsyringe';
import { EMPTY, requestOf, SDK, type SourceOptions } from './bundle-source.js';
import { temporaryFolders } from './temporary-folder.js';

const loader = createLoader();

/** Loads a bundle and returns what its source assigned to `result`. */
function run(
  source: string,
  options: SourceOptions = {},
): { result: any; revision: LoadedRevision; request: ReturnType<typeof requestOf> } {
  const request = requestOf(`"use strict"; ${SDK} let result; ${source}; exports.result = result; ${EMPTY}`, {
    exports: { 'test-api': 'dist/bundle.cjs' },
    ...options,
  });
  const revision = loader.load(request);
  return { result: (revision.exportsOf('test-api') as { result: unknown }).result, revision, request };
}

const refusal =
  (code: string, details: Record<string, unknown> = {}) =>
  (error: unknown): boolean => {
    ok(sdk.isSluiceError(error), String(error));
    equal([error.code, ...Object.keys(details).map((key) => error.details[key])], [code, ...Object.values(details)]);
    return true;
  };

describe('loader', () => {
  it('evaluates a bundle and returns its definition', () => {
    const request = requestOf(`"use strict"; ${SDK} exports.default = defineBundle({ provides: [], activate() { return 42; } });`);
    const revision = loader.load(request);
    equal([sdk.isBundleDefinition(revision.definition), revision.definition.activate?.({} as never)], [true, 42]);
    revision.close();
  });

  it('starts from code compiled ahead as from code compiled when it is loaded, and reports what did not compile', () => {
    const ahead = createLoader();
    const request = requestOf(`"use strict"; ${SDK} exports.default = defineBundle({ provides: [], activate() { return 42; } });`);
    ahead.compileAhead?.(request);
    const [first, second] = [ahead.load(request), ahead.load(request)];
    equal(
      [first, second].map((revision) => revision.definition.activate?.({} as never)),
      [42, 42],
    );
    notStrictEqual(first.definition.activate, second.definition.activate);
    for (const revision of [first, second]) revision.close();
    const broken = requestOf('this is not JavaScript');
    ahead.compileAhead?.(broken);
    throws(() => ahead.load(broken), refusal('LOAD_FAILED', { bundle: 'test.sample' }));
  });

  it('gives CommonJS what CommonJS has', () => {
    const { result } = run('result = [typeof require, module.exports === exports, __filename, __dirname, this === exports]');
    equal(result, ['function', true, 'bundle://test.sample@1.0.0/dist/bundle.cjs', 'bundle://test.sample@1.0.0/dist', true]);
  });

  it('lets code declare names of its own for everything that is shadowed', () => {
    const { result } = run(
      'const process = 1, console = 2, setTimeout = 3, clearImmediate = 4; result = process + console + setTimeout + clearImmediate',
    );
    equal(result, 10);
  });

  it('reports what the code threw, with where', () => {
    const request = requestOf(`"use strict";\n\n  null.x;`);
    throws(
      () => loader.load(request),
      (error) => {
        refusal('LOAD_FAILED', { bundle: 'test.sample', position: 'bundle://test.sample@1.0.0/dist/bundle.cjs:3:8' })(error);
        return (error as Error).cause instanceof TypeError;
      },
    );
    throws(() => loader.load(requestOf('"use strict"; this is not code')), refusal('LOAD_FAILED'));
    throws(
      () => loader.load(requestOf('throw new Error("first line")')),
      refusal('LOAD_FAILED', { position: 'bundle://test.sample@1.0.0/dist/bundle.cjs:1:7' }),
    );
  });

  it('refuses an artifact without entry, and an entry without definition', () => {
    const request = requestOf('');
    throws(
      () => loader.load({ ...request, manifest: { ...request.manifest, main: 'dist/other.cjs' } }),
      refusal('BUNDLE_ENTRY_MISSING', { entry: 'dist/other.cjs' }),
    );
    for (const source of ['', 'module.exports = 1', 'module.exports = null', 'exports.default = {}']) {
      throws(() => loader.load(requestOf(source)), refusal('BUNDLE_EXPORT_INVALID'));
    }
  });

  it('refuses import()', async () => {
    const { result } = run('result = import("node:fs")', { builtins: ['node:fs'] });
    await rejects(result as Promise<unknown>);
  });

  it('exports under the names of the manifest, evaluated once', () => {
    const request = requestOf(`${SDK} exports.main = 1; ${EMPTY}`, {
      exports: { 'main-api': 'dist/bundle.cjs', 'other-api': 'dist/other.cjs' },
      entries: { 'dist/other.cjs': 'exports.other = {}' },
    });
    const revision = loader.load(request);
    equal((revision.exportsOf('main-api') as { main: number }).main, 1);
    strictEqual(revision.exportsOf('other-api'), revision.exportsOf('other-api'));
    throws(() => revision.exportsOf('ghost'), refusal('EXPORT_UNKNOWN', { exported: ['main-api', 'other-api'] }));
    revision.close();
  });

  it('holds no code after close', () => {
    const { revision } = run('');
    revision.close();
    revision.close();
    for (const use of [() => revision.definition, () => revision.container, () => revision.marker, () => revision.exportsOf('test-api')]) {
      throws(use, refusal('REVISION_CLOSED'));
    }
    equal(revision.pending(), []);
    ok(revision.markerName.startsWith('SluiceRevision_test.sample_1.0.0_1_'));
  });
});

describe('require', () => {
  it('yields the host SDK, frozen', () => {
    const { result } = run("result = require('@sluice/sdk')");
    equal(
      [(result as typeof sdk).SluiceError === sdk.SluiceError, Object.isFrozen(result), Object.isFrozen(sdk.SluiceError.prototype)],
      [true, true, true],
    );
    const error = new sdk.SluiceError('X', 'still made');
    equal([error.name, error.message], ['SluiceError', 'still made']);
  });

  it('yields the open packages of the host', () => {
    const { result } = run("result = [require('@koa/router'), require('reflect-metadata'), require('tsyringe')].map((one) => typeof one)");
    equal(result.length, 3);
  });

  it('yields wired imports, asked for at the first require', () => {
    let asked = 0;
    const imports = { 'other-api': () => ({ asked: (asked += 1) }) };
    run('', { imports });
    equal(asked, 0);
    equal(run("result = require('other-api').asked", { imports }).result, 1);
  });

  it('yields built-ins that were granted, in both spellings and with their parts', () => {
    for (const granted of ['crypto', 'node:crypto']) {
      for (const name of ['crypto', 'node:crypto'])
        equal(typeof run(`result = require('${name}').randomUUID`, { builtins: [granted] }).result, 'function');
    }
    equal(typeof run("result = require('fs/promises').readFile", { builtins: ['node:fs'] }).result, 'function');
  });

  it('refuses everything else, naming the bundle, the module and what to add', () => {
    const cases: Record<string, string> = {
      fs: 'Add "node:fs" to sluice.permissions.builtins in its package.json.',
      'node:child_process': 'Add "node:child_process" to sluice.permissions.builtins in its package.json.',
      koa: 'Add "koa" to sluice.permissions.hostPackages in its package.json (system bundles only).',
      './other.js': 'An artifact is evaluated from one self-contained file: build it with `sluice build`.',
      '/etc/passwd': 'An artifact is evaluated from one self-contained file: build it with `sluice build`.',
      'left-pad/x':
        "Pack 'left-pad' into the bundle (list it under dependencies and run `sluice build`), or import it from another bundle with sluice.imports.",
    };
    for (const [name, remedy] of Object.entries(cases)) {
      throws(
        () => run(`require('${name}')`),
        (error) => {
          refusal('REQUIRE_REFUSED', { bundle: 'test.sample', version: '1.0.0', module: name })(error);
          equal((error as sdk.SluiceError).remedy, remedy);
          return true;
        },
      );
    }
  });

  it('never grants what reaches around the class space', () => {
    for (const name of ['module', 'node:inspector', 'repl', 'cluster', 'node:inspector/promises']) {
      throws(() => run(`require('${name}')`, { builtins: [name] }), refusal('REQUIRE_REFUSED', { module: name }));
    }
    throws(() => run("require('typescript')", { hostPackages: ['typescript'] }), refusal('REQUIRE_REFUSED'));
    throws(() => run('require(42)'), refusal('LOAD_FAILED'));
  });

  it('yields host packages that were granted, from the kernel', () => {
    equal(typeof run("result = require('koa')", { hostPackages: ['koa'] }).result, 'function');
    equal(typeof run("result = require('ajv/dist/2020').default", { hostPackages: ['ajv'] }).result, 'function');
    for (const name of GRANTABLE_PACKAGES) run(`require('${name}')`, { hostPackages: [name] });
  });

  it('never hands out the real process, nor synchronous children', () => {
    const { result } = run("result = [require('node:process').env, require('process') === globalThis.process]", { builtins: ['process'] });
    equal(result, [{}, false]);
    // As an import by name or as a namespace takes it apart.
    const { result: taken, request } = run(
      "const { stdout, title, env, exit, hrtime } = require('node:process'); const all = Object.create({}, Object.getOwnPropertyDescriptors(require('process'))); stdout.write('out'); all.stdout.write('all'); result = [title, all.title, env, typeof hrtime.bigint(), exit, all.exit]",
      { builtins: ['process'] },
    );
    const [exit, exitOfAll] = taken.splice(4);
    equal(
      [taken, request.printed],
      [
        ['test.sample', 'test.sample', {}, 'bigint'],
        [
          ['warn', 'out'],
          ['warn', 'all'],
        ],
      ],
    );
    for (const call of [exit, exitOfAll]) throws(() => call(1), refusal('PROCESS_REFUSED', { name: 'exit' }));
    const child = run("result = require('child_process')", { builtins: ['child_process'] }).result;
    equal(typeof child.spawn, 'function');
    for (const name of ['execSync', 'execFileSync', 'spawnSync']) throws(() => child[name]('true'), refusal('PROCESS_REFUSED', { name }));
  });
});

describe('shadowed process', () => {
  it('tells harmless facts and keeps the environment to itself', () => {
    const { result } = run(
      'result = [process.version, process.platform, process.env, typeof process.uptime(), process.cwd(), process.hrtime.bigint() > 0n, process.argv]',
    );
    equal(result, [process.version, process.platform, {}, 'number', process.cwd(), true, []]);
    throws(() => run('process.env.X = 1'), refusal('LOAD_FAILED'));
  });

  it('refuses what would act on all bundles, by name', () => {
    for (const name of ['exit', 'kill', 'abort', 'chdir', 'reallyExit', 'dlopen', 'on', 'once', 'emit']) {
      throws(() => run(`process.${name}('x')`), refusal('PROCESS_REFUSED', { bundle: 'test.sample', name }));
    }
    equal(run("result = process.removeListener('x', () => {}) === process").result, true);
  });

  it('runs nextTick, and writes what is printed to the log', async () => {
    const { result, request } = run(
      "process.stdout.write('out\\n'); process.emitWarning('careful'); console.log('a %d', 1, { b: 2 }); const { error } = console; error('bad'); console.assert(1 > 2, 'sure'); result = new Promise((done) => process.nextTick(done, 7))",
    );
    equal(await result, 7);
    equal(request.printed, [
      ['warn', 'out'],
      ['warn', 'careful'],
      ['info', 'a 1 { b: 2 }'],
      ['error', 'bad'],
      ['error', 'Assertion failed: sure'],
    ]);
  });
});

/** Timers that run when told to. */
class HandTimers implements TimerPort {
  readonly due: { callback: () => void; delayMs: number; kind: string; cancelled: boolean }[] = [];
  private add(kind: string, callback: () => void, delayMs: number): HostTimer {
    const one = { callback, delayMs, kind, cancelled: false };
    this.due.push(one);
    return { cancel: () => void (one.cancelled = true) };
  }
  setTimeout = (callback: () => void, delayMs: number): HostTimer => this.add('timeout', callback, delayMs);
  setInterval = (callback: () => void, delayMs: number): HostTimer => this.add('interval', callback, delayMs);
}

describe('timers of a bundle', () => {
  it('go through the port, pass their arguments, and are listed while they run', () => {
    const timers = new HandTimers();
    const { result, revision } = run(
      'result = []; setTimeout((a, b) => result.push(a + b), 50, 1, 2); setInterval(() => result.push("i"), 20); setImmediate(() => result.push("now"))',
      { timers },
    );
    equal(
      timers.due.map(({ kind, delayMs }) => [kind, delayMs]),
      [
        ['timeout', 50],
        ['interval', 20],
        ['timeout', 0],
      ],
    );
    equal(revision.pending(), ['timeout of 50 ms', 'interval of 20 ms', 'immediate']);
    for (const { callback } of timers.due) callback();
    equal([result, revision.pending()], [[3, 'i', 'now'], ['interval of 20 ms']]);
    revision.close();
    equal([timers.due.map((one) => one.cancelled), revision.pending()], [[false, true, false], []]);
  });

  it('are cancelled by their handle, and start anew with refresh', () => {
    const timers = new HandTimers();
    const { revision } = run(
      'const a = setTimeout(() => {}, 1); clearTimeout(a); clearTimeout(undefined); clearInterval(12); const b = setTimeout(() => {}, 5).unref(); b.refresh(); b.ref(); if (!b.hasRef()) throw new Error("ref"); const c = setInterval(() => {}, 9); c.close()',
      { timers },
    );
    equal(
      timers.due.map(({ delayMs, cancelled }) => [delayMs, cancelled]),
      [
        [1, true],
        [5, true],
        [5, false],
        [9, true],
      ],
    );
    equal(revision.pending(), ['timeout of 5 ms']);
    revision.close();
  });

  it('report what a callback throws, and run inside an entry when there is one', () => {
    const timers = new HandTimers();
    const order: string[] = [];
    const enter = (callback: () => void): void => {
      order.push('enter');
      callback();
      order.push('leave');
    };
    const { request, revision } = run('setTimeout(() => { throw new Error("late") }, 1)', { timers, enter });
    timers.due[0]?.callback();
    equal([order, request.timerErrors.map(String)], [['enter', 'leave'], ['Error: late']]);
    revision.close();
  });

  it('cannot be started after close, nor without a function', () => {
    const { result, revision } = run('result = () => setTimeout(() => {}, 1)');
    revision.close();
    throws(result as () => void, refusal('CONTEXT_CLOSED', { bundle: 'test.sample' }));
    throws(() => run('setTimeout("code", 1)'), refusal('LOAD_FAILED'));
  });

  it('work with promisify, as the real ones', async () => {
    const { result, revision } = run(
      "const { promisify } = require('node:util'); result = Promise.all([promisify(setTimeout)(1, 'a'), promisify(setImmediate)('b')])",
      { builtins: ['util'] },
    );
    equal(await result, ['a', 'b']);
    revision.close();
  });

  it('are stopped when loading fails', () => {
    const timers = new HandTimers();
    throws(() => run('setInterval(() => {}, 5); throw new Error("after")', { timers }), refusal('LOAD_FAILED'));
    equal(timers.due[0]?.cancelled, true);
  });
});

describe('tsyringe in a bundle', () => {
  const decorated = `
    require('reflect-metadata');
    const { singleton, injectable, inject, container, scoped, registry, Lifecycle } = require('tsyringe');
    class One {}
    class Two { constructor(one, text) { this.one = one; this.text = text; } }
    injectable({ token: 'two' })(Two);
    inject(One)(Two, undefined, 0); inject('text')(Two, undefined, 1); injectable({ token: 'two' })(Two);
    singleton()(One);
    class Three {} scoped(Lifecycle.ContainerScoped)(Three);
    class Four {} registry([{ token: 'four', useClass: Four }])(Four);
    container.register('text', { useValue: 'words' });`;

  it('resolves from a root container of the revision', () => {
    const { result, revision } = run(
      `${decorated} const two = container.resolve(Two); result = [two.text, two.one === container.resolve(One), container.resolve(Three) === container.resolve(Three), container.resolve('four') instanceof Four, container.resolve('two') instanceof Two]`,
    );
    equal(result, ['words', true, true, true, true]);
    strictEqual(revision.container.resolve<string>('text'), 'words');
    revision.close();
  });

  it('shares nothing with the container of another revision or of the process', () => {
    const first = run("result = require('tsyringe').container; result.register('only-here', { useValue: 1 })");
    const second = run("result = require('tsyringe').container");
    notStrictEqual(first.result, second.result);
    equal([second.result.isRegistered('only-here', true), globalContainer.isRegistered('only-here')], [false, false]);
    equal([Object.isFrozen(run("result = require('tsyringe')").result), first.revision.container === first.result], [true, true]);
  });

  it('refuses @autoInjectable, which would use the container of the process', () => {
    throws(() => run("require('tsyringe').autoInjectable()(class {})"), refusal('DECORATOR_UNSUPPORTED'));
  });
});

describe('code cache', () => {
  const newFolder = temporaryFolders();
  const large = `"use strict"; ${SDK} ${Array.from({ length: 400 }, (_, index) => `function f${index}(x) { return x + ${index} + f${(index + 1) % 400}.length; }`).join('\n')} exports.f = f1; ${EMPTY}`;
  const options = { exports: { api: 'dist/bundle.cjs' } };
  const call = (revision: LoadedRevision): unknown => (revision.exportsOf('api') as { f(x: number): number }).f(1);

  for (const kind of ['folder', 'memory']) {
    it(`in a ${kind} is written after the first load and used by the next`, async () => {
      const real = kind === 'folder' ? new CodeCacheFolder(await newFolder()) : new MemoryCodeCache();
      const log: string[] = [];
      const cache: CodeCache = {
        read: (digest, entry) => {
          const found = real.read(digest, entry);
          log.push(found === undefined ? 'miss' : 'hit');
          return found;
        },
        write: (digest, entry, data) => {
          log.push('write');
          return real.write(digest, entry, data);
        },
      };
      const first = createLoader({ codeCache: cache });
      equal(call(first.load(requestOf(large, options))), 3);
      await first.settled();
      equal(call(createLoader({ codeCache: cache }).load(requestOf(large, options))), 3);
      equal(log, ['miss', 'write', 'hit']);
      equal([await real.sweep(new Set(['f'.repeat(64)])), await real.sweep(new Set())], [0, 1]);
      equal(real.read('f'.repeat(64), 'dist/bundle.cjs'), undefined);
    });
  }

  it('is made again when V8 rejects it, and not believed when its bytes are damaged', async () => {
    const folder = await newFolder();
    const cache = new CodeCacheFolder(folder);
    const fresh = createLoader({ codeCache: cache });
    fresh.load(requestOf(large, options));
    await fresh.settled();
    const [name] = await readdir(folder);
    const path = `${folder}/${name}`;
    const good = await readFile(path);
    const flipped = Buffer.from(good);
    flipped[1_000] = (flipped[1_000] ?? 0) ^ 0xff;
    await writeFile(path, flipped);
    equal(cache.read('f'.repeat(64), 'dist/bundle.cjs'), undefined);
    // Right checksum, wrong content: made for another source.
    const other = createLoader({ codeCache: cache });
    other.load(requestOf(large.replaceAll('x + ', 'x - '.repeat(3)), options));
    await other.settled();
    const foreign = await readFile(path);
    // Never compiled in this process: what V8 has compiled before it finds without looking at a cache.
    equal(call(fresh.load(requestOf(`${large} /* unseen */`, options))), 3);
    await fresh.settled();
    equal((await readFile(path)).equals(foreign), false);
  });

  it('is not asked for small bundles, and a failing write costs nothing', async () => {
    const cache: CodeCache = {
      read: () => undefined,
      write: () => Promise.reject(new Error('disk full')),
    };
    const full = createLoader({ codeCache: cache });
    equal(call(full.load(requestOf(large, options))), 3);
    await full.settled();
    const strict: CodeCache = {
      read: () => {
        throw new Error('asked');
      },
      write: () => Promise.resolve(),
    };
    createLoader({ codeCache: strict }).load(requestOf(`${SDK} ${EMPTY}`));
  });
});

describe('stacks', () => {
  // Line 3 of the bundle is line 10 of domain/fees.ts (mappings: two empty lines, then column 0 -> source 0, line 10, column 4).
  const map = JSON.stringify({ version: 3, sources: ['../domain/fees.ts'], names: [], mappings: ';;AASI', sourcesContent: [null] });
  const source = `"use strict"; ${SDK}\n${EMPTY}\nexports.fail = () => { throw new Error('boom', { cause: new Error('underneath') }); };`;
  const thrown = (revision: LoadedRevision): Error => {
    try {
      (revision.exportsOf('api') as { fail(): void }).fail();
    } catch (error) {
      return error as Error;
    }
    throw new Error('nothing was thrown');
  };
  const exports = { api: 'dist/bundle.cjs' };

  it('name the lines an author wrote, from a map entry or an inline comment, causes included', () => {
    const inline = `${source}\n//# sourceMappingURL=data:application/json;base64,${Buffer.from(map).toString('base64')}\n`;
    for (const request of [requestOf(source, { exports, entries: { 'dist/bundle.cjs.map': map } }), requestOf(inline, { exports })]) {
      const revision = loader.load(request);
      const stack = loader.mapStack(thrown(revision));
      equal(stack.match(/bundle:\/\/test\.sample@1\.0\.0\/domain\/fees\.ts:10:5/g)?.length, 2);
      ok(/^Error: boom\n[^]*\nCaused by: Error: underneath\n/.test(stack), stack);
      revision.close();
    }
  });

  it('stay as they are without a map, with a damaged one, and after close', () => {
    for (const entries of [{}, { 'dist/bundle.cjs.map': '{"version":' }]) {
      const revision = loader.load(requestOf(source, { exports, entries }));
      ok(loader.mapStack(thrown(revision)).includes('bundle://test.sample@1.0.0/dist/bundle.cjs:3:'));
      revision.close();
    }
    const revision = loader.load(requestOf(source, { exports, entries: { 'dist/bundle.cjs.map': map } }));
    const error = thrown(revision);
    revision.close();
    ok(loader.mapStack(error).includes('dist/bundle.cjs:3:'));
    equal([loader.mapStack('text'), loader.mapStack(undefined)], ['text', '']);
  });

  it('of two revisions with one name follow the newer; closing the older takes nothing away', () => {
    const older = loader.load(requestOf(source, { exports }));
    const newer = loader.load(requestOf(source, { exports, entries: { 'dist/bundle.cjs.map': map } }));
    older.close();
    ok(loader.mapStack(thrown(newer)).includes('domain/fees.ts:10:5'));
    newer.close();
  });
});

describe('SDK generations', () => {
  const folders = temporaryFolders();

  /** A kernel package with an SDK of its own and, under an alias, one of the major before. */
  async function kernelWithTwoSdks(): Promise<string> {
    const folder = await folders();
    const packages: Readonly<Record<string, readonly [string, object]>> = {
      '@sluice/kernel': ['0', { dependencies: { '@sluice/sdk': '*', '@sluice/sdk-1': 'npm:@sluice/sdk@^1', koa: '*' } }],
      '@sluice/sdk': ['2.1.0', {}],
      '@sluice/sdk-1': ['1.9.0', {}],
    };
    for (const [name, [version, more]] of Object.entries(packages)) {
      const path = join(folder, 'node_modules', name);
      await mkdir(path, { recursive: true });
      await writeFile(join(path, 'package.json'), JSON.stringify({ name, version, main: 'index.js', ...more }));
      await writeFile(join(path, 'index.js'), `exports.generation = '${version}';`);
    }
    return join(folder, 'kernel.js');
  }

  it('are the current one and those of earlier majors under an alias, newest first', async () => {
    const generations = generationsOf(await kernelWithTwoSdks());
    equal(
      generations.map(({ version }) => version),
      ['2.1.0', '1.9.0'],
    );
  });

  it('serve each bundle the newest its range takes', async () => {
    const generations = generationsOf(await kernelWithTwoSdks());
    const chosen = ['^2.0.0', '^1.0.0', '>=1', '^3.0.0'].map((range) => generationFor(generations, parseRange(range, 'npm')).version);
    equal(chosen, ['2.1.0', '1.9.0', '2.1.0', '2.1.0']);
    const manifest = { ...requestOf('').manifest, sdkRange: parseRange('^1.0.0', 'npm') };
    const space = new ClassSpace({ ...requestOf(''), manifest }, generations);
    equal(space.require('@sluice/sdk'), { generation: '1.9.0' });
  });
});
