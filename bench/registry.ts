/**
 * Measures the service registry against its bars: look-up, filters, best-ranked, calls through references, rebinding of dependents.
 * Run: `node build/bench/registry.js`. Each figure is the best of many short rounds in one process, because other work on the machine only
 * ever makes a round slower; the ratio to the bar is what counts.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { Type } from '@sinclair/typebox';
import { contract, syncMethod, type Contract, type Registration } from '@sluice/sdk';
import { printTable, type Row } from './support/figures.js';
import { ServiceRegistry, type RevisionOwner } from '@sluice/kernel/registry/index';

interface AddingService {
  add(a: number, b: number): number;
}
const SERVICES = 1_000;
/** Short and many: on a busy machine a long round always holds somebody else's time. */
const ROUND_MS = 4;
const ROUNDS = 60;

const rows: Row[] = [];
const entries = new AsyncLocalStorage<{ readonly generation: number }>();
let bundles = 0;

function owner(symbolicName: string): RevisionOwner {
  bundles += 1;
  return { bundleId: bundles, symbolicName, version: '1.0.0', revision: 1 };
}

function newRegistry(): ServiceRegistry {
  return new ServiceRegistry({
    entryGeneration: () => entries.getStore()?.generation,
    warn: (code, message) => {
      throw new Error(`${code}: ${message}`);
    },
  });
}

function adding(id: string): Contract<AddingService> {
  return contract(id, '1.0.0', { add: syncMethod([Type.Number(), Type.Number()], Type.Number()) });
}

/** Nanoseconds per step, best round. `run` does so many steps. */
function measure(warmUpSteps: number, run: (steps: number) => unknown): number {
  run(warmUpSteps);
  const begin = process.hrtime.bigint();
  run(Math.ceil(warmUpSteps / 4));
  const perStep = Number(process.hrtime.bigint() - begin) / Math.ceil(warmUpSteps / 4);
  const steps = Math.max(10, Math.ceil((ROUND_MS * 1e6) / perStep));
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round += 1) {
    const started = process.hrtime.bigint();
    run(steps);
    best = Math.min(best, Number(process.hrtime.bigint() - started) / steps);
  }
  return best;
}

/** A loop of its own per measurement, so that one target does not spoil the next one's inline caches. */
function callLoop(): (service: AddingService, steps: number) => number {
  return new Function(
    'service',
    'steps',
    `let sum = ${Math.random()} > 2 ? 1 : 0; for (let i = 0; i < steps; i += 1) sum = service.add(sum, i) | 0; return sum;`,
  ) as never;
}

function providerClass(at: number): new () => AddingService {
  return new Function(`return class Provider${at} { add(a, b) { return (a + ${at}) & 65535; } }`)() as never;
}

function lookUps(): void {
  const registry = newRegistry();
  const chain = Array.from({ length: SERVICES }, (_, at) => ({ contract: adding(`bench.Service${at}`), owner: owner(`bundle-${at}`) }));
  for (const { contract: each, owner: provider } of chain) registry.register(provider, each, new (providerClass(0))(), {}, null);
  const value = measure(SERVICES * 300, (steps) => {
    for (let step = 0; step < steps; step += 1) {
      const wanted = chain[step % SERVICES] as (typeof chain)[number];
      const user = chain[(step + 1) % SERVICES] as (typeof chain)[number];
      registry.reference(user.owner, wanted.contract, undefined, null).close();
    }
  });
  rows.push({ what: 'look-up by contract: checks, use count, reference made and given back', unit: 'ns', value, bar: 150 });
}

function filters(): void {
  const registry = newRegistry();
  const Filtered = adding('bench.Filtered');
  const provider = owner('provider');
  const service = new (providerClass(0))();
  const registrations: Registration[] = [];
  for (let at = 0; at < SERVICES; at += 1) {
    const properties = {
      name: `service-${at}`,
      branch: `branch-${at % 100}`,
      region: `region-${at % 7}`,
      kind: at % 2 === 0 ? 'even' : 'odd',
      weight: at,
      label: `some text about number ${at} of many`,
    };
    registrations.push(registry.register(provider, Filtered, service, properties, null));
  }
  const run = (what: string, filter: string, expected: number, bar: number | null, steps: number): void => {
    const options = { filter };
    const found = registry.find(Filtered, options).length;
    if (found !== expected) throw new Error(`${filter} found ${found} services, expected ${expected}`);
    const value = measure(steps, (count) => {
      for (let step = 0; step < count; step += 1) registry.find(Filtered, options);
    });
    rows.push({ what: `filter over 1,000: ${what}`, unit: 'us', value: value / 1_000, ...(bar === null ? {} : { bar }) });
  };
  run('equality, indexed, 1 match', '(name=service-700)', 1, 1, 200_000);
  run('AND, rarest equality leaves 10', '(&(kind=even)(branch=branch-42)(weight>=500))', 5, 2, 100_000);
  run('AND, rarest equality leaves 143', '(&(region=region-3)(kind=odd)(weight>=500))', 36, 6, 50_000);
  run('full scan, one term', '(weight>=990)', 10, 10, 10_000);
  run('full scan, AND of three', '(&(weight>=500)(weight<=509)(!(kind=odd)))', 5, 35, 5_000);
  run('full scan, substring', '(name=*ice-77*)', 11, 30, 5_000);
  run('full scan, substring of an own beginning and end', '(name=serv*77)', 10, 30, 5_000);
  run('full scan, substring in longer text', '(label=*number 77*many)', 11, null, 5_000);
}

