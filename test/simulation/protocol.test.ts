/**
 * Ten thousand lives of a data folder, each through crashes and disk faults: nothing acknowledged is lost, nothing is half, nothing goes
 * back. `SLUICE_SEED` sets the first seed, `SLUICE_SEEDS` their number.
 */
import { deepStrictEqual as equal, notStrictEqual, strictEqual } from 'node:assert';
import { simulateProtocol } from './protocol-simulation.js';
import { problemsOf } from './replay.js';

const FROM = Number(process.env['SLUICE_SEED'] ?? 1);
const COUNT = Number(process.env['SLUICE_SEEDS'] ?? 10_000);

describe('simulation of the protocol', function () {
  this.timeout(60_000 + COUNT * 50);

  it(`${COUNT} seeds: what was acknowledged survives every crash and fault`, async () => {
    equal(await problemsOf('simulation-protocol', { from: FROM, count: COUNT }, (seed) => simulateProtocol(seed)), []);
  });

  it('does the same for the same seed, and something else for another', async () => {
    const [first, again, other] = [await simulateProtocol(7), await simulateProtocol(7), await simulateProtocol(8)];
    equal(again, first);
    notStrictEqual(other.traceHash, first.traceHash);
    strictEqual(first.crashes + first.faults + other.crashes + other.faults > 0, true);
  });
});
