/** The same bundle file in every tier: what works inline works in a worker and in a process. */
import { strict as assert } from 'node:assert';
import { threadId } from 'node:worker_threads';
import { codeOf, ConfigSource, type ConfigSourceService, type ServiceOf, type SluiceError } from '@sluice/sdk';
import { TIERS, type Tier } from '@sluice/kernel/model/index';
import type { TestRuntime } from '@sluice/kernel/testing';
import { withVersion } from '../../support/artifacts.js';
import { Neighbour, Sample } from './bundles/contracts.js';
import { bootWithSample, sampleArtifact } from './tiers.js';

const VALUES: readonly unknown[] = [
  null,
  undefined,
  'text',
  12.5,
  2n ** 80n,
  true,
  new Date(0),
  [1, [2, { three: 3n }]],
  new Map<unknown, unknown>([['a', new Set([1, 2])]]),
  Buffer.from([1, 2, 3]).subarray(1),
  { $sluice: 'fn', value: 7 },
];

for (const tier of TIERS) {
  describe(`tier ${tier}`, () => {
    let runtime: TestRuntime;
    let sample: ServiceOf<typeof Sample>;

    beforeEach(async () => {
      runtime = await bootWithSample(tier);
      sample = runtime.service(Sample);
    });
    afterEach(() => runtime.stop());

    it('runs where it was told to', async () => {
      const { thread, pid } = await sample.whereAmI();
      const found: Tier = pid !== process.pid ? 'process' : thread !== threadId ? 'worker' : 'inline';
      assert.equal(found, tier);
      assert.deepEqual(
        runtime.kernel.bundles().map(({ symbolicName, tier: shown }) => [symbolicName, shown]),
        [
          ['sample.neighbour', 'inline'],
          ['sample.sample', tier],
        ],
      );
    });

    it('passes every kind of data there and back', async () => {
      for (const value of VALUES) {
        const back = await sample.echo(value);
        assert.deepEqual(
          value instanceof Uint8Array ? new Uint8Array(back as Uint8Array) : back,
          value instanceof Uint8Array ? new Uint8Array(value) : value,
        );
      }
    });

    it('passes errors with code, details and stack', async () => {
      await assert.rejects(sample.fail('SAMPLE_CODE'), (error: SluiceError) => {
        const { message, details, retryable, httpStatus } = error;
        assert.deepEqual(
          { code: codeOf(error), message, details, retryable, httpStatus },
          { code: 'SAMPLE_CODE', message: 'as asked', details: { asked: 'SAMPLE_CODE' }, retryable: true, httpStatus: 418 },
        );
        return true;
      });
      await assert.rejects(
        sample.failPlainly(),
        (error: Error) => error.message === 'plainly' && /bundle:\/\/sample\.sample@1\.0\.0/.test(error.stack ?? ''),
      );
    });

    it('calls services of other bundles', async () => {
      assert.deepEqual(await sample.askNeighbour({ question: 1n }), { from: 'sample.neighbour 1.0.0', value: { question: 1n } });
      assert.deepEqual(await sample.neighbours(), ['sample.neighbour']);
    });

    it('follows services as they come and go, best first', async () => {
      const withdraw = runtime.provide(
        Neighbour,
        { answer: () => Promise.resolve('other'), name: () => Promise.resolve('other') },
        { 'service.ranking': 5 },
      );
      assert.deepEqual(await sample.neighbours(), ['other', 'sample.neighbour']);
      assert.equal(await sample.askNeighbour(1), 'other');
      withdraw();
      assert.deepEqual(await sample.neighbours(), ['sample.neighbour']);
    });

    it('runs components with references, and services they provide', async () => {
      assert.equal(await sample.countedByComponent(), 1);
      assert.equal(await sample.countedByComponent(), 2);
    });

    it('has its clock and timers', async () => {
      assert.ok((await sample.sleep(30)) >= 29);
      assert.ok((await sample.ticks()) > 0);
    });

    it('logs in its own name', async () => {
      await sample.write('a line', 'of text');
      const line = runtime.kernel.logs({ bundle: 'sample.sample', level: 'warn' }).at(-1);
      assert.deepEqual([line?.message, line?.fields['field'], line?.version], ['a line', 'of text', '1.0.0']);
    });

    it('has its configuration and hears of changes', async () => {
      const { kernel } = runtime;
      assert.equal(await sample.greeting(), 'hello');
      runtime.provide(ConfigSource, memorySource());
      await kernel.configSet('sample.sample', { greeting: 'good day' }, 'test');
      assert.equal(await sample.greeting(), 'good day');
      assert.deepEqual(await sample.greetingsSeen(), ['good day']);
      await assert.rejects(kernel.configSet('sample.sample', { greeting: 'refused' }, 'test'), /refused/);
    });

    it('reads its own artifact', async () => {
      assert.match((await sample.resource('package.json')) ?? '', /sample\.sample/);
      assert.equal(await sample.resource('no/such'), null);
    });

    it('is refused what would act on the process, and sees no environment', async () => {
      assert.equal(await sample.exitTried(), 'PROCESS_REFUSED');
      assert.equal(await sample.environment(), 0);
    });

    it('is swapped without a gap, hands its state over and is released', async () => {
      await sample.countedByComponent();
      let calls = 0;
      const traffic = { over: false };
      const load = (async () => {
        while (!traffic.over) {
          await sample.askNeighbour(calls);
          calls += 1;
          await new Promise(setImmediate);
        }
      })();
      const outcome = await runtime.tryDeploy([withVersion(await sampleArtifact('sample'), '1.1.0')]);
      traffic.over = true;
      await load;
      assert.equal(outcome.outcome, 'committed', outcome.error?.message);
      assert.equal((await sample.whereAmI()).version, '1.1.0');
      assert.equal(await sample.countedByComponent(), 2);
      assert.equal(runtime.kernel.bundles().find(({ symbolicName }) => symbolicName === 'sample.sample')?.tier, tier, 'the tier is kept');
      const verdicts = await runtime.kernel.leaks({ collect: true });
      assert.deepEqual(
        verdicts.map(({ version, collected, holders }) => [version, collected, holders]),
        [['1.0.0', 'yes', []]],
      );
    });

    it('gives everything back when it stops', async () => {
      await runtime.kernel.stop('sample.sample', { actor: 'test' });
      await assert.rejects(sample.greeting(), (error) => codeOf(error) === 'SERVICE_UNAVAILABLE');
      await runtime.kernel.start('sample.sample', { actor: 'test' });
      assert.equal(await sample.greeting(), 'hello');
    });
  });
}

function memorySource(): ConfigSourceService {
  let values: Record<string, unknown> = {};
  return {
    layers: () => Promise.resolve([{ layer: 'runtime', values }]),
    watch: () => () => undefined,
    set: async (_bundle, changed) => void (values = { ...values, ...changed }),
    history: () => Promise.resolve([]),
    resolve: (_bundle, changed) => Promise.resolve(changed),
  };
}
