/**
 * The same job for several plugin runtimes: N plugins from their source text, each with one service, plugin k calling the service of k - 1
 * when it starts. Ours is the kernel with everything on; Cordis and Moleculer do what they do; the floor is a loader and a Map, no checks,
 * no wiring, no undo: the distance from it is what a runtime's features cost.
 */
import { createRequire } from 'node:module';
import { compileFunction } from 'node:vm';

const load = createRequire(__filename);

/** A runtime with its N plugins running. */
export interface PluginRuntime {
  /**
   * Replaces one plugin by another version of itself and waits until everything runs again.
   * @param more code that the plugin has besides.
   */
  update(index: number, version: number, more?: string): Promise<void>;
  close(): Promise<void>;
}

/** Starts a runtime with plugins from sources made by `source` of the same contender. */
export interface Contender {
  source(index: number, version: number): string;
  start(sources: readonly string[]): Promise<PluginRuntime>;
}

/** Stack overflows that a contender printed, in all they printed. */
export function overflowsIn(output: string): number {
  return output.match(/^RangeError: Maximum call stack size exceeded/gm)?.length ?? 0;
}

function evaluate(source: string, file: string): unknown {
  const module = { exports: {} as unknown };
  (compileFunction(source, ['module', 'exports'], { filename: file }) as (module: object, exports: unknown) => void)(
    module,
    module.exports,
  );
  return module.exports;
}

interface CordisContext {
  plugin(plugin: object): { dispose(): boolean };
  start(): Promise<void>;
  stop(): Promise<void>;
  get(name: string): { value(): number; version: number } | undefined;
}

/** Cordis: plugins with `inject`, restarted when what they inject is replaced. */
export const cordis: Contender = {
  source: (index, version) => `'use strict';
module.exports = {
  name: 'bundle-${index}',
  inject: [${index === 0 ? '' : `'service${index - 1}'`}],
  apply(context) {
    ${index === 0 ? '' : `if (context.service${index - 1}.value() !== ${index - 1}) throw new Error('wrong service');`}
    context.set('service${index}', { value: () => ${index}, version: ${version} });
  },
};
`,
  async start(sources) {
    const { Context } = load('cordis') as { Context: new () => CordisContext };
    const context = new Context();
    await context.start();
    const forks = sources.map((source, index) => context.plugin(evaluate(source, `cordis-${index}.js`) as object));
    const last = sources.length - 1;
    const settled = async (): Promise<void> => {
      while (context.get(`service${last}`) === undefined) await new Promise(setImmediate);
    };
    await settled();
    return {
      async update(index, version, more = '') {
        const plugin = evaluate(cordis.source(index, version) + more, `cordis-${index}.js`) as object;
        forks[index]?.dispose();
        forks[index] = context.plugin(plugin);
        while (context.get(`service${index}`)?.version !== version) await Promise.resolve();
        await settled();
      },
      close: () => context.stop(),
    };
  },
};

interface Broker {
  createService(schema: object): object;
  destroyService(service: object): Promise<void>;
  waitForServices(names: readonly string[]): Promise<unknown>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** Moleculer: services with dependencies. Asked for them every 2 ms instead of once a second, which would be all one measured. */
export const moleculer: Contender = {
  source: (index, version) => `'use strict';
module.exports = {
  name: 'service${index}',
  dependencies: [${index === 0 ? '' : `'service${index - 1}'`}],
  metadata: { version: ${version} },
  actions: { value() { return ${index}; } },
  async started() {
    ${index === 0 ? '' : `if ((await this.broker.call('service${index - 1}.value')) !== ${index - 1}) throw new Error('wrong service');`}
  },
};
`,
  async start(sources) {
    const { ServiceBroker } = load('moleculer') as { ServiceBroker: new (options: object) => Broker };
    const broker = new ServiceBroker({ logger: false, nodeID: 'bench', dependencyInterval: 2 });
    const services = sources.map((source, index) => broker.createService(evaluate(source, `moleculer-${index}.js`) as object));
    await broker.start();
    return {
      async update(index, version, more = '') {
        await broker.destroyService(services[index] as object);
        services[index] = broker.createService(evaluate(moleculer.source(index, version) + more, `moleculer-${index}.js`) as object);
        await broker.waitForServices([`service${index}`]);
      },
      close: () => broker.stop(),
    };
  },
};

type Services = Map<string, { value(): Promise<number> }>;

/** The floor: compile, run, remember. */
export const floor: Contender = {
  source: (index, version) => `'use strict';
module.exports = async (services) => {
  ${index === 0 ? '' : `if ((await services.get('service${index - 1}').value()) !== ${index - 1}) throw new Error('wrong service');`}
  services.set('service${index}', { value: async () => ${index}, version: ${version} });
};
`,
  async start(sources) {
    const services: Services = new Map();
    const run = async (source: string, file: string): Promise<void> => {
      await (evaluate(source, file) as (services: Services) => Promise<void>)(services);
    };
    for (const [index, source] of sources.entries()) await run(source, `floor-${index}.js`);
    return {
      update: (index, version, more = '') => run(floor.source(index, version) + more, `floor-${index}.js`),
      close: () => Promise.resolve(),
    };
  },
};
