/** A slice of the manifest fuzzing; `npm run verify` runs all of it. */
import assert from 'node:assert/strict';
import { fuzzManifests } from '../../fuzz/manifests.js';

describe('model, fuzzed', () => {
  it('500 mutated manifests: none crashes, hangs, or is refused without code and place', () => {
    const seed = Number(process.env['SLUICE_SEED'] ?? Date.now() % 1_000_000);
    const report = fuzzManifests(500, seed);
    assert.deepEqual({ seed, failures: report.failures }, { seed, failures: [] });
    // Both outcomes and many kinds of mistakes must occur, or the generator has lost its teeth.
    assert.ok(report.accepted > 20 && report.refused > 200 && Object.keys(report.codes).length >= 8, JSON.stringify(report));
  });
});
