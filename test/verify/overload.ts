/**
 * Asks one bundle for five times what it can do, at an even rate whatever comes back, and another one as usual beside it. The bundle works
 * 50 ms on each request and may serve 20 at once, so its capacity is known: 400 a second.
 */
import { readFileSync } from 'node:fs';
import { Agent, request as httpRequest } from 'node:http';
import { join } from 'node:path';
import { packBundle } from '@sluice/kernel/cli/toolchain/pack';
import { ROOT, System } from '../support/system.js';
import { percentile } from './random.js';

/** What was counted. Times in milliseconds. */
export interface OverloadFigures {
  readonly capacity: number;
  readonly offered: number;
  /** Answered with 200 a second, as a share of the capacity. */
  readonly goodputShare: number;
  readonly normalP99Ms: number;
  readonly acceptedP99Ms: number;
  readonly refusedP99Ms: number;
  /** Refusals that were not 503 with Retry-After. */
  readonly refusedOtherwise: number;
  readonly memoryGrowthBytes: number;
  /** 99th percentile of another bundle before, and during the overload. */
  readonly othersBeforeP99Ms: number;
  readonly othersDuringP99Ms: number;
  /** Until three answers in a row were as fast as before. */
  readonly recoveryMs: number;
}

const WORK_MS = 50;
const AT_ONCE = 20;
const CAPACITY = (AT_ONCE * 1_000) / WORK_MS;
const OVERLOAD = 5;
const TICK_MS = 5;
const OTHERS_PER_SECOND = 50;

interface Answer {
  readonly status: number;
  readonly retryAfter: boolean;
  readonly ms: number;
}

/** Runs against a system of its own. @param seconds length of the overload. */
export async function overload(seconds: number): Promise<OverloadFigures> {
  const limits = { perBundleMax: AT_ONCE, queueMax: AT_ONCE / 2, queueWaitMs: 1_000 };
  const system = await System.start({ config: { 'platform.customer': { demoCustomers: 1 }, 'system.http': { limits } } });
  const agent = new Agent({ keepAlive: true, maxSockets: 2_000 });
  try {
    const { file } = await packBundle(join(ROOT, 'test/verify/bundles/slow'), { outDir: join(ROOT, 'build/verify') });
    const { outcome, error } = await system.admin.deploy([readFileSync(file)], { watchMs: 0 });
    if (outcome !== 'committed') throw new Error(error?.message);
    return await measured(system, agent, seconds);
  } finally {
    agent.destroy();
    await system.stop();
  }
}

async function measured(system: System, agent: Agent, seconds: number): Promise<OverloadFigures> {
  const slow = (): Promise<Answer> => ask(`${system.address}/slow/work`, agent);
  const other = (): Promise<Answer> => ask(`${system.address}/mobile/status`, agent);
  const normal = await atRate(slow, CAPACITY / 2, 3);
  const before = await atRate(other, OTHERS_PER_SECOND, 3);
  const { memory } = await system.admin.status();
  const [answers, during] = await Promise.all([atRate(slow, CAPACITY * OVERLOAD, seconds), atRate(other, OTHERS_PER_SECOND, seconds)]);
  const normalP99Ms = percentile(timesOf(normal), 0.99);
  const recoveryMs = await recovered(slow, normalP99Ms);
  const after = (await system.admin.status()).memory;
  const accepted = answers.filter(({ status }) => status === 200);
  const refused = answers.filter(({ status }) => status !== 200);
  return {
    capacity: CAPACITY,
    offered: answers.length / seconds,
    goodputShare: accepted.length / seconds / CAPACITY,
    normalP99Ms,
    acceptedP99Ms: percentile(timesOf(accepted), 0.99),
    refusedP99Ms: percentile(timesOf(refused), 0.99),
    refusedOtherwise: refused.filter(({ status, retryAfter }) => status !== 503 || !retryAfter).length,
    memoryGrowthBytes: after.rssBytes - memory.rssBytes,
    othersBeforeP99Ms: percentile(timesOf(before), 0.99),
    othersDuringP99Ms: percentile(timesOf(during), 0.99),
    recoveryMs,
  };
}

/** Asks at an even rate without waiting for answers. */
async function atRate(one: () => Promise<Answer>, perSecond: number, seconds: number): Promise<readonly Answer[]> {
  const running: Promise<Answer>[] = [];
  const startedAt = performance.now();
  const total = perSecond * seconds;
  while (running.length < total) {
    const due = Math.min(total, Math.floor(((performance.now() - startedAt) / 1_000) * perSecond));
    while (running.length < due) running.push(one());
    await new Promise((resolve) => setTimeout(resolve, TICK_MS));
  }
  return Promise.all(running);
}

async function recovered(one: () => Promise<Answer>, normalMs: number): Promise<number> {
  const startedAt = performance.now();
  for (let inARow = 0; inARow < 3;) {
    const { status, ms } = await one();
    inARow = status === 200 && ms <= normalMs * 1.5 ? inARow + 1 : 0;
    if (performance.now() - startedAt > 30_000) break;
  }
  return performance.now() - startedAt;
}

function timesOf(answers: readonly Answer[]): number[] {
  return answers.map(({ ms }) => ms);
}

function ask(url: string, agent: Agent): Promise<Answer> {
  const startedAt = performance.now();
  return new Promise((resolve, reject) => {
    const asked = httpRequest(url, { agent }, (response) => {
      response.resume();
      response.once('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          retryAfter: response.headers['retry-after'] !== undefined,
          ms: performance.now() - startedAt,
        }),
      );
    });
    asked.once('error', reject);
    asked.end();
  });
}
