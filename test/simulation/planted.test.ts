/** The simulation bites: mistakes that are easily made and hard to see are found within some seeds. */
import { ok } from 'node:assert';
import { simulateKernel } from './kernel-simulation.js';
import { PLANTED } from './mutations.js';
import { simulateProtocol } from './protocol-simulation.js';

const PROTOCOL_SEEDS_MAX = 2_000;
const KERNEL_SEEDS_MAX = 300;

/** The first seed with a problem; undefined when none has one. */
async function firstFound(
  seedsMax: number,
  simulate: (seed: number) => Promise<{ readonly problems: readonly string[] }>,
): Promise<number | undefined> {
  for (let seed = 1; seed <= seedsMax; seed += 1) if ((await simulate(seed)).problems.length > 0) return seed;
  return undefined;
}

describe('planted mistakes', function () {
  this.timeout(120_000);

  for (const [what, mutations] of Object.entries(PLANTED)) {
    it(`${what}: the protocol's simulation finds it`, async () => {
      ok((await firstFound(PROTOCOL_SEEDS_MAX, (seed) => simulateProtocol(seed, mutations))) !== undefined);
    });

    it(`${what}: the kernel's simulation finds it`, async () => {
      ok((await firstFound(KERNEL_SEEDS_MAX, (seed) => simulateKernel({ seed, mutations }))) !== undefined);
    });
  }
});
