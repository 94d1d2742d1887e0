/**
 * Deploys bad versions of the transfer bundle under load. Nine kinds must be refused without a client noticing anything; the tenth starts,
 * fails live traffic and must be taken back by itself, after few failures and soon.
 */
import { notCollected, System } from '../support/system.js';
import { BAD_KINDS, type BadKind } from './bad-bundles.js';
import { BankLoad } from './bank-load.js';
import { SLOW_POSTS } from './swap-under-load.js';

/** Size of a run. */
export interface BadSwapOptions {
  /** How often each kind is deployed. */
  readonly rounds: number;
  readonly clients: number;
  readonly requestsPerSecond: number;
  /** Longest wait of a slow transfer. Default 500. */
  readonly slowMsMax?: number;
  readonly seed: number;
}

/** What one kind came to. */
export interface BadKindFigures {
  readonly kind: string;
  readonly deployed: number;
  /** Refused with the expected code, or for the tenth kind taken back by itself. */
  readonly asExpected: number;
  readonly requests: number;
  /** Failed requests of the worst deploy. */
  readonly failedMax: number;
  /** Deploy to the old version serving alone again. */
  readonly longestMs: number;
}

/** What was counted. */
export interface BadSwapFigures {
  readonly kinds: readonly BadKindFigures[];
  readonly resets: number;
  readonly lost: number;
  readonly executedTwice: number;
  readonly notCollected: number;
  readonly problems: readonly string[];
}

/** Requests that must be answered after each deploy: the old version still serves. */
const ANSWERED_AFTER = 10;
const RETURN_TIMEOUT_MS = 30_000;
const BUNDLE = 'business.transfer';

/** Runs against a system of its own, or the given one, which runs with `SLOW_POSTS`. */
export async function badSwaps(options: BadSwapOptions, given?: System): Promise<BadSwapFigures> {
  const system = given ?? (await System.start({ config: SLOW_POSTS }));
  try {
    const load = await BankLoad.begin(system, { ...options, slowShare: 0.25 });
    const run = new Run(system, load);
    const kinds: BadKindFigures[] = [];
    await load.during(async () => {
      for (const kind of BAD_KINDS) kinds.push(await run.deployAll(kind, options.rounds));
    });
    const money = await load.reconcile();
    const kept = await notCollected(system);
    return {
      kinds,
      resets: load.counts().resets,
      ...money,
      notCollected: kept.length,
      problems: [...run.problems.slice(0, 20), ...kept],
    };
  } finally {
    if (given === undefined) await system.stop();
  }
}

class Run {
  readonly #system: System;
  readonly #load: BankLoad;
  readonly problems: string[] = [];
  #number = 0;

  constructor(system: System, load: BankLoad) {
    this.#system = system;
    this.#load = load;
  }

  async deployAll(kind: BadKind, rounds: number): Promise<BadKindFigures> {
    const before = this.#load.counts();
    const problemsBefore = this.#load.problems.length;
    let asExpected = 0;
    let failedMax = 0;
    let longestMs = 0;
    for (let round = 0; round < rounds; round += 1) {
      const failedBefore = this.#load.counts().failed;
      const startedAt = performance.now();
      if (await this.#deploy(kind)) asExpected += 1;
      longestMs = Math.max(longestMs, performance.now() - startedAt);
      await this.#load.answered(ANSWERED_AFTER);
      failedMax = Math.max(failedMax, this.#load.counts().failed - failedBefore);
    }
    // Of the kind that only traffic shows, some requests must fail.
    if (kind.refusedWith !== null) this.problems.push(...this.#load.problems.slice(problemsBefore));
    const requests = this.#load.counts().requests - before.requests;
    return { kind: kind.kind, deployed: rounds, asExpected, requests, failedMax, longestMs };
  }

  async #deploy(kind: BadKind): Promise<boolean> {
    const good = this.#system.artifact(BUNDLE);
    const serving = await this.#versionOf();
    this.#number += 1;
    const outcome = await this.#system.admin.deploy([kind.artifact(good, `1.9.${this.#number}`)], { watchMs: RETURN_TIMEOUT_MS });
    if (kind.refusedWith === null) return this.#returned(serving);
    const after = await this.#versionOf();
    if (outcome.outcome === 'refused' && outcome.error?.code === kind.refusedWith && after === serving) return true;
    const { code, message } = outcome.error ?? { code: null, message: '' };
    this.problems.push(`'${kind.kind}' was ${outcome.outcome} with ${code} (expected ${kind.refusedWith}): ${message}; ${after} serves`);
    return false;
  }

  /** Waits until the version before serves again. */
  async #returned(serving: string | undefined): Promise<boolean> {
    const until = performance.now() + RETURN_TIMEOUT_MS;
    while (performance.now() < until) {
      await this.#load.answered(1);
      const { trial } = await this.#system.admin.status();
      if (trial === null && (await this.#versionOf()) === serving) return true;
    }
    this.problems.push(`${serving} did not come back within ${RETURN_TIMEOUT_MS} ms`);
    return false;
  }

  async #versionOf(): Promise<string | undefined> {
    return (await this.#system.admin.bundles()).find(({ symbolicName }) => symbolicName === BUNDLE)?.version;
  }
}
