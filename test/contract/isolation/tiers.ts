/** Packs the sample bundles once and boots kernels with them, for the suites that run over all tiers. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packBundle } from '@sluice/kernel/cli/toolchain/pack';
import type { Tier } from '@sluice/kernel/model/index';
import { TestRuntime } from '@sluice/kernel/testing';
import { ROOT } from '../../support/system.js';

const packed = new Map<string, Promise<Buffer>>();

/** Artifact of a sample bundle. */
export function sampleArtifact(name: string): Promise<Buffer> {
  let artifact = packed.get(name);
  if (artifact === undefined) {
    const folder = join(ROOT, 'test/contract/isolation/bundles', name);
    artifact = packBundle(folder, { outDir: join(ROOT, 'build/isolation') }).then(({ file }) => readFileSync(file));
    packed.set(name, artifact);
  }
  return artifact;
}

/** A kernel with the neighbour inline and the sample in a tier. */
export async function bootWithSample(tier: Tier): Promise<TestRuntime> {
  const runtime = await TestRuntime.boot({ time: 'real' });
  const [sample, neighbour] = await Promise.all([sampleArtifact('sample'), sampleArtifact('neighbour')]);
  await runtime.deploy(neighbour);
  const outcome = await runtime.tryDeploy([sample], { tier });
  if (outcome.outcome === 'committed') return runtime;
  await runtime.stop();
  throw new Error(`the sample did not start in tier ${tier}: ${outcome.error?.message}`);
}

/** Resolves at a log line of a bundle from now on. */
export function logged(runtime: TestRuntime, bundle: string, message: RegExp): Promise<string> {
  return new Promise((resolve) => {
    const undo = runtime.kernel.followLogs({ bundle }, (line) => {
      if (!message.test(line.message)) return;
      undo();
      resolve(line.message);
    });
  });
}
