/** One contender doing one memory job, in a process of its own; prints `heap <bytes>`. Needs --expose-gc. */
import { transformSync } from '@swc/core';
import { writeArchive } from '@sluice/kernel/host/archive-writer';
import { bootKernel, deployAll, muchCode, trivialBundle } from './kernel-harness.js';
import { cordis, moleculer, type Contender } from './plugin-runtimes.js';

const BUNDLES = 1_000;
const COMPONENT_BUNDLES = 200;
const UPDATES = 2_000;
const RELOADS = 1_000;
const RELOADED_BYTES = 200 * 1024;
/** Before the first measurement: until code is compiled, caches are filled and what keeps the newest lines and changes has as many as it may. */
const WARM_UP_UPDATES = 5_000;
const WARM_UP_RELOADS = 50;
const COLLECTIONS = 6;

/** Starts bundles and gives updates. */
interface System {
  add(from: number, to: number): Promise<void>;
  update(version: number, more: string): Promise<void>;
}

async function ours(): Promise<System> {
  const kernel = await bootKernel(null);
  const numbers = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, index) => from + index);
  return {
    add: (from, to) =>
      deployAll(
        kernel,
        numbers(from, to).map((index) => trivialBundle(index)),
      ),
    async update(version, more) {
      // As a running kernel does between changes: an artifact that nothing can return to is removed.
      const { store, journal } = kernel.state;
      await deployAll(kernel, [trivialBundle(0, `1.0.${version}`, more)]);
      const inUse = journal.view.state.bundles.flatMap(({ digest, previous }) => [digest, previous?.digest ?? digest]);
      for (const orphan of await store.orphans(inUse)) await store.remove(orphan);
    },
  };
}

/** Peers take all their plugins at once. */
function peer(contender: Contender): System {
  let runtime: Awaited<ReturnType<Contender['start']>> | undefined;
  let total = 0;
  return {
    async add(_from, to) {
      await runtime?.close();
      total = to;
      runtime = await contender.start(Array.from({ length: total }, (_, index) => contender.source(index, 1)));
    },
    update: async (version, more) => void (await runtime?.update(0, version, more)),
  };
}

const SYSTEMS: Readonly<Record<string, () => Promise<System>>> = {
  ours,
  Cordis: async () => peer(cordis),
  Moleculer: async () => peer(moleculer),
};

const JOBS: Readonly<Record<string, (name: string) => Promise<number>>> = {
  async bundles(name) {
    const system = await SYSTEMS[name]?.();
    await system?.add(0, 1);
    const before = await collectedHeap();
    await system?.add(1, BUNDLES + 1);
    const bytes = ((await collectedHeap()) - before) / BUNDLES;
    await system?.update(2, '');
    return bytes;
  },
  async components() {
    const kernel = await bootKernel(null);
    await deployAll(kernel, [componentBundle(0)]);
    const before = await collectedHeap();
    const artifacts = Array.from({ length: COMPONENT_BUNDLES }, (_, index) => componentBundle(index + 1));
    await deployAll(kernel, artifacts);
    const bytes = ((await collectedHeap()) - before) / COMPONENT_BUNDLES;
    if (kernel.status().bundles.active !== COMPONENT_BUNDLES + 1) throw new Error('not all bundles are active');
    return bytes;
  },
  updates: (name) => leftBy(name, UPDATES, ''),
  reloads: (name) => leftBy(name, RELOADS, muchCode(RELOADED_BYTES)),
};

async function leftBy(name: string, count: number, more: string): Promise<number> {
  const system = await SYSTEMS[name]?.();
  await system?.add(0, 1);
  let version = 1;
  const updates = async (times: number, code: string): Promise<void> => {
    for (let round = 0; round < times; round += 1) await system?.update((version += 1), code);
  };
  await updates(WARM_UP_UPDATES, '');
  await updates(WARM_UP_RELOADS, more);
  const before = await collectedHeap();
  await updates(count, more);
  return (await collectedHeap()) - before;
}

/** A bundle of five components, the second to fifth bound to the one before, compiled as the tool chain compiles decorators. */
function componentBundle(index: number): Buffer {
  const ids = [0, 1, 2, 3, 4].map((part) => `bench.Part${index}x${part}`);
  const contracts = ids.map((id, part) => `const Part${part} = contract('${id}', '1.0.0', { value: method([], Type.Number()) });`);
  const classes = ids.map((_, part) => {
    const before = part === 0 ? '' : `constructor(@Reference(Part${part - 1}) private readonly before: any) {}`;
    return `@Component({ provides: Part${part} }) class Holder${part} { ${before} async value() { return ${part}; } }`;
  });
  const source = `import { Component, Reference, contract, defineBundle, method, Type } from '@sluice/sdk';
${contracts.join('\n')}
${classes.join('\n')}
const parts = [Part0, Part1, Part2, Part3, Part4];
export default defineBundle({ provides: parts, requires: parts.slice(0, 4), components: [Holder0, Holder1, Holder2, Holder3, Holder4] });
`;
  const { code } = transformSync(source, {
    module: { type: 'commonjs' },
    jsc: {
      target: 'es2022',
      parser: { syntax: 'typescript', decorators: true },
      transform: { legacyDecorator: true, decoratorMetadata: true },
    },
  });
  const packageJson = {
    name: `@bench/components-${index}`,
    version: '1.0.0',
    sluice: {
      sdk: '^1.0.0',
      symbolicName: `bench.components-${index}`,
      provides: ids.map((contract) => ({ contract, version: '1.0.0' })),
    },
  };
  return writeArchive({ 'package.json': JSON.stringify(packageJson), 'dist/bundle.cjs': code });
}

/** Bytes in use after everything that can be collected was. */
async function collectedHeap(): Promise<number> {
  for (let round = 0; round < COLLECTIONS; round += 1) {
    // Finalizers and weak references are settled between two turns of the event loop.
    await new Promise((resolve) => setImmediate(resolve));
    gc?.();
  }
  return process.memoryUsage().heapUsed;
}

async function main(): Promise<void> {
  const [, , contender = '', job = ''] = process.argv;
  const bytes = await JOBS[job]?.(contender);
  process.stdout.write(`\nheap ${Math.round(bytes ?? Number.NaN)}\n`, () => process.exit(0));
}

void main();
