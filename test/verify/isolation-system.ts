/**
 * A whole system with a bundle that makes trouble in a tier, one beside it that must not notice, and a client that watches the latter.
 * Owns process, folders and client; what is done and measured belongs to its users.
 */
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Tier } from '@sluice/kernel/model/index';
import { sampleArtifact } from '../contract/isolation/tiers.js';
import { withChanges } from '../support/artifacts.js';
import { BUNDLES, System } from '../support/system.js';

/** What the watching client saw. */
export interface Watched {
  readonly requests: number;
  readonly failed: number;
  readonly p99Ms: number;
  readonly longestMs: number;
}

const REQUEST_EVERY_MS = 5;
const DEADLINE_MS = 20_000;

/** See the head of the file. */
export class IsolationSystem {
  readonly system: System;
  readonly tier: Tier;
  readonly troublemakers: readonly string[];
  readonly #folder: string;

  private constructor(system: System, tier: Tier, troublemakers: readonly string[], folder: string) {
    this.system = system;
    this.tier = tier;
    this.troublemakers = troublemakers;
    this.#folder = folder;
  }

  /** Starts a system; `count` troublemakers are deployed to the tier. */
  static async start(tier: Tier, count = 1): Promise<IsolationSystem> {
    const folder = mkdtempSync(join(tmpdir(), 'sluice-isolation-'));
    for (const name of readdirSync(BUNDLES)) if (name.startsWith('system.')) copyFileSync(join(BUNDLES, name), join(folder, name));
    writeFileSync(join(folder, 'calm.tgz'), await sampleArtifact('calm'));
    const system = await System.start({ bundles: folder });
    const names = Array.from({ length: count }, (_, at) => (at === 0 ? 'trouble' : `trouble${at}`));
    const artifact = await sampleArtifact('trouble');
    const artifacts = names.map((name) =>
      withChanges(artifact, {
        manifest: (section) => Object.assign(section, { symbolicName: `sample.${name}`, http: { mount: `/${name}` } }),
      }),
    );
    const outcome = await system.admin.deploy(artifacts, { tier, watchMs: 0 });
    const started = new IsolationSystem(system, tier, names, folder);
    if (outcome.outcome === 'committed') return started;
    await started.stop();
    throw new Error(`the troublemakers did not start in tier ${tier}: ${outcome.error?.message}`);
  }

  async stop(): Promise<void> {
    await this.system.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Makes trouble. Whatever the answer is. Null: there was none. */
  async make(how: string, name = 'trouble'): Promise<string | null> {
    try {
      const response = await fetch(`${this.system.address}/${name}/${how}`, { method: 'POST', signal: AbortSignal.timeout(DEADLINE_MS) });
      const body = (await response.json()) as { answer?: string; code?: string };
      return body.answer ?? body.code ?? '';
    } catch {
      return null;
    }
  }

  /** True when the bundle beside answers. */
  async isCalm(): Promise<boolean> {
    try {
      const response = await fetch(`${this.system.address}/calm/ping`, { signal: AbortSignal.timeout(5_000) });
      return response.status === 200 && ((await response.json()) as { mapped: number[] }).mapped.join() === '2,4';
    } catch {
      return false;
    }
  }

  /** Watches the bundle beside while something is done. */
  async watching<T>(work: () => Promise<T>): Promise<{ readonly result: T; readonly watched: Watched }> {
    const durations: number[] = [];
    const watch = { over: false, failed: 0 };
    const client = (async () => {
      while (!watch.over) {
        const startedAt = performance.now();
        if (!(await this.isCalm())) watch.failed += 1;
        durations.push(performance.now() - startedAt);
        await delay(REQUEST_EVERY_MS);
      }
    })();
    const result = await work();
    watch.over = true;
    await client;
    durations.sort((a, b) => a - b);
    const at = (share: number): number => durations[Math.min(durations.length - 1, Math.floor(durations.length * share))] ?? 0;
    return { result, watched: { requests: durations.length, failed: watch.failed, p99Ms: at(0.99), longestMs: at(1) } };
  }

  /** Waits for a log line of a bundle written after a moment (wall clock); undefined when none comes in time. */
  async line(bundle: string, after: number, message: RegExp, limitMs = DEADLINE_MS): Promise<{ at: number; message: string } | undefined> {
    const end = performance.now() + limitMs;
    while (performance.now() < end) {
      const lines = await this.system.admin.logs({ bundle, limit: 500 }).catch(() => []);
      const found = lines.find((line) => line.at >= after && message.test(line.message));
      if (found !== undefined) return found;
      await delay(10);
    }
    return undefined;
  }

  /** Starts a bundle again that was quarantined, with a fresh budget. */
  async restart(name = 'trouble'): Promise<void> {
    await this.system.admin.stop(`sample.${name}`, {});
    await this.system.admin.start(`sample.${name}`, {});
  }

  /** Starts the troublemaker when it was quarantined: five stray errors a minute are enough for that. */
  async startIfQuarantined(): Promise<void> {
    const { state, error } = await this.system.admin.inspect('sample.trouble');
    if (state !== 'ACTIVE' || error !== undefined) await this.system.admin.start('sample.trouble', {});
  }

  /** Why a bundle is quarantined; undefined when it is not within the limit. */
  async quarantine(name = 'trouble', limitMs = DEADLINE_MS): Promise<string | undefined> {
    const end = performance.now() + limitMs;
    while (performance.now() < end) {
      const error = await this.system.admin.inspect(`sample.${name}`).then(
        (found) => found.error,
        () => undefined,
      );
      if (error?.code === 'ISOLATION_QUARANTINED') return error.message;
      await delay(10);
    }
    return undefined;
  }

  /** Largest resident memory of the guests' processes while something is done, bytes. */
  async peakOfGuests<T>(work: () => Promise<T>): Promise<{ readonly result: T; readonly peakBytes: number }> {
    const kernel = this.system.pid ?? 0;
    let peakBytes = 0;
    const timer = setInterval(() => {
      for (const bytes of residentOfChildren(kernel)) peakBytes = Math.max(peakBytes, bytes);
    }, 20);
    const result = await work();
    clearInterval(timer);
    return { result, peakBytes };
  }
}

const PAGE_BYTES = 4096;

function residentOfChildren(parent: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const [, ppid] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
        if (Number(ppid) !== parent) return [];
        return [Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * PAGE_BYTES];
      } catch {
        return [];
      }
    });
}
