/** A deploy that names what runs already, beside what it changes: what is not changed goes on running, with the revision it has. */
import { strict as assert } from 'node:assert';
import { contract, defineBundle, method, Type } from '@sluice/sdk';
import { artifactOf, TestRuntime } from '@sluice/kernel/testing';

const Steady = contract('test.Steady', '1.0.0', { since: method([], Type.Number()) });

describe('deploy of what runs already', () => {
  let runtime: TestRuntime;
  let starts = 0;
  let stops = 0;
  beforeEach(async () => {
    starts = 0;
    stops = 0;
    runtime = await TestRuntime.boot();
  });
  afterEach(() => runtime.stop());

  const steady = (): Uint8Array =>
    artifactOf({
      symbolicName: 'test.steady',
      definition: defineBundle({
        provides: [Steady],
        activate(context) {
          const since = ++starts;
          context.register(Steady, { since: () => Promise.resolve(since) });
        },
        deactivate: () => void (stops += 1),
      }),
    });
  const changing = (version: string): Uint8Array => artifactOf({ symbolicName: 'test.changing', version, definition: defineBundle({}) });

  for (const watchMs of [0, 5_000]) {
    it(`leaves it alone (probation of ${watchMs} ms)`, async () => {
      const bytes = steady();
      await runtime.deploy(bytes, changing('1.0.0'));
      const service = runtime.service(Steady);
      const outcome = await runtime.tryDeploy([bytes, changing('1.1.0')], { watchMs });
      await runtime.virtual.advance(watchMs);
      assert.equal(outcome.outcome, 'committed');
      assert.deepEqual([starts, stops, await service.since()], [1, 0, 1]);
      assert.deepEqual(
        runtime.kernel.bundles().map(({ symbolicName, version, state }) => [symbolicName, version, state]),
        [
          ['test.steady', '1.0.0', 'ACTIVE'],
          ['test.changing', '1.1.0', 'ACTIVE'],
        ],
      );
      await runtime.kernel.stop('test.changing', { actor: 'test' });
    });
  }
});
