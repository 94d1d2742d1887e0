/** mocha's spec report, and as the last line the counts in the form that tools read: `N passed, N failed, N skipped`. */
import { mkdirSync, writeFileSync } from 'node:fs';
import Mocha from 'mocha';

const REPORT = process.env['SLUICE_TEST_REPORT'] ?? 'build/test-report.json';

/** Spec with a closing line and a small machine-readable report. */
class CountingReporter extends Mocha.reporters.Spec {
  constructor(runner: Mocha.Runner, options: Mocha.MochaOptions) {
    super(runner, options);
    runner.once('end', () => {
      const { passes = 0, failures = 0, pending = 0 } = runner.stats ?? {};
      mkdirSync('build', { recursive: true });
      writeFileSync(REPORT, JSON.stringify({ passed: passes, failed: failures, skipped: pending }));
      process.stdout.write(`${passes} passed, ${failures} failed, ${pending} skipped\n`);
    });
  }
}

module.exports = CountingReporter;
