/** Warm install and start of 100 and 1,000 trivial bundles as one plan, in memory and durable, and the update of one among 1,000. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KernelRuntime } from '@sluice/kernel/lifecycle/kernel-runtime';
import { bootKernel, median, percentile, trivialBundle } from './support/kernel-harness.js';

async function install(artifacts: readonly Buffer[], folder: string | null): Promise<{ kernel: KernelRuntime; ms: number }> {
  const kernel = await bootKernel(folder);
  const startedAt = performance.now();
  const outcome = await kernel.deploy(artifacts, { actor: 'bench', watchMs: 0 });
  const ms = performance.now() - startedAt;
  if (outcome.outcome !== 'committed') throw new Error(outcome.error?.message ?? outcome.outcome);
  return { kernel, ms };
}

async function main(): Promise<void> {
  const artifacts = Array.from({ length: 1_000 }, (_, index) => trivialBundle(index));
  for (const [label, durable] of [
    ['in memory', false],
    ['durable', true],
  ] as const) {
    for (const count of [100, 1_000]) {
      const figures: number[] = [];
      let last: KernelRuntime | null = null;
      for (let round = 0; round < 5; round += 1) {
        const folder = durable ? mkdtempSync(join(tmpdir(), 'sluice-bench-')) : null;
        const { kernel, ms } = await install(artifacts.slice(0, count), folder);
        figures.push(ms);
        if (round === 4) last = kernel;
        else await kernel.shutdown();
        if (folder !== null && round < 4) rmSync(folder, { recursive: true, force: true });
      }
      process.stdout.write(
        `install + start ${count} ${label}: median ${median(figures).toFixed(1)} ms (first ${figures[0]?.toFixed(1)})\n`,
      );
      if (count === 1_000 && last !== null) await updates(last, label);
    }
  }
}

async function updates(kernel: KernelRuntime, label: string): Promise<void> {
  for (const [what, index] of [
    ['a leaf', 999],
    ['the root of the chain', 0],
  ] as const) {
    const figures: number[] = [];
    for (let round = 0; round < 60; round += 1) {
      const artifact = trivialBundle(index, `1.0.${round + 1}`);
      const startedAt = performance.now();
      const outcome = await kernel.deploy([artifact], { actor: 'bench', watchMs: 0 });
      if (outcome.outcome !== 'committed') throw new Error(outcome.error?.message ?? outcome.outcome);
      if (round >= 10) figures.push(performance.now() - startedAt);
    }
    process.stdout.write(
      `swap of ${what} among 1,000, ${label}: p50 ${median(figures).toFixed(2)} ms, p99 ${percentile(figures, 0.99).toFixed(2)} ms\n`,
    );
  }
  await kernel.shutdown();
}

void main();
