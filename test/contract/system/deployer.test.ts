/** The watched folder in the real kernel: real files, the real watcher, the real clock; files that arrive in every bad way. */
import { deepStrictEqual as equal, ok } from 'node:assert';
import { watch as watchFile } from 'node:fs';
import { appendFile, copyFile, open, readdir, readFile, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { contract, defineBundle, method, Type } from '@sluice/sdk';
import { artifactOf, TestRuntime, type TestBundle } from '@sluice/kernel/testing';
import deployerBundle from '../../../plugins/system/deployer/activator.js';
import { dataPath, logged, systemBundle } from './system-bundle.js';

const Greeter = contract('test.Greeter', '1.0.0', { greet: method([], Type.String()) });
const scanning = { scanPeriodMs: 100, settleMs: 20, watch: false, probationMs: 0 };
const watching = { scanPeriodMs: 3_600_000, settleMs: 20, watch: true, probationMs: 0 };

function greeter(version: string, more: Partial<TestBundle> = {}): TestBundle {
  const definition = defineBundle({
    provides: [Greeter],
    activate: (context) => void context.register(Greeter, { greet: () => Promise.resolve(version) }),
  });
  return { symbolicName: 'test.greeter', version, definition, ...more };
}

function guest(version = '1.0.0'): TestBundle {
  return { symbolicName: 'test.guest', version, definition: defineBundle({ requires: [Greeter] }) };
}

describe('system.deployer in the kernel', () => {
  let runtime: TestRuntime;
  let folder: string;
  beforeEach(async () => {
    runtime = await TestRuntime.boot({ time: 'real' });
    folder = dataPath(runtime, 'deploy');
  });
  afterEach(() => runtime.stop());

  /** Resolves with the status of a file as soon as it has one of these outcomes. */
  async function status(name: string, ...outcomes: readonly string[]): Promise<Record<string, any>> {
    const changes = watchFile(folder);
    try {
      for (;;) {
        // Listening before reading: a change between the two is not lost.
        const changed = new Promise((resolve) => changes.once('change', resolve));
        const text = await readFile(join(folder, `${name}.status.json`), 'utf8').catch(() => '{}');
        const found = JSON.parse(text) as Record<string, any>;
        if (outcomes.includes(found['outcome'] as string)) return found;
        await changed;
      }
    } finally {
      changes.close();
    }
  }

  const put = (name: string, bundle: TestBundle): Promise<void> => writeFile(join(folder, name), artifactOf(bundle));
  const versions = (): string[] => runtime.kernel.bundles().map(({ symbolicName, version }) => `${symbolicName} ${version}`);

  for (const [how, config] of [
    ['the scan alone', scanning],
    ['the watcher alone', watching],
  ] as const) {
    it(`deploys, swaps and refuses files found by ${how}`, async () => {
      await runtime.deploy(systemBundle('deployer', deployerBundle, config));
      await put('greeter.tgz', greeter('1.0.0'));
      const first = await status('greeter.tgz', 'committed');
      equal(first['bundle'], { symbolicName: 'test.greeter', version: '1.0.0' });
      equal(await runtime.service(Greeter).greet(), '1.0.0');
      await rm(join(folder, 'greeter.tgz.status.json'));
      await put('greeter.tgz', greeter('1.1.0'));
      await status('greeter.tgz', 'committed');
      equal(await runtime.service(Greeter).greet(), '1.1.0');
      await writeFile(join(folder, 'bad.tgz'), 'not an archive');
      equal((await status('bad.tgz', 'refused'))['error'].code, 'ARTIFACT_UNREADABLE');
      equal(
        runtime.kernel
          .history(10)
          .map(({ actor, outcome }) => [actor, outcome])
          .filter(([actor]) => actor !== 'test'),
        [
          ['folder:greeter.tgz', 'committed'],
          ['folder:greeter.tgz', 'committed'],
        ],
      );
    });
  }

  it('takes a file that arrives in pieces when its last piece is there', async () => {
    await runtime.deploy(
      systemBundle('deployer', deployerBundle, { ...scanning, scanPeriodMs: 100, settleMs: 10, incompleteReportMs: 50 }),
    );
    const bytes = artifactOf(greeter('1.0.0'));
    const path = join(folder, 'greeter.tgz');
    await writeFile(path, bytes.subarray(0, 200));
    await status('greeter.tgz', 'incomplete');
    await logged(runtime, 'system.deployer', "'greeter.tgz' has been incomplete and unchanged");
    equal(versions(), ['system.deployer 1.0.0']);
    await appendFile(path, bytes.subarray(200));
    await status('greeter.tgz', 'committed');
    equal(versions(), ['system.deployer 1.0.0', 'test.greeter 1.0.0']);
  });

  it('takes a file that is written into reserved space, with its times set back, when it is whole', async () => {
    await runtime.deploy(systemBundle('deployer', deployerBundle, scanning));
    const bytes = artifactOf(greeter('1.0.0'));
    const path = join(folder, 'greeter.tgz');
    await writeFile(path, Buffer.alloc(bytes.length));
    await utimes(path, 1, 1);
    await status('greeter.tgz', 'refused');
    const handle = await open(path, 'r+');
    await handle.write(bytes, 0, bytes.length, 0);
    await handle.close();
    await utimes(path, 1, 1);
    await status('greeter.tgz', 'committed');
  });

  it('takes a renamed file at once, and leaves hidden files, other files and folders alone', async () => {
    await runtime.deploy(systemBundle('deployer', deployerBundle, watching));
    for (const name of ['.greeter.tgz', 'greeter.tgz.part', 'greeter.tar']) await put(name, greeter('9.0.0'));
    await rename(join(folder, 'greeter.tgz.part'), join(folder, 'greeter.tgz'));
    await status('greeter.tgz', 'committed');
    equal((await readdir(folder)).sort(), ['.greeter.tgz', 'greeter.tar', 'greeter.tgz', 'greeter.tgz.status.json']);
  });

  it('deploys bundles that need each other together', async () => {
    await put('a-guest.tgz', guest());
    await put('b-greeter.tgz', greeter('1.0.0'));
    await runtime.deploy(systemBundle('deployer', deployerBundle, scanning));
    await Promise.all([status('a-guest.tgz', 'committed'), status('b-greeter.tgz', 'committed')]);
    equal(runtime.kernel.history(1)[0]?.actor, 'folder:a-guest.tgz,b-greeter.tgz');
  });

  it('says what a refused file lacks, and deploys it when it comes again with what it needs', async () => {
    await runtime.deploy(systemBundle('deployer', deployerBundle, scanning));
    await put('guest.tgz', guest());
    ok((await status('guest.tgz', 'refused'))['error'].message.includes('test.Greeter'));
    await put('greeter.tgz', greeter('1.0.0'));
    await status('greeter.tgz', 'committed');
    equal(versions().length, 2);
    await rm(join(folder, 'guest.tgz.status.json'));
    await put('guest.tgz', guest('1.0.1'));
    await status('guest.tgz', 'committed');
    equal(versions().length, 3);
  });

  it('replaces itself by a file without hanging, and the new revision carries on', async () => {
    await runtime.deploy(systemBundle('deployer', deployerBundle, scanning));
    await put('deployer.tgz', systemBundle('deployer', deployerBundle, scanning, '1.1.0'));
    await status('deployer.tgz', 'committed');
    await put('greeter.tgz', greeter('1.0.0'));
    await status('greeter.tgz', 'committed');
    equal(versions(), ['system.deployer 1.1.0', 'test.greeter 1.0.0']);
    equal(
      runtime.kernel.history(10).map((entry) => entry.actor),
      ['test', 'folder:deployer.tgz', 'folder:greeter.tgz'],
    );
  });

  it('deploys nothing again after a restart of the bundle', async () => {
    await runtime.deploy(systemBundle('deployer', deployerBundle, scanning));
    await put('greeter-1.tgz', greeter('1.0.0'));
    await status('greeter-1.tgz', 'committed');
    await put('greeter-2.tgz', greeter('2.0.0'));
    await status('greeter-2.tgz', 'committed');
    await runtime.kernel.stop('system.deployer', { actor: 'test' });
    await runtime.kernel.start('system.deployer', { actor: 'test' });
    await put('marker.tgz', { symbolicName: 'test.marker', definition: defineBundle({}) });
    await status('marker.tgz', 'committed');
    equal(versions(), ['system.deployer 1.0.0', 'test.greeter 2.0.0', 'test.marker 1.0.0']);
  });

  it('uninstalls what a removed file brought, when configured to', async () => {
    await runtime.deploy(systemBundle('deployer', deployerBundle, { ...scanning, uninstallOnRemove: true }));
    await put('greeter.tgz', greeter('1.0.0'));
    await status('greeter.tgz', 'committed');
    await rm(join(folder, 'greeter.tgz'));
    await logged(runtime, 'system.deployer', "'test.greeter' is uninstalled");
    equal([versions(), await readdir(folder)], [['system.deployer 1.0.0'], []]);
  });

  it('watches a folder of its own, made when it is missing', async () => {
    const own = dataPath(runtime, 'elsewhere', 'made', 'for-it');
    await runtime.deploy(systemBundle('deployer', deployerBundle, { ...scanning, folder: own }));
    await put('greeter.tgz', greeter('1.0.0'));
    await copyFile(join(folder, 'greeter.tgz'), join(own, 'greeter.tgz'));
    folder = own;
    await status('greeter.tgz', 'committed');
  });
});
