/** What a bundle must not do, done in the tiers that contain it: the guest is replaced, everybody else goes on, and five times is enough. */
import { strict as assert } from 'node:assert';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { codeOf, HealthCheck, type ServiceOf, type SluiceError } from '@sluice/sdk';
import { hasOwnNetworks } from '@sluice/kernel/isolation/process-link';
import type { Tier } from '@sluice/kernel/model/index';
import type { TestRuntime } from '@sluice/kernel/testing';
import { withVersion } from '../../support/artifacts.js';
import { Neighbour, Sample } from './bundles/contracts.js';
import { bootWithSample, logged, sampleArtifact } from './tiers.js';

const CONTAINED: Readonly<Record<Exclude<Tier, 'inline'>, readonly string[]>> = {
  worker: ['endless loop', 'loop in a timer', 'loop after an await', 'exit', 'throw in a timer', 'grow the heap', 'grow buffers'],
  process: [
    'endless loop',
    'loop in a timer',
    'loop after an await',
    'exit',
    'throw in a timer',
    'grow the heap',
    'grow buffers',
    'kill itself',
    'abort',
  ],
};

for (const tier of ['worker', 'process'] as const) {
  describe(`containment in tier ${tier}`, () => {
    let runtime: TestRuntime;
    let sample: ServiceOf<typeof Sample>;

    beforeEach(async () => {
      runtime = await bootWithSample(tier);
      sample = runtime.service(Sample);
    });
    afterEach(() => runtime.stop());

    for (const how of CONTAINED[tier]) {
      it(`survives '${how}', and starts the bundle again`, async () => {
        const restarted = logged(runtime, 'sample.sample', /^Started again/);
        const misbehaving = sample.misbehave(how).catch((error: unknown) => error);
        const neighbour = runtime.service(Neighbour);
        // What happens elsewhere goes on meanwhile.
        assert.equal(await neighbour.name(), 'sample.neighbour');
        await restarted;
        await misbehaving;
        assert.equal(await sample.greeting(), 'hello');
        assert.equal(await sample.countedByComponent(), 1);
      });
    }

    it('tells who waits that the guest is gone, as something to try again', async () => {
      const waiting = sample.sleep(60_000);
      const ended = assert.rejects(waiting, (error: SluiceError) => codeOf(error) === 'ISOLATION_GUEST_GONE' && error.retryable);
      void sample.misbehave('exit').catch(() => undefined);
      await ended;
      await assert.rejects(sample.greeting(), (error: SluiceError) => codeOf(error) === 'SERVICE_UNAVAILABLE' && error.retryable);
    });

    it('goes on after a forgotten rejection and a stack overflow, and tells the line', async () => {
      const { pid, thread } = await sample.whereAmI();
      const told = logged(runtime, 'sample.sample', /nobody handled it/);
      await sample.misbehave('forgotten rejection');
      await told;
      const line = runtime.kernel.logs({ bundle: 'sample.sample', level: 'error' }).at(-1);
      assert.match(String(line?.fields['error']), /misbehaviour\.ts/);
      await assert.rejects(sample.misbehave('stack overflow'), /call stack/);
      const after = await sample.whereAmI();
      assert.deepEqual([after.pid, after.thread], [pid, thread]);
    });

    it('quarantines a bundle that fails five times in a minute, with the reason in why, health, alarms and events', async () => {
      const { kernel } = runtime;
      const events: string[] = [];
      kernel.followEvents(({ kind, subject }) => events.push(`${kind} ${subject}`));
      for (let failure = 1; failure <= 5; failure += 1) {
        const next = logged(runtime, failure < 5 ? 'sample.sample' : 'kernel', failure < 5 ? /^Started again/ : /fifth time/);
        await sample.misbehave('exit').catch(() => undefined);
        await next;
      }
      const summary = kernel.bundles().find(({ symbolicName }) => symbolicName === 'sample.sample');
      assert.deepEqual([summary?.state, summary?.error?.code, summary?.autostart], ['RESOLVED', 'ISOLATION_QUARANTINED', true]);
      assert.match((await kernel.why('sample.sample'))[1]?.statement ?? '', /ended with code 7, for the fifth time within a minute/);
      assert.ok(events.includes('QUARANTINED sample.sample'));
      assert.equal(kernel.status().alarms.at(-1)?.code, 'ISOLATION_QUARANTINED');
      const [check] = [...runtime.services(HealthCheck)];
      assert.equal((await check?.check(AbortSignal.timeout(100)))?.message, 'quarantined: sample.sample');
      await kernel.start('sample.sample', { actor: 'test' });
      assert.equal(await sample.greeting(), 'hello');
      assert.equal([...runtime.services(HealthCheck)].length, 0);
    });

    it('returns to the version before when the new one fails on probation', async () => {
      const outcome = await runtime.tryDeploy([withVersion(await sampleArtifact('sample'), '1.1.0')], { watchMs: 60_000 });
      assert.ok(outcome.onTrial, outcome.error?.message);
      const returned = logged(runtime, 'kernel', /rolled back/);
      for (let failure = 1; failure <= 5; failure += 1) {
        const next = failure < 5 ? logged(runtime, 'sample.sample', /^Started again/) : returned;
        await sample.misbehave('exit').catch(() => undefined);
        await next;
      }
      assert.equal((await sample.whereAmI()).version, '1.0.0');
    });
  });
}

describe('network of a bundle', () => {
  let server: Server;
  let url: string;
  before(async () => {
    server = createServer((_request, response) => response.end('reached'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  });
  after(() => new Promise((resolve) => server.close(resolve)));

  it('is the kernel’s in a worker, and none in a process where the system allows it', async function () {
    const worker = await bootWithSample('worker');
    await worker.service(Sample).misbehave(`reach ${url}`);
    await worker.stop();
    if (!hasOwnNetworks()) return this.skip();
    const apart = await bootWithSample('process');
    await assert.rejects(apart.service(Sample).misbehave(`reach ${url}`), /fetch failed/);
    await apart.stop();
  });
});
