/**
 * Lives of a whole kernel on a simulated disk, in virtual time, with scripted bundles. `SLUICE_SEED` sets the first seed, `SLUICE_KERNELS`
 * their number; `npm run verify -- simulation` runs ten thousand.
 */
import { deepStrictEqual as equal, ok } from 'node:assert';
import { simulateKernel } from './kernel-simulation.js';
import { problemsOf } from './replay.js';

const FROM = Number(process.env['SLUICE_SEED'] ?? 1);
const COUNT = Number(process.env['SLUICE_KERNELS'] ?? 100);

describe('simulation of the kernel', function () {
  this.timeout(60_000 + COUNT * 200);

  it(`${COUNT} seeds: every bundle is wholly old or wholly new, whatever ends or fails`, async () => {
    equal(await problemsOf('simulation', { from: FROM, count: COUNT }, (seed) => simulateKernel({ seed })), []);
  });

  it('does the same for the same seed, line by line, and something else for another', async () => {
    const hashes = new Set<string>();
    for (let seed = 1; seed <= 12; seed += 1) {
      const options = { seed, keepTrace: true };
      const first = await simulateKernel(options);
      equal(await simulateKernel(options), first);
      hashes.add(first.traceHash);
      ok(first.trace.length > 10);
    }
    equal(hashes.size, 12);
  });

  it('does what it says: commands are committed, processes end, the power is cut, disks fail', async () => {
    const totals = { commands: 0, committed: 0, restarts: 0, powerCuts: 0, faults: 0, diskOperations: 0 };
    for (let seed = 1; seed <= 60; seed += 1) {
      const { counts } = await simulateKernel({ seed });
      for (const key of Object.keys(totals) as (keyof typeof totals)[]) totals[key] += counts[key];
    }
    for (const [what, count] of Object.entries(totals)) ok(count >= 20, `${what}: ${count}`);
  });
});