function bestRanked(): void {
  const registry = newRegistry();
  const Ranked = adding('bench.Ranked');
  const provider = owner('provider');
  const user = owner('user');
  for (let at = 0; at < SERVICES; at += 1) {
    registry.register(provider, Ranked, new (providerClass(0))(), { 'service.ranking': (at * 7919) % 997 }, null);
  }
  const value = measure(200_000, (steps) => {
    for (let step = 0; step < steps; step += 1) registry.reference(user, Ranked, undefined, null).close();
  });
  rows.push({ what: 'best-ranked of 1,000 of one contract', unit: 'us', value: value / 1_000, bar: 1 });
}

/** Calls after `swaps` replacements of the provider by another class, with one generation and with two. */
async function calls(swaps: number): Promise<void> {
  const steps = 2_000_000;
  const plainLoop = callLoop();
  const plain = new (providerClass(0))();
  const ownLoop = callLoop();
  const registry = newRegistry();
  const Called = adding('bench.Called');
  const { service } = registry.reference(owner('user'), Called, undefined, null);
  let current: RevisionOwner | null = null;
  for (let at = 0; at <= swaps; at += 1) {
    const next = owner('provider');
    const stage = registry.openStage([next], current === null ? [] : [current]);
    registry.register(next, Called, new (providerClass(at))(), {}, stage);
    registry.commit(stage, at + 1);
    registry.retire(at + 1);
    ownLoop(service, 200_000);
    if (current !== null) registry.forget(current);
    current = next;
  }
  const after = `after ${swaps} swaps`;
  rows.push({ what: `plain method call`, unit: 'ns', value: measure(steps, (count) => plainLoop(plain, count)) });
  rows.push({
    what: `call through a reference, one generation, ${after}`,
    unit: 'ns',
    value: measure(steps, (count) => ownLoop(service, count)),
    bar: 10,
  });
  const heapBefore = process.memoryUsage().heapUsed;
  ownLoop(service, steps);
  const allocated = Math.max(0, process.memoryUsage().heapUsed - heapBefore) / steps;
  rows.push({ what: `allocated by a call through a reference, ${after}`, unit: 'bytes', value: allocated, bar: 0.5 });
  const last = owner('provider');
  const stage = registry.openStage([last], current === null ? [] : [current]);
  registry.register(last, Called, new (providerClass(swaps + 1))(), {}, stage);
  registry.commit(stage, swaps + 2);
  for (const [name, generation] of [
    ['old', swaps + 1],
    ['new', swaps + 2],
  ] as const) {
    // After an await, as nearly all code of a request runs: there the async context is cheapest to read.
    const value = await entries.run({ generation }, async () => {
      await Promise.resolve();
      return measure(steps, (count) => ownLoop(service, count));
    });
    rows.push({ what: `call through a reference, two generations, ${name} entry, ${after}`, unit: 'ns', value, bar: 20 });
  }
}

/** One provider with 1,000 dependents is replaced; the whole commit counts. */
function rebind(): void {
  const registry = newRegistry();
  const Root = adding('bench.Root');
  const services = Array.from({ length: SERVICES }, (_, at) => registry.reference(owner(`dependent-${at}`), Root, undefined, null).service);
  let current: RevisionOwner | null = null;
  let generation = 0;
  const durations: number[] = [];
  for (let round = 0; round < 60; round += 1) {
    const next = owner('root');
    const stage = registry.openStage([next], current === null ? [] : [current]);
    registry.register(next, Root, new (providerClass(round % 3))(), {}, stage);
    generation += 1;
    const begin = process.hrtime.bigint();
    registry.commit(stage, generation);
    durations.push(Number(process.hrtime.bigint() - begin) / 1e6);
    if (services.some((service) => service.add(1, 1) !== 1 + (round % 3))) throw new Error('a dependent was not rebound');
    registry.retire(generation);
    if (current !== null) registry.forget(current);
    current = next;
  }
  durations.sort((a, b) => a - b);
  rows.push({ what: 'commit that rebinds 1,000 dependents, median of 60', unit: 'ms', value: durations[30] as number, bar: 1 });
}

async function main(): Promise<void> {
  lookUps();
  filters();
  bestRanked();
  await calls(0);
  await calls(12);
  rebind();
  printTable(`${SERVICES} services`, rows);
}

void main();
