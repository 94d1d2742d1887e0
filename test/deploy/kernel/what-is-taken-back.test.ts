/** What a rollback and the end of a trial touch: the content that was changed, and nothing else. Each was found by the simulation. */
import { strict as assert } from 'node:assert';
import { defineBundle, HealthCheck } from '@sluice/sdk';
import { artifactOf, settle, TestRuntime, type TestBundle } from '@sluice/kernel/testing';

const WATCH_MS = 5_000;

function plain(symbolicName: string, version: string, more: Partial<TestBundle> = {}): Uint8Array {
  return artifactOf({ symbolicName, version, definition: defineBundle({}), ...more });
}

describe('what is taken back', () => {
  let runtime: TestRuntime;
  beforeEach(async () => {
    runtime = await TestRuntime.boot();
  });
  afterEach(() => runtime.stop());

  const versions = (): string[] =>
    runtime.kernel.bundles().map(({ symbolicName, version, state }) => `${symbolicName.slice('test.'.length)} ${version} ${state}`);
  const failing = async (bundle: string): Promise<void> => {
    for (let count = 0; count < 12; count += 1) runtime.kernel.state.entries.begin('request', bundle, '1.0.0').end({ failed: true });
    await settle();
  };

  it('walks back one version at each rollback', async () => {
    for (const version of ['1.0.0', '1.1.0', '1.2.0']) await runtime.deploy(plain('test.a', version));
    const seen: string[] = [];
    for (let count = 0; count < 2; count += 1) {
      await runtime.kernel.rollback('test.a', { actor: 'test' });
      seen.push(...versions());
    }
    assert.deepEqual(seen, ['a 1.1.0 ACTIVE', 'a 1.0.0 ACTIVE']);
    await assert.rejects(runtime.kernel.rollback('test.a', { actor: 'test' }), { code: 'NOTHING_TO_ROLL_BACK' });
  });

  it('does not blame a change for traffic on a bundle that it named without changing it', async () => {
    const unchanged = plain('test.a', '1.0.0');
    await runtime.deploy(unchanged, plain('test.b', '1.0.0'));
    await runtime.tryDeploy([unchanged, plain('test.b', '1.1.0')], { watchMs: WATCH_MS });
    await failing('test.a');
    assert.deepEqual(versions(), ['a 1.0.0 ACTIVE', 'b 1.1.0 ACTIVE']);
    await failing('test.b');
    assert.deepEqual(versions(), ['a 1.0.0 ACTIVE', 'b 1.0.0 ACTIVE']);
  });

  it('ends a trial with a later change of anything that came with it, as the journal does', async () => {
    await runtime.deploy(plain('test.a', '1.0.0'));
    await runtime.tryDeploy([plain('test.a', '1.1.0'), plain('test.b', '1.0.0')], { watchMs: WATCH_MS });
    await runtime.deploy(plain('test.b', '1.1.0'));
    assert.deepEqual([runtime.kernel.status().trial, runtime.kernel.state.journal.view.open], [null, []]);
    await failing('test.b');
    assert.deepEqual(versions(), ['a 1.1.0 ACTIVE', 'b 1.1.0 ACTIVE']);
  });

  it('keeps a trial when the next change of the bundle is refused by its plan', async () => {
    await runtime.deploy(plain('test.a', '1.0.0'));
    await runtime.tryDeploy([plain('test.a', '1.1.0')], { watchMs: WATCH_MS });
    const needy = plain('test.a', '1.2.0', { manifest: { requires: [{ contract: 'test.Nowhere', range: '^1.0.0' }] } });
    const outcome = await runtime.tryDeploy([needy]);
    assert.deepEqual([outcome.outcome, runtime.kernel.status().trial?.bundles], ['refused', ['test.a']]);
    await failing('test.a');
    assert.deepEqual(versions(), ['a 1.0.0 ACTIVE']);
  });

  it('does not start a bundle that the start level stopped while it was on trial', async () => {
    const high = { manifest: { startLevel: 90 } };
    await runtime.deploy(plain('test.a', '1.0.0', high));
    await runtime.tryDeploy([plain('test.a', '1.1.0', high)], { watchMs: WATCH_MS });
    await runtime.kernel.setStartLevel(60, { actor: 'test' });
    await runtime.kernel.rollback('test.a', { actor: 'test' });
    assert.deepEqual(versions(), ['a 1.0.0 RESOLVED']);
    await runtime.kernel.setStartLevel(100, { actor: 'test' });
    assert.deepEqual(versions(), ['a 1.0.0 ACTIVE']);
  });

  it('leaves what is wanted as it was when an update in place fails and the old version does not come up either', async () => {
    let works = true;
    const fragile = (version: string): Uint8Array =>
      artifactOf({
        symbolicName: 'test.a',
        version,
        definition: defineBundle({
          activate() {
            if (!works) throw new Error('not now');
          },
        }),
      });
    await runtime.deploy(fragile('1.0.0'));
    works = false;
    const outcome = await runtime.kernel.update(fragile('1.1.0'), { actor: 'test' });
    const [bundle] = runtime.kernel.bundles();
    assert.deepEqual([outcome.outcome, bundle?.version, bundle?.state, bundle?.autostart], ['refused', '1.0.0', 'RESOLVED', true]);
    works = true;
    await runtime.kernel.start('test.a', { actor: 'test' });
    assert.deepEqual(versions(), ['a 1.0.0 ACTIVE']);
  });

  it('tells a health check that throws as a failed check, with what to do', async () => {
    const outcome = await runtime.tryDeploy([
      {
        symbolicName: 'test.a',
        definition: defineBundle({
          provides: [HealthCheck],
          activate(context) {
            context.register(HealthCheck, { name: 'broken', check: () => Promise.reject(new Error('no disk')) });
          },
        }),
      },
    ]);
    const { code, message, remedy } = outcome.error ?? {};
    assert.deepEqual(
      [code, message, remedy?.startsWith('The revision before keeps serving')],
      ['HEALTH_GATE_FAILED', `'test.a' 1.0.0 is not healthy: check 'broken' says HEALTH_CHECK_ERROR, no disk`, true],
    );
  });
});
