/** Whoever reads the output of a command may stop reading: `sluice events | head`, or the log pipe of a supervisor that ended. */
import { deepStrictEqual, strictEqual } from 'node:assert';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AdminClient } from '@sluice/kernel/admin/client';
import { artifactOf } from '@sluice/kernel/testing';
import { defineBundle } from '@sluice/sdk';
import { endAll, interrupt, lineOf, sluice, spawnSluice } from './sluice-process.js';

describe('output that nobody reads any longer', function () {
  this.timeout(60_000);
  let folder: string;
  const started = (line: string): boolean => line.startsWith('Started in');

  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'sluice-output-'))));
  afterEach(async () => {
    await endAll();
    rmSync(folder, { recursive: true, force: true });
  });

  it('does not end a kernel, and ends a command that only prints', async () => {
    const kernel = spawnSluice(folder, ['start', '--no-bundles', '--data', 'data', '--log-level', 'trace']);
    await lineOf(kernel, started);
    const events = spawnSluice(folder, ['events', '--data', 'data']);
    const ended = once(events, 'close');
    const client = new AdminClient(join(folder, 'data'), 'test');
    for (const stream of [kernel.stdout, kernel.stderr, events.stdout]) stream?.destroy();
    // The bundle cannot be loaded: the kernel tells so on standard error, and the events tell that it came.
    const print = async (): Promise<void> => {
      const bundle = {
        symbolicName: 'hello',
        definition: defineBundle({}),
        entries: { 'dist/bundle.cjs': 'console.error("loaded"); throw 1;' },
      };
      strictEqual((await client.deploy([artifactOf(bundle)], {})).outcome, 'refused');
      await client.install([artifactOf({ ...bundle, version: '1.0.1' })], {});
      await client.uninstall('hello', {});
    };
    // Until the command has connected it sees nothing.
    const over = { value: false };
    void ended.then(() => (over.value = true));
    while (!over.value) await print();
    deepStrictEqual(await ended, [0, null]);
    strictEqual((await client.status()).phase, 'running');
    strictEqual(await interrupt(kernel), 0);
  });

  it('is told about files that are not there before anything begins', async () => {
    const restored = await sluice(folder, 'restore', 'none.tgz', '--data', 'data');
    deepStrictEqual([restored.code, restored.errors.split('\n').at(-2)?.trim()], [4, 'Code RESTORE_UNKNOWN']);
    for (const words of [
      ['start', '--bundles', 'none', '--data', 'data'],
      ['start', '--no-bundles', '--greeting', 'none.txt', '--data', 'data'],
    ]) {
      const { code, out, errors } = await sluice(folder, ...words);
      deepStrictEqual([code, out, errors.split('\n').at(-2)?.trim()], [4, '', 'Code FILE_UNKNOWN'], words.join(' '));
    }
  });
});
