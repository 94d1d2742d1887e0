import { strict as assert } from 'node:assert';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigSource, contract, defineBundle, method, Type } from '@sluice/sdk';
import { readArchive } from '@sluice/kernel/host/archive';
import { MemoryJournal } from '@sluice/kernel/host/journal';
import { createLeakWatch } from '@sluice/kernel/host/leak-watch';
import { recover } from '@sluice/kernel/host/recovery';
import { createSchemaChecker } from '@sluice/kernel/host/schema-check';
import { MemoryStore } from '@sluice/kernel/host/store';
import type { JournalView } from '@sluice/kernel/host/ports';
import { KernelRuntime } from '@sluice/kernel/lifecycle/kernel-runtime';
import { settle, VirtualClock } from '@sluice/kernel/testing/virtual-clock';
import { createTestLoader } from '@sluice/kernel/testing/test-loader';
import { artifactOf } from '@sluice/kernel/testing/test-bundle';
import { MemoryConfig } from './memory-config.js';

const Greeter = contract('test.Greeter', '1.0.0', { greet: method([], Type.String()) });
const TEST = { bundleId: -1, symbolicName: 'test', version: '0.0.0', revision: 1 };

function greeter(version: string): Buffer {
  return artifactOf({
    symbolicName: 'test.greeter',
    version,
    manifest: { config: { schema: { type: 'object', properties: { word: { type: 'string', default: 'hello' } } } } },
    definition: defineBundle<{ word: string }>({
      provides: [Greeter],
      activate: (context) => {
        const { word } = context.config;
        context.register(Greeter, { greet: () => Promise.resolve(`${word} from ${version}`) });
      },
    }),
  });
}

describe('a process that ends in the middle of a release', () => {
  const store = new MemoryStore();
  const config = new MemoryConfig();

  /** A kernel on a journal, as a start of the process makes it. */
  async function start(
    view?: JournalView,
    startAt?: number,
  ): Promise<{ kernel: KernelRuntime; journal: MemoryJournal; clock: VirtualClock; greet(): Promise<string> }> {
    const journal = new MemoryJournal(view);
    const clock = new VirtualClock(startAt);
    const kernel = new KernelRuntime({
      ...{ version: '1.0.0', sdkVersions: ['1.0.0'], readArchive, checkSchema: createSchemaChecker() },
      ports: { clock, store, journal, loader: createTestLoader(), leakWatch: createLeakWatch() },
      dataFolder: (name) => join(mkdtempSync(join(tmpdir(), 'sluice-restart-')), name),
      writeBackup: () => Promise.reject(new Error('no')),
      watchMs: 0,
    });
    kernel.state.registry.register(TEST, ConfigSource, config, {}, null);
    await kernel.boot(recover(journal.view, { now: clock.now(), hasBlob: () => true, pointer: null }));
    const greet = async (): Promise<string> => {
      const handle = kernel.state.registry.reference(TEST, Greeter, undefined, null);
      try {
        return await handle.service.greet();
      } finally {
        handle.close();
      }
    };
    return { kernel, journal, clock, greet };
  }

  it('right after the commit comes up with the new contents and the new configuration, and writes it then', async () => {
    const first = await start();
    await first.kernel.deploy([greeter('1.0.0')], { actor: 'lin' });
    config.failing = true;
    const bundles = [{ name: 'test.greeter', version: '1.1.0' }];
    const release = { name: 'bank', version: '1.1.0', bundles, configuration: { 'test.greeter': { word: 'salut' } } };
    const outcome = await first.kernel.deployRelease(release, [greeter('1.1.0')], { actor: 'lin' });
    assert.equal(outcome.outcome, 'committed');
    assert.deepEqual([...config.stored], []);
    const { view } = first.journal;
    await first.kernel.shutdown();

    config.failing = false;
    const second = await start(view);
    assert.equal(await second.greet(), 'salut from 1.1.0');
    assert.deepEqual(config.stored.get('test.greeter'), { word: 'salut' });
    assert.equal(second.journal.view.unwritten, undefined);
    await second.kernel.shutdown();
  });

  for (const [downMs, leftMs] of [
    [20_000, 40_000],
    [90_000, 1],
  ] as const) {
    it(`and is down for ${downMs} ms of the minute of a temporary release returns ${leftMs} ms after the start`, async () => {
      config.stored.clear();
      const first = await start();
      await first.kernel.deploy([greeter('1.0.0')], { actor: 'lin' });
      const bundles = [{ name: 'test.greeter', version: '1.1.0' }];
      const release = { name: 'bank', version: '1.1.0', bundles, configuration: { 'test.greeter': { word: 'salut' } } };
      await first.kernel.deployRelease(release, [greeter('1.1.0')], { actor: 'lin', confirmWithinMs: 60_000 });
      const now = first.clock.now();
      const { view } = first.journal;
      await first.kernel.shutdown();

      const second = await start(view, now + downMs);
      await second.clock.advance(leftMs - 1);
      assert.equal(await second.greet(), 'salut from 1.1.0');
      assert.equal(second.kernel.status().trial?.temporary, true);
      await second.clock.advance(1);
      await settle();
      await settle();
      assert.equal(await second.greet(), 'hello from 1.0.0');
      assert.deepEqual(config.stored.get('test.greeter'), {});
      assert.deepEqual(
        second.kernel.releases().map(({ outcome }) => outcome),
        ['rolled-back'],
      );
      await second.kernel.shutdown();
    });
  }

  it('before the commit comes up with the old contents and the old configuration', async () => {
    config.stored.clear();
    const first = await start();
    await first.kernel.deploy([greeter('1.0.0')], { actor: 'lin' });
    const before = first.journal.view;
    await first.kernel.shutdown();
    const [bundle] = before.state.bundles;
    const journal = new MemoryJournal(before);
    await journal.append({
      ...{ type: 'begin', at: 1, deployId: 'd-1', kind: 'deploy', actor: 'lin', baseGeneration: 1 },
      changes: [
        { ...{ symbolicName: 'test.greeter', bundleId: 1, autostart: true, startLevel: 50 }, from: bundle ?? null, to: bundle ?? null },
      ],
      configuration: [{ bundle: 'test.greeter', key: 'word', to: 'salut' }],
      release: { name: 'bank', version: '1.1.0', complete: false, bundles: [], configuration: {} },
    });
    const second = await start(journal.view);
    assert.equal(await second.greet(), 'hello from 1.0.0');
    assert.deepEqual([...config.stored], []);
    assert.deepEqual(second.kernel.releases(), []);
    await second.kernel.shutdown();
  });
});
