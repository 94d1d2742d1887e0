/**
 * Twenty swaps of a served bundle under the load of 32 keep-alive connections, in the real kernel: answers lost, latency beside the steady
 * state, time of a swap.
 *
 *   node build/bench/http-swaps.js
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { defineBundle, reply, route, Routes, RouteTable, serveRoutes, Type } from '@sluice/sdk';
import { TestRuntime, type TestBundle } from '@sluice/kernel/testing';
import { printTable, rowOf, type Row } from './support/figures.js';
import type { LoadResult } from './http/load.js';
import { httpBundle } from './http/http-bundle.js';

const SWAPS = 20;
const CONNECTIONS = 32;
const DURATION_MS = 5_000;

function bank(version: string): TestBundle {
  const read = route({
    method: 'GET',
    path: '/balance',
    operationId: 'balance',
    summary: 'Reads',
    schemas: { responses: { 200: Type.Object({ minor: Type.String(), version: Type.String() }) } },
    handler: () => reply(200, { minor: '1500', version }),
  });
  const definition = defineBundle({ provides: [Routes], activate: (context) => void serveRoutes(context, { routes: [read] }, '/bank') });
  return { symbolicName: 'bank.sample', version, definition };
}

async function load(port: number, during: () => Promise<void>): Promise<LoadResult> {
  const child = fork(join(__dirname, 'http/load.js'));
  child.send({ port, path: '/bank/balance', connections: CONNECTIONS, warmUpRequests: 10_000, durationMs: DURATION_MS });
  await once(child, 'message');
  const [[result]] = (await Promise.all([once(child, 'message'), during()])) as [[LoadResult], void];
  child.disconnect();
  return result;
}

async function main(): Promise<void> {
  const runtime = await TestRuntime.boot({ time: 'real' });
  await runtime.deploy(httpBundle('1.0.0'), bank('1.0.0'));
  const port = Number(new URL(runtime.service(RouteTable).addresses()[0] ?? '').port);
  const steady = await load(port, () => Promise.resolve());
  const swaps: number[] = [];
  const swapped = await load(port, async () => {
    for (let swap = 1; swap <= SWAPS; swap += 1) {
      await new Promise((resolve) => setTimeout(resolve, DURATION_MS / (SWAPS + 2)));
      const startedAt = performance.now();
      await runtime.deploy(bank(`1.0.${swap}`));
      swaps.push(performance.now() - startedAt);
    }
  });
  await runtime.stop();
  const ratio = (of: (result: LoadResult) => number): number => of(swapped) / of(steady);
  const beside = (name: string, of: (result: LoadResult) => number): Pick<Row, 'value' | 'peer'> => {
    return { value: of(swapped), peer: { name, value: of(steady) } };
  };
  printTable(`${SWAPS} swaps under the load of ${CONNECTIONS} connections, beside ${DURATION_MS / 1_000} s without one`, [
    { what: 'requests that failed', unit: '', value: swapped.failed, bar: 0 },
    { what: 'p50', unit: 'ms', ...beside('steady', (one) => one.p50Ms) },
    { what: 'p99', unit: 'ms', ...beside('steady', (one) => one.p99Ms), bar: 1.5 * steady.p99Ms },
    { what: 'longest', unit: 'ms', ...beside('steady', (one) => one.longestMs), bar: 20 },
    { what: 'throughput kept', unit: 'of steady', value: ratio((one) => one.perSecond), bar: 0.95, better: 'more' },
    rowOf('a swap', 'ms', swaps, { bar: 10 }),
  ]);
}

void main();
