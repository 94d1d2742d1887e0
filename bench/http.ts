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
import { CONTENDERS, parts, routerOf, viewOf, type Started } from './http/contenders.js';
import type { LoadResult } from './http/load.js';

const CONNECTIONS = 50;
const WARM_UP_REQUESTS = 20_000;

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

function report(results: ReadonlyMap<string, readonly Measured[]>): void {
  const rateOf = (name: string): number => median((results.get(name) ?? []).map((run) => run.perSecond));
  // The quietest run: noise only ever adds.
  const cpuOf = (name: string): number => Math.min(...(results.get(name) ?? []).map((run) => run.cpuUs));
  console.log(`\n${CONNECTIONS} connections, medians of the rounds; ratios by answers per second, and by processor time\n`);
  console.log('contender            requests/s  of bare  of Koa   us/request  of bare  of Koa   p50 ms   p99 ms   failed');
  for (const [name, runs] of results) {
    const cells = [
      name.padEnd(20),
      rateOf(name).toFixed(0).padStart(10),
      (rateOf(name) / rateOf('bare')).toFixed(2).padStart(8),
      (rateOf(name) / rateOf('koa')).toFixed(2).padStart(7),
      cpuOf(name).toFixed(1).padStart(12),
      (cpuOf('bare') / cpuOf(name)).toFixed(2).padStart(8),
      (cpuOf('koa') / cpuOf(name)).toFixed(2).padStart(7),
      median(runs.map((run) => run.p50Ms))
        .toFixed(2)
        .padStart(8),
      median(runs.map((run) => run.p99Ms))
        .toFixed(2)
        .padStart(8),
      String(runs.reduce((sum, run) => sum + run.failed, 0)).padStart(8),
    ];
    console.log(cells.join(' '));
  }
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[Math.floor(sorted.length / 2)] ?? NaN;
}

/** Adding and removing the routes of a bundle in a running server. */
async function measureChanges(): Promise<void> {
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
    console.log(
      `add and remove ${count} routes: ${median(times).toFixed(2)} ms, ${((median(times) / count) * 1_000).toFixed(1)} us a route`,
    );
  }
}

void main();
