/**
 * How fast a route is, beside bare node:http and Koa with and without a router; what adding and removing routes costs.
 * Every contender has a process of its own; contenders take turns in each round, so that a noisy moment hits all of them. What counts are
 * the ratios, not the figures. The processor time of the server per request is the steadier measure where other work shares the machine:
 * a server that needs half of it answers twice as many.
 *
 *   node build/bench/http.js [--rounds 3] [--seconds 3] [--only "ours"]
 */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { median, printTable, rowOf, type Row } from './support/figures.js';
import { CONTENDERS, parts, routerOf, viewOf, type Started } from './http/contenders.js';
import type { LoadResult } from './http/load.js';

const CONNECTIONS = 50;
const WARM_UP_REQUESTS = 20_000;
const ROUTE_CHANGE_MS_MAX = 0.05;
const CHANGE_MS_MAX = 500;

interface Options {
  readonly rounds: number;
  readonly seconds: number;
  readonly only: RegExp;
}

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2));
  await measureChanges();
  const names = Object.keys(CONTENDERS).filter((name) => options.only.test(name) || name === 'bare' || name === 'koa');
  const results = new Map<string, Measured[]>(names.map((name) => [name, []]));
  for (let round = 0; round < options.rounds; round += 1) {
    for (const name of names) results.get(name)?.push(await measure(name, options.seconds));
  }
  report(results);
}

function readOptions(args: readonly string[]): Options {
  const valueOf = (name: string, fallback: string): string => args[args.indexOf(name) + 1 || args.length] ?? fallback;
  return { rounds: Number(valueOf('--rounds', '3')), seconds: Number(valueOf('--seconds', '3')), only: new RegExp(valueOf('--only', '.')) };
}

interface Measured extends LoadResult {
  /** Processor time of the server for one request, microseconds. */
  readonly cpuUs: number;
}

async function measure(name: string, seconds: number): Promise<Measured> {
  const server = fork(join(__dirname, 'http/server.js'), [name]);
  const load = fork(join(__dirname, 'http/load.js'));
  try {
    const [started] = (await once(server, 'message')) as [Started];
    load.send({ ...started, connections: CONNECTIONS, warmUpRequests: WARM_UP_REQUESTS, durationMs: seconds * 1_000 });
    await once(load, 'message');
    server.send('begin');
    const [result] = (await once(load, 'message')) as [LoadResult];
    return { ...result, cpuUs: await cpuOfRequest(server) };
  } finally {
    await Promise.all([ended(server), ended(load)]);
  }
}

async function cpuOfRequest(server: ChildProcess): Promise<number> {
  const answer = once(server, 'message');
  server.send('end');
  const [{ cpuUs }] = (await answer) as [{ cpuUs: number }];
  return cpuUs;
}

async function ended(child: ChildProcess): Promise<void> {
  const exit = once(child, 'exit');
  child.disconnect();
  await exit;
}

/** Our routes beside the bars: a share of bare and one of Koa alone, both by Node's major version. */
const [SHARE_OF_BARE, SHARE_OF_KOA] = Number.parseInt(process.versions.node, 10) < 24 ? [0.48, 0.8] : [0.55, 0.88];
/** Many routes, or many bundles, may cost so much of what few do. */
const SHARE_OF_FEW = 0.9;
const FEW: Readonly<Record<string, string>> = {
  'ours router 10000': 'ours router 10',
  'ours typed 10000': 'ours typed 10',
  'ours 1000 bundles of 10': 'ours 1 bundle of 10',
};

function report(results: ReadonlyMap<string, readonly Measured[]>): void {
  const rates = (name: string): number[] => (results.get(name) ?? []).map((run) => run.perSecond);
  // The quietest run: noise only ever adds.
  const cpuOf = (name: string): number => Math.min(...(results.get(name) ?? []).map((run) => run.cpuUs));
  const names = [...results.keys()];
  const isOurs = (name: string): boolean => name.startsWith('ours');
  const barAt = (bare: number, koa: number): number => Math.max(SHARE_OF_BARE * bare, SHARE_OF_KOA * koa);
  const perSecond = names.map((name) =>
    rowOf(name, '/s', rates(name), {
      better: 'more',
      ...(name === 'bare' ? {} : { peer: { name: 'bare', value: median(rates('bare')) } }),
      ...(isOurs(name) ? { bar: barAt(median(rates('bare')), median(rates('koa'))) } : {}),
    }),
  );
  const failed = [...results.values()].flat().reduce((sum, run) => sum + run.failed, 0);
  printTable(`${CONNECTIONS} connections, answers per second`, perSecond, [`Requests that failed, of all contenders: ${failed}.`]);
  const perRequest = names.map((name): Row => {
    // Shares of throughput are shares of the time a request may take, turned round.
    const [bare, koa] = [cpuOf('bare'), cpuOf('koa')];
    const bar = Math.min(bare / SHARE_OF_BARE, koa / SHARE_OF_KOA);
    return { what: name, unit: 'us', value: cpuOf(name), peer: { name: 'bare', value: bare }, ...(isOurs(name) ? { bar } : {}) };
  });
  printTable('processor time of the server for one request', perRequest);
  const flatness = Object.entries(FEW).filter(([many, few]) => results.has(many) && results.has(few));
  const shares = flatness.map(([many, few]): Row => {
    return { what: `${many} / ${few}`, unit: 'of it', value: cpuOf(few) / cpuOf(many), bar: SHARE_OF_FEW, better: 'more' };
  });
  if (shares.length > 0) printTable('throughput by processor time, many routes beside few', shares);
  const latencies = names.flatMap((name) => {
    const runs = results.get(name) ?? [];
    return [
      rowOf(
        `${name}, p50`,
        'ms',
        runs.map((run) => run.p50Ms),
      ),
      rowOf(
        `${name}, p99`,
        'ms',
        runs.map((run) => run.p99Ms),
      ),
    ];
  });
  printTable('latency', latencies);
}

/** Adding and removing the routes of a bundle in a running server. */
async function measureChanges(): Promise<void> {
  const rows: Row[] = [];
  for (const count of [10, 1_000, 10_000]) {
    const { publisher } = parts();
    const view = viewOf(1);
    const times: number[] = [];
    for (let round = 0; round < 7; round += 1) {
      const router = routerOf(count);
      const startedAt = performance.now();
      publisher.publish(await publisher.prepare([{ service: { router }, view }], []), []);
      publisher.publish(undefined, [view]);
      times.push(performance.now() - startedAt);
    }
    rows.push(rowOf(`${count} routes`, 'ms', times, { bar: Math.min(count * ROUTE_CHANGE_MS_MAX, CHANGE_MS_MAX) }));
  }
  printTable('adding and removing the routes of a bundle at run time', rows);
}

void main();
